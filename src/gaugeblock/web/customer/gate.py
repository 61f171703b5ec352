"""The gate: the one door through which a customer reaches anything, and through which anything leaves.

For each request it finds out who calls, holds the call to its limits, gives the faces behind it **one view** of what
the caller may see, holds the answer until its transfer is recorded in the log, and only then sends it.

What the faces find and leave in ``scope["state"]``:

==================  ====================================================================================================
``caller``          :class:`Caller`, or ``None`` on open paths
``view``            the caller's :class:`~gaugeblock.exchange.view.CustomerView`: one snapshot for the whole request;
                    ``None`` on open paths
``request_id``      text; the answer carries it as ``X-Request-Id``
``csrf``            the token that an unsafe request of a session carries (a form's field, or ``X-CSRF-Token``)
``derived_from``    list of log indices; **faces append** the records that the answer was derived from
``representation``  faces may set ``(sha256 hex, bytes)``: with a 304, of what the caller has already; with a body
that is
                    sent in chunks and too large to be held, of the whole body, before its first chunk
==================  ====================================================================================================

The gate's own refusals (401, 403, 414, 429, 503) say nothing of any record and are not recorded as transfers: a crowd
at the door must not fill the log. They stand in the customer's log of requests, where the customer is known.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from gaugeblock.exchange.access import Access
from gaugeblock.exchange.access_errors import (
    CrossSiteError,
    NotRecordedError,
    QuotaSpentError,
    RequestTooLongError,
    ScopeNeededError,
    SignInNeededError,
    TooFastError,
)
from gaugeblock.exchange.credentials import LEASE_S, Caller
from gaugeblock.exchange.limits import DAY_S, Buckets, Quotas, left_header
from gaugeblock.exchange.view import CustomerView
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.stores.exchange_state import RequestRow
from gaugeblock.web.customer.gate_answers import (
    OPEN_HEADERS,
    Answer,
    Header,
    is_known,
    not_modified,
    problem_answer,
    whole,
)
from gaugeblock.web.customer.gate_outgoing import Outgoing
from gaugeblock.web.customer.gate_passage import (
    SESSION_COOKIE,
    App,
    Passage,
    Receive,
    RecorderLike,
    RequestSink,
    Scope,
    Seat,
    Send,
    Sessions,
    Views,
    batch_key,
    cookie_of,
    csrf_of,
)

__all__ = [
    "OPEN_PATHS",
    "OPEN_PREFIXES",
    "SESSION_COOKIE",
    "App",
    "Caller",
    "Gate",
    "Receive",
    "Scope",
    "Send",
    "batch_key",
    "csrf_of",
    "scope_needed",
]

OPEN_PATHS: frozenset[str] = frozenset(
    {
        "/",
        "/healthz",
        "/favicon.ico",
        "/oauth/token",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
        "/api/v1/openapi.json",
        "/sign-in",
        "/log.key",
    }
)
OPEN_PREFIXES: tuple[str, ...] = ("/portal", "/static/")
"""What is reached without a credential: documentation, metadata, the token endpoint. Nothing here says a record."""

ANSWER_BYTES_MOST = 32 * 1024 * 1024
PATH_MOST, QUERY_MOST = 2_000, 4_000
FRESH_TRIES, FRESH_EVERY_S = 20, 0.02
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_SLASHES = re.compile(r"//+")
_WEBHOOKS = ("/api/v1/webhooks", "/console/webhooks")
_MACHINES = ("/api/", "/epcis/", "/pact/", "/log/")
"""Faces without forms: a session's writes there carry its token in a header, which no form of another site can."""

_SCOPE_OF_WRITES: tuple[tuple[str, str], ...] = (
    ("/api/v1/contracts", "contract"),
    ("/my/contract", "contract"),
    ("/api/v1/webhooks", "webhook"),
    ("/epcis/capture", "capture"),
    ("/epcis/v2/capture", "capture"),
    ("/epcis/events", "capture"),
)


def as_routed(path: str) -> str:
    """A path as Litestar's router reads it: several slashes are one. What follows from a path is decided on this.

    >>> as_routed("//api//v1/orders")
    '/api/v1/orders'
    """
    return _SLASHES.sub("/", path) if "//" in path else path


def scope_needed(method: str, path: str) -> str:
    """Which scope a request needs: to read is one for all faces; to write is one by what is written.

    >>> scope_needed("GET", "/api/v1/contracts"), scope_needed("POST", "/api/v1/contracts/K-1/2/accept")
    ('read', 'contract')
    >>> scope_needed("POST", "/api/v1/threads"), scope_needed("POST", "//api/v1/webhooks")
    ('message', 'webhook')
    """
    path = as_routed(path)
    if path.startswith(_WEBHOOKS):
        return "webhook"
    if method in _SAFE:
        return "read"
    return next((scope for prefix, scope in _SCOPE_OF_WRITES if path.startswith(prefix)), "message")


