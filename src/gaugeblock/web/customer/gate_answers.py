"""Answers on their way out: held whole until their transfer is recorded, their headers, and the gate's own refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from gaugeblock.exchange.transfers import runs_of
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.web.headers import HEADERS

Header = tuple[bytes, bytes]

PROBLEM = b"application/problem+json"
SECURITY: tuple[Header, ...] = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
_OURS = frozenset({b"x-request-id", b"gaugeblock-transfer", b"ratelimit", b"ratelimit-policy"})
_NO_STORE: Header = (b"cache-control", b"private, no-store")
OPEN_HEADERS: tuple[Header, ...] = (_NO_STORE, *SECURITY)
"""Of answers on open paths, where these say nothing else."""

STATUS = {
    "exchange.sign_in_needed": 401,
    "exchange.scope_needed": 403,
    "exchange.cross_site": 403,
    "exchange.too_fast": 429,
    "exchange.quota_spent": 429,
    "exchange.request_too_long": 414,
}
"""The gate's refusals; others of it are 503."""


class Answer(NamedTuple):
    """An answer, whole.

    Parameters
    ----------
    headers
        All but those that differ by request.
    sha256, size_bytes
        Of what the customer then has: of the body, or of the representation that a 304 speaks of.
    runs, truncated
        The records it was derived from.
    """

    status: int
    headers: tuple[Header, ...]
    body: bytes
    sha256: str
    size_bytes: int
    runs: tuple[tuple[int, int], ...]
    truncated: bool
    etag: bytes = b""


class _Problem(msgspec.Struct, frozen=True):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    remedy: str


def problem_answer(error: GaugeblockError, language: Language, instance: str, extra: Iterable[Header] = ()) -> Answer:
    """A refusal of the gate as problem details (RFC 9457). It says nothing of any record."""
    status = STATUS.get(error.code, 503)
    problem = _Problem(
        type=f"urn:gaugeblock:problem:{error.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.text(language),
        instance=instance[:200],
        code=error.code,
        remedy=error.remedy(language),
    )
    spoken = b"zh-Hans" if language == "zh" else b"en"
    headers: list[Header] = [(b"content-type", PROBLEM), (b"content-language", spoken)]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="gaugeblock"'))
    if status in (429, 503):
        headers.append((b"retry-after", str(error.facts.get("seconds", 1)).encode()))
    return whole(status, [*headers, *extra], msgspec.json.encode(problem), {})


def whole(status: int, headers: Iterable[Header], body: bytes, state: dict[str, Any]) -> Answer:
    """An answer from what an application sent, with what it left in the request's state."""
    kept = [(name, value) for name, value in headers if name not in _OURS and name != b"content-length"]
    names = {name for name, _ in kept}
    vary = b", ".join([*(value for name, value in kept if name == b"vary"), b"authorization, cookie"])
    final = [(name, value) for name, value in kept if name != b"vary"]
    final.append((b"vary", vary))
    if b"cache-control" not in names:
        final.append(_NO_STORE)
    final += [header for header in SECURITY if header[0] not in names]
    if status not in (204, 304):
        final.append((b"content-length", str(len(body)).encode()))
    sha256, size = state.get("representation") or (hashlib.sha256(body).hexdigest(), len(body))
    runs, truncated = runs_of(state.get("derived_from") or ())
    etag = next((value for name, value in kept if name == b"etag"), b"")
    return Answer(status, tuple(final), body, sha256, size, runs, truncated, etag)


def not_modified(answer: Answer) -> Answer:
    """The 304 of a 200 that the caller has already; it is recorded with the digest of what the caller has."""
    dropped = (b"content-length", b"content-type", b"content-disposition")
    headers = tuple(header for header in answer.headers if header[0] not in dropped)
    return answer._replace(status=304, headers=headers, body=b"")


def is_known(etag: bytes, if_none_match: bytes) -> bool:
    """Whether ``If-None-Match`` names this tag (RFC 9110, 13.1.2: weak comparison).

    >>> is_known(b'"a"', b'W/"a", "b"'), is_known(b'"a"', b'"b"'), is_known(b'"a"', b"*")
    (True, False, True)
    """
    if if_none_match.strip() == b"*":
        return True
    wanted = etag.removeprefix(b"W/")
    return any(part.strip().removeprefix(b"W/") == wanted for part in if_none_match.split(b","))
