"""What the gate knows of one request and of one customer: the request on its way, and the customer's view."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol

from gaugeblock.exchange.credentials import Caller
from gaugeblock.exchange.limits import Buckets, policy_header
from gaugeblock.exchange.recorder import Recorded
from gaugeblock.exchange.transfers import BatchKey, resource_of
from gaugeblock.exchange.view import CustomerView
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.plant.language import Language, language_of
from gaugeblock.stores.exchange_state import RequestRow
from gaugeblock.web.customer.gate_answers import Answer, Header

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SESSION_COOKIE = "gaugeblock_customer"
KEPT_BYTES_MOST = 64 * 1024 * 1024
KEPT_ANSWER_MOST = 1024 * 1024


class Views(Protocol):
    """What callers may see: kept fresh by others."""

    def current(self, caller: Caller) -> CustomerView | None:
        """The view as it stands in memory; ``None`` where it has to be loaded."""
        ...

    async def load(self, caller: Caller) -> CustomerView:
        """The view, loaded where need be."""
        ...


class Sessions(Protocol):
    """People who have signed in."""

    def caller_of(self, token: str) -> Caller | None:
        """The person behind a session's token, ``None`` where it has ended. Blocks."""
        ...


class RecorderLike(Protocol):
    """See :class:`~gaugeblock.exchange.recorder.Recorder`."""

    def record(self, key: BatchKey, entry: TransferEntry) -> Awaitable[Recorded]: ...


class RequestSink(Protocol):
    """Takes rows of the customers' log of requests; never blocks."""

    def add(self, customer: str, row: RequestRow) -> None: ...


class Seat:
    """One customer's view with what follows from it, and the answers that were made of it."""

    __slots__ = ("kept", "kept_bytes", "key", "policy", "quota", "view")

    def __init__(self, view: CustomerView, buckets: Buckets, before: Seat | None) -> None:
        self.view = view
        self.key = batch_key(view)
        self.quota = view.quota_per_day
        self.policy = policy_header(buckets, view.quota_per_day)
        same = before is not None and before.view.version == view.version
        self.kept: dict[tuple[str, bytes, bytes, bytes], Answer] = before.kept if before is not None and same else {}
        self.kept_bytes: int = before.kept_bytes if before is not None and same else 0

    def keep(self, key: tuple[str, bytes, bytes, bytes], answer: Answer) -> None:
        """Keep an answer that follows from the view and this key alone; beyond the bound all are forgotten."""
        size = len(answer.body) + 2_000
        if size > KEPT_ANSWER_MOST:
            return
        if self.kept_bytes + size > KEPT_BYTES_MOST:
            self.kept.clear()
            self.kept_bytes = 0
        self.kept[key] = answer
        self.kept_bytes += size


class Passage:
    """One request on its way."""

    __slots__ = ("asked", "begun_s", "caller", "csrf", "headers", "key", "limits", "request", "scope", "seat", "state")

    def __init__(self, scope: Scope, headers: dict[bytes, bytes], request: bytes, begun_s: float) -> None:
        self.scope, self.headers, self.request, self.begun_s = scope, headers, request, begun_s
        self.caller: Caller | None = None
        self.seat: Seat | None = None
        self.key: tuple[str, bytes, bytes, bytes] | None = None
        self.limits = b""
        self.asked = ""
        self.csrf = ""
        self.state: dict[str, Any] = {}

    def inner(self, caller: Caller) -> Scope:
        """The scope for the faces: HEAD is asked as GET, and answered without the body."""
        assert self.seat is not None
        self.state = {
            "caller": caller,
            "view": self.seat.view,
            "request_id": self.request.decode(),
            "csrf": self.csrf,
            "derived_from": [],
        }
        scope = {**self.scope, "state": self.state}
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
        if self.key is not None and b"if-none-match" in self.headers:
            # Answered whole, and kept; the gate makes a 304 of it.
            scope["headers"] = [pair for pair in self.scope["headers"] if pair[0] != b"if-none-match"]
        return scope

    def own_headers(self, identity: str) -> list[Header]:
        """Those that differ by request."""
        own = [(b"x-request-id", self.request)]
        if self.seat is not None and self.limits:
            own += [(b"ratelimit-policy", self.seat.policy), (b"ratelimit", self.limits)]
        if identity:
            own.append((b"gaugeblock-transfer", identity.encode()))
        return own

    def resource(self) -> str:
        """Path and query as they are recorded."""
        if not self.asked:
            self.asked = resource_of(self.scope["path"], self.scope["query_string"])
        return self.asked

    def wants_page(self) -> bool:
        """Whether a person with a browser asks for a page."""
        path = self.scope["path"]
        machine = path.startswith(("/api/", "/aas", "/epcis", "/pact", "/oauth"))
        return not machine and self.scope["method"] == "GET" and b"text/html" in self.headers.get(b"accept", b"")

    def language(self) -> Language:
        """Of the gate's own sentences."""
        return language_of(self.headers.get(b"accept-language", b"").decode("latin-1"), "en")


def csrf_of(token: str) -> str:
    """The CSRF token that belongs to a session's token.

    >>> csrf_of("a") == csrf_of("a") != csrf_of("b")
    True
    """
    digest = hashlib.sha256(b"gaugeblock customer csrf 1\x00" + token.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def batch_key(view: CustomerView) -> BatchKey:
    """To whom, and under which contract version, answers from this view go."""
    contract = view.contract
    return BatchKey(view.customer) if contract is None else BatchKey(view.customer, contract.contract, contract.version)


def cookie_of(header: bytes) -> str | None:
    """The session's token in a Cookie header.

    >>> cookie_of(b"a=1; gaugeblock_customer=xyz"), cookie_of(b"a=1")
    ('xyz', None)
    """
    try:
        found = SimpleCookie(header.decode("latin-1")).get(SESSION_COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and 0 < len(found.value) <= 256 else None