class Gate:
    """ASGI middleware around everything that a customer reaches. See the module.

    Parameters
    ----------
    app
        The faces.
    access, sessions
        Who calls.
    views
        What they may see.
    recorder
        Transfers.
    buckets, quotas
        Limits.
    requests
        The customers' log of requests.
    now_s, monotonic_s, at
        Wall clock in Unix seconds, steady clock, wall clock as RFC 3339.
    epoch
        Of this start; request ids begin with it.
    keep_prefixes
        Faces whose answer to a GET follows from view, address, ``Accept`` and ``Accept-Language`` alone: made once a
        view.
    sign_in
        Where a person with a browser is sent who is nobody yet.
    """

    def __init__(
        self,
        app: App,
        *,
        access: Access,
        sessions: Sessions | None,
        views: Views,
        recorder: RecorderLike,
        buckets: Buckets,
        quotas: Quotas,
        requests: RequestSink,
        at: Callable[[], str],
        epoch: int,
        now_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        keep_prefixes: tuple[str, ...] = ("/aas/",),
        open_paths: frozenset[str] = OPEN_PATHS,
        open_prefixes: tuple[str, ...] = OPEN_PREFIXES,
        sign_in: str = "/sign-in",
        answer_bytes_most: int = ANSWER_BYTES_MOST,
    ) -> None:
        self._app, self._access, self._sessions, self._views = app, access, sessions, views
        self._recorder, self._buckets, self._quotas, self._requests = recorder, buckets, quotas, requests
        self._at, self._now_s, self._monotonic_s = at, now_s, monotonic_s
        self._keep_prefixes, self._open_paths, self._open_prefixes = keep_prefixes, open_paths, open_prefixes
        self._sign_in, self._answer_bytes_most = sign_in, answer_bytes_most
        self._seats: dict[tuple[str, bool], Seat] = {}
        self._id_prefix, self._ids = f"{epoch:x}-{int(now_s()) & 0xFFFFFF:x}-".encode(), itertools.count(1)
        self.refused: dict[int, int] = {}
        self.answered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        request = given if given and _REQUEST_ID.fullmatch(given) else self._id_prefix + b"%x" % next(self._ids)
        passage = Passage(scope, headers, request, self._monotonic_s())
        path: str = scope["path"]
        try:
            if len(path) > PATH_MOST or len(scope["query_string"]) > QUERY_MOST:
                raise RequestTooLongError(what="path, query", limit=PATH_MOST)
            if path in self._open_paths or path.startswith(self._open_prefixes):
                await self._open(passage, receive, send)
                return
            caller = await self._admit(passage)
            answer = self._kept(passage)
            if answer is None:
                outgoing = Outgoing(passage, send, self._answer_bytes_most, self._recorded, self._log)
                await self._app(passage.inner(caller), receive, outgoing.send)
                if outgoing.streaming:
                    return
                answer = outgoing.answer()
                self._keep(passage, answer)
            identity = await self._recorded(passage, answer)
        except GaugeblockError as error:
            await self._refuse(passage, error, send)
            return
        await self._send(passage, answer, identity, send)

    # ── who, and how much ───────────────────────────────────────────────────────────────────────────────

    async def _admit(self, passage: Passage) -> Caller:
        now_s = self._now_s()
        caller = self._bearer(passage.headers, now_s)
        if caller is None and b"cookie" in passage.headers:
            caller = await self._person(passage)
        if caller is None:
            raise SignInNeededError
        passage.caller = caller
        method = passage.scope["method"]
        needed = scope_needed(method, passage.scope["path"])
        if needed not in caller.scopes:
            raise ScopeNeededError(scope=needed)
        left = self._buckets.take(caller.credential, passage.begun_s)
        if left < 0:
            raise TooFastError(seconds=max(1, round(-left + 0.5)))
        seat = self._seat(caller, self._views.current(caller) or await self._views.load(caller))
        passage.seat = seat
        left_today = self._quotas.take(caller.customer, seat.quota)
        day_ends_s = DAY_S - int(now_s) % DAY_S
        if left_today < 0:
            raise QuotaSpentError(quota=seat.quota, seconds=day_ends_s)
        passage.limits = left_header(self._buckets, left, left_today, day_ends_s)
        return caller

    def _bearer(self, headers: Mapping[bytes, bytes], now_s: float) -> Caller | None:
        value = headers.get(b"authorization")
        if value is None or value[:7].lower() != b"bearer " or len(value) > 8_192:
            return None
        return self._access.of_bearer(value[7:].decode("latin-1").strip(), now_s)

    async def _person(self, passage: Passage) -> Caller | None:
        token = cookie_of(passage.headers[b"cookie"])
        if self._sessions is None or token is None:
            return None
        caller = await asyncio.to_thread(self._sessions.caller_of, token)
        if caller is None:
            return None
        passage.csrf = csrf_of(token)
        if passage.scope["method"] not in _SAFE:
            # The cookie is SameSite; this holds where a browser does not know that.
            if passage.headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
                raise CrossSiteError
            if as_routed(passage.scope["path"]).startswith(_MACHINES) and (
                passage.headers.get(b"x-csrf-token", b"").decode("latin-1") != passage.csrf
            ):
                raise CrossSiteError
        return caller

    def _seat(self, caller: Caller, view: CustomerView) -> Seat:
        seat = self._seats.get((caller.customer, caller.test))
        if seat is None or seat.view is not view:
            seat = self._seats[caller.customer, caller.test] = Seat(view, self._buckets, seat)
        return seat

    # ── answers that follow from the view alone ─────────────────────────────────────────────────────────

    def _kept(self, passage: Passage) -> Answer | None:
        scope = passage.scope
        if scope["method"] not in ("GET", "HEAD") or not scope["path"].startswith(self._keep_prefixes):
            return None
        headers = passage.headers
        passage.key = (
            scope["path"],
            scope["query_string"],
            headers.get(b"accept", b""),
            headers.get(b"accept-language", b""),
        )
        assert passage.seat is not None
        answer = passage.seat.kept.get(passage.key)
        if answer is not None:
            known = headers.get(b"if-none-match")
            if known is not None and answer.etag and is_known(answer.etag, known):
                return not_modified(answer)
        return answer

    def _keep(self, passage: Passage, answer: Answer) -> None:
        # Only what was found: absent ids are without number.
        if passage.key is not None and passage.seat is not None and answer.status == 200:
            passage.seat.keep(passage.key, answer)

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _recorded(self, passage: Passage, answer: Answer) -> str:
        """Record the answer; when this returns it may be sent at once. The identity of its transfer record."""
        caller, seat = passage.caller, passage.seat
        assert caller is not None
        assert seat is not None
        identity, submitted_s = "", self._monotonic_s()
        if not caller.test:
            entry = TransferEntry(
                request=passage.request.decode(),
                at=self._at(),
                credential=caller.credential,
                method=passage.scope["method"],
                resource=passage.resource(),
                status=answer.status,
                sha256=answer.sha256,
                size_bytes=answer.size_bytes,
                log_size=seat.view.log_size,
                derived_from=answer.runs,
                truncated=answer.truncated,
            )
            recorded = await self._recorder.record(seat.key, entry)
            identity, submitted_s = recorded.identity, recorded.submitted_s
        for _ in range(FRESH_TRIES):
            if self._access.is_fresh():
                break
            await asyncio.sleep(FRESH_EVERY_S)
        else:
            raise NotRecordedError(detail="credentials not read in time")
        if self._monotonic_s() - submitted_s >= LEASE_S:
            raise NotRecordedError(detail="receipt too old")
        if not self._access.holds(caller, self._now_s()):
            raise SignInNeededError
        return identity

    async def _send(self, passage: Passage, answer: Answer, identity: str, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*answer.headers, *passage.own_headers(identity)],
            }
        )
        body = b"" if passage.scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})
        self._log(passage, answer.status, answer.size_bytes, answer.sha256, identity)

    def _log(
        self, passage: Passage, status: int, size: int, sha256: str = "", identity: str = "", error: str = ""
    ) -> None:
        self.answered += 1
        caller = passage.caller
        if caller is None:
            return
        row = RequestRow(
            request=passage.request.decode(),
            at=self._at(),
            credential=caller.credential,
            method=passage.scope["method"],
            resource=passage.resource(),
            status=status,
            size_bytes=size,
            duration_ms=round(1e3 * (self._monotonic_s() - passage.begun_s), 2),
            sha256=sha256,
            transfer=identity,
            error=error,
        )
        self._requests.add(caller.customer if not caller.test else f"test:{caller.customer}", row)

    async def _refuse(self, passage: Passage, error: GaugeblockError, send: Send) -> None:
        scope = passage.scope
        self.refused[0] = self.refused.get(0, 0) + 1
        if isinstance(error, SignInNeededError) and passage.wants_page():
            extra: Header = (b"location", self._sign_in.encode())
            answer = whole(303, [extra], b"", {})
        else:
            answer = problem_answer(error, passage.language(), scope["path"])
        self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*answer.headers, *passage.own_headers("")],
            }
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
        self._log(passage, answer.status, len(answer.body), error=error.code)

    async def _open(self, passage: Passage, receive: Receive, send: Send) -> None:
        passage.caller = None

        async def out(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [(name.lower(), value) for name, value in message["headers"]]
                names = {name for name, _ in headers}
                headers += [header for header in OPEN_HEADERS if header[0] not in names]
                message = {**message, "headers": [*headers, *passage.own_headers("")]}
            await send(message)

        # Who is signed in may be shown on open pages, and no record: there is no view.
        passage.scope["state"] = {"caller": None, "view": None, "request_id": passage.request.decode(), "csrf": ""}
        await self._app(passage.scope, receive, out)
