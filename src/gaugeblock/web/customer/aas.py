"""The AAS interface over HTTP: scope in, answer out. What it may show, and who asks, others decide before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, quote

from gaugeblock.exchange.aas.answers import AasAnswer, AasRequest
from gaugeblock.exchange.aas.api import answer
from gaugeblock.exchange.aas.view import AasView
from gaugeblock.plant.language import language_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_FIELDS_MOST = 200


class AasFace:
    """An ASGI application under a prefix.

    Before it sends anything it leaves the log indices behind an answer in ``scope["state"]["derived_from"]``, and the
    SHA-256 of its body in hex in ``scope["state"]["body_sha256"]``, for whoever wraps it and records what is served.

    Parameters
    ----------
    view_of
        What the caller of a request may see.
    prefix
        The address it is mounted under, where the server in front does not take it off.
    """

    def __init__(self, view_of: Callable[[Scope], AasView], prefix: str = "") -> None:
        self._view_of = view_of
        self._prefix = prefix.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - no body is read
        if scope["type"] != "http":
            return
        answered = answer(self._request(scope), self._view_of(scope))
        state = scope.setdefault("state", {})
        state["derived_from"], state["body_sha256"] = list(answered.derived_from), answered.sha256
        await _send(send, answered, with_body=scope["method"] != "HEAD")

    def _request(self, scope: Scope) -> AasRequest:
        path = scope["path"]
        for before in (scope.get("root_path") or "", self._prefix):
            if before and path.startswith(before):
                path = path[len(before) :]
        query = scope["query_string"]
        accept, known, language = "*/*", None, ""
        for name, value in scope["headers"]:
            if name == b"accept":
                accept = value.decode("latin-1")
            elif name == b"if-none-match":
                known = value.decode("latin-1")
            elif name == b"accept-language":
                language = value.decode("latin-1")
        return AasRequest(
            method=scope["method"],
            path=tuple(filter(None, path.split("/"))),
            query=_fields(query) if query else {},
            accept=accept,
            if_none_match=known,
            language=language_of(language, "en") if language else "en",
        )


def _fields(query: bytes) -> dict[str, list[str]]:
    """A query's fields. One with more fields than any operation has is read as its first fields."""
    text = "&".join(query.decode("latin-1").split("&")[:_FIELDS_MOST])
    return parse_qs(text, keep_blank_values=True, errors="replace")


async def _send(send: Send, answered: AasAnswer, *, with_body: bool) -> None:
    headers = [
        (name.encode("ascii"), quote(value, safe=_HEADER_SAFE).encode("ascii")) for name, value in answered.headers
    ]
    if answered.status != 304:
        headers += [
            (b"content-type", quote(answered.media_type, safe=_HEADER_SAFE).encode("ascii")),
            (b"content-length", str(len(answered.body)).encode("ascii")),
        ]
    # Each use is asked for anew, so that it is recorded; a tag spares the bytes.
    headers += [(b"cache-control", b"private, no-cache"), (b"vary", b"accept, accept-language, authorization")]
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body if with_body else b""})


# Whatever a stored content type holds, it cannot end a header line.
_HEADER_SAFE = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~ \""
