"""Requests and answers of the AAS interface as values, and how an error answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gaugeblock.exchange.aas.errors import AasMethodError, AasRequestError
from gaugeblock.plant.language import Language

JSON = "application/json"
_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class AasRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Parameters
    ----------
    path
        The decoded segments of the address behind the mount, without empty ones.
    accept, if_none_match
        The headers of these names.
    language
        For the sentences of errors.
    """

    method: str = "GET"
    path: tuple[str, ...] = ()
    query: Mapping[str, Sequence[str]] = {}
    accept: str = "*/*"
    if_none_match: str | None = None
    language: Language = "en"


class AasAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered.

    Parameters
    ----------
    headers
        Beside the content type, which ``media_type`` gives.
    derived_from
        The log indices of the records that the body says, ascending.
    sha256
        Of the body, in hex; worked out once for an answer that is kept.

    Notes
    -----
    An answer 304 carries the indices and the digest of the body that the caller already has.
    """

    status: int
    media_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    derived_from: tuple[int, ...] = ()
    sha256: str


def entity_tag(sha256: str) -> str:
    """A strong entity tag (RFC 9110, 8.8.3): 128 bits of the body's SHA-256.

    >>> entity_tag("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    '"44136fa355b3678a1146ad16f7e8649e"'
    """
    return f'"{sha256[:32]}"'


def ok(
    body: bytes,
    derived_from: Iterable[int],
    media_type: str = JSON,
    *,
    file_name: str | None = None,
) -> AasAnswer:
    """A body that answers; a file is offered for saving, never shown in place."""
    digest = hashlib.sha256(body).hexdigest()
    headers: tuple[tuple[str, str], ...] = (("etag", entity_tag(digest)),)
    if file_name is not None:
        safe = _FILE_NAME.sub("_", file_name).lstrip(".")[-80:] or "file"
        headers += (("content-disposition", f'attachment; filename="{safe}"'), ("x-content-type-options", "nosniff"))
    return AasAnswer(
        status=200,
        media_type=media_type,
        body=body,
        headers=headers,
        derived_from=tuple(sorted(set(derived_from))),
        sha256=digest,
    )


def ok_json(tree: Any, derived_from: Iterable[int]) -> AasAnswer:
    """A JSON value that answers."""
    return ok(msgspec.json.encode(tree), derived_from)


def refused(error: AasRequestError, language: Language) -> AasAnswer:
    """An error as the interface's Result: one message with the code, what is wrong and what to do."""
    said = {
        "messages": [
            {
                "code": error.code.removeprefix("exchange."),
                "messageType": "Error",
                "text": f"{error.text(language)} {error.remedy(language)}",
            }
        ]
    }
    headers = (("allow", "GET, HEAD"),) if isinstance(error, AasMethodError) else ()
    body = msgspec.json.encode(said)
    digest = hashlib.sha256(body).hexdigest()
    return AasAnswer(status=error.status, media_type=JSON, body=body, headers=headers, sha256=digest)


def unless_known(answer: AasAnswer, if_none_match: str) -> AasAnswer:
    """304 where the caller's tags hold the body's (RFC 9110, 13.1.2; the comparison is weak)."""
    tag = dict(answer.headers).get("etag")
    tags = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    if tag is None or not ({tag, "*"} & tags):
        return answer
    return AasAnswer(
        status=304,
        media_type=answer.media_type,
        body=b"",
        headers=(("etag", tag),),
        derived_from=answer.derived_from,
        sha256=answer.sha256,
    )
