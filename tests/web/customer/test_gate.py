"""The gate: who gets in, what goes out, and that nothing goes out unrecorded."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest

from gaugeblock.exchange.access import Access
from gaugeblock.exchange.access_errors import ContractEndedError, NotRecordedError
from gaugeblock.exchange.credentials import LEASE_S, Caller, new_api_key
from gaugeblock.exchange.limits import Buckets, Quotas
from gaugeblock.exchange.recorder import Recorded
from gaugeblock.exchange.tokens import AccessTokens
from gaugeblock.exchange.transfers import BatchKey
from gaugeblock.exchange.view import CustomerView
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.stores.exchange_state import CredentialRow, RequestRow
from gaugeblock.web.customer.gate import Gate, Receive, Scope, Send, csrf_of

NOW_S = datetime(2026, 11, 25, 23, 0, tzinfo=UTC).timestamp()
URL = "http://exchange.example"


class View:
    """As much of a view as the gate reads."""

    def __init__(self, customer: str, version: str = "v1", quota: int = 1000) -> None:
        self.customer, self.version, self.log_size, self.quota_per_day = customer, version, 42, quota
        self.contract: Any = None


class House:
    """A gate with everything in memory, and an application behind it that says what the test wants."""

    def __init__(self, **options: Any) -> None:
        self.steady_s = 100.0
        self.rows: list[CredentialRow] = []
        self.keys: dict[str, str] = {}
        for name, scopes in (("acme", ("read", "message")), ("beta", ("read",)), ("writer", ("message",))):
            self.issue(name, scopes)
        self.access = Access(
            self, AccessTokens(SigningKey.from_seed(bytes(32)), URL, os.urandom), Fixed(), lambda: self.steady_s
        )
        self.access.renew()
        self.views = {customer: View(customer) for customer in self.keys}
        self.entries: list[tuple[BatchKey, TransferEntry]] = []
        self.fault: BaseException | None = None
        self.receipt_age_s = 0.0
        self.during_record: Callable[[], None] = lambda: None
        self.requests: list[tuple[str, RequestRow]] = []
        self.calls: list[Scope] = []
        self.sent_when_recorded: list[int] = []
        self.reply: Callable[[Scope, Send], Awaitable[None]] = plain(b"hello")
        self.quotas = Quotas()
        self.quotas.begin("2026-11-25", {})
        self.gate = Gate(
            self.app,
            access=self.access,
            sessions=self,
            views=self,
            recorder=self,
            buckets=options.pop("buckets", Buckets(1000.0, 1000)),
            quotas=self.quotas,
            requests=self,
            at=lambda: "2026-11-25T23:00:00.000000Z",
            epoch=3,
            now_s=lambda: NOW_S,
            monotonic_s=lambda: self.steady_s,
            **options,
        )

    def issue(self, customer: str, scopes: tuple[str, ...], *, test: bool = False) -> str:
        text, key = new_api_key(os.urandom, test=test)
        self.rows.append(
            CredentialRow(
                id=key.id,
                customer=customer,
                kind="api_key",
                name="",
                scopes=scopes,
                created_at="2026-01-01T00:00:00Z",
                secret_sha256=key.secret_sha256,
                test=test,
            )
        )
        self.keys.setdefault(customer, text)
        return text

    # What the gate asks for.

    def access_version(self) -> int:
        return len(self.rows)

    def credentials(self, customer: str | None = None) -> list[CredentialRow]:
        return list(self.rows)

    def caller_of(self, token: str) -> Caller | None:
        return Caller("acme", "user:anna", frozenset({"read", "message"}), session="s") if token == "good" else None

    def current(self, caller: Caller) -> CustomerView | None:
        return None

    async def load(self, caller: Caller) -> CustomerView:
        return cast("CustomerView", self.views[caller.customer])

    def add(self, customer: str, row: RequestRow) -> None:
        self.requests.append((customer, row))

    async def record(self, key: BatchKey, entry: TransferEntry) -> Recorded:
        if self.fault is not None:
            raise self.fault
        self.entries.append((key, entry))
        self.during_record()
        return Recorded(f"3/{len(self.entries)}", self.steady_s - self.receipt_age_s)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls.append(scope)
        await self.reply(scope, send)

    def ask(self, path: str = "/api/v1/orders", method: str = "GET", key: str | None = "acme", **more: Any) -> Any:
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {self.keys.get(key, key)}"

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.gate, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(call())


class Fixed:
    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW_S, UTC)

    def monotonic_ns(self) -> int:
        return 0


def plain(
    body: bytes, status: int = 200, derived: tuple[int, ...] = (), **headers: str
) -> Callable[[Scope, Send], Awaitable[None]]:
    async def reply(scope: Scope, send: Send) -> None:
        scope["state"].get("derived_from", []).extend(derived)
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    return reply


@pytest.fixture
def house() -> House:
    return House()


# ── who ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer gbk_nothing"},
        {"Authorization": "Basic Z2JrOmE="},
        {"Authorization": "Bearer " + "x" * 9000},
        {"Cookie": "gaugeblock_customer=bad"},
        {"Cookie": "gaugeblock_customer="},
        {"X-Api-Key": "gbk_nothing"},
    ],
)
def test_nobody_gets_a_problem_and_no_record(house: House, header: dict[str, str]) -> None:
    answer = house.ask(key=None, headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "exchange.sign_in_needed"
    assert answer.headers["content-type"] == "application/problem+json"
    assert (house.entries, house.calls) == ([], [])


def test_the_faces_find_caller_view_and_request(house: House) -> None:
    house.ask(headers={"X-Request-Id": "my-1"})
    state = house.calls[0]["state"]
    assert state["caller"].customer == "acme"
    assert state["view"] is house.views["acme"]
    assert state["request_id"] == "my-1"
    assert state["derived_from"] == []


def test_nothing_of_one_request_is_in_the_next(house: House) -> None:
    house.reply = plain(b"x", derived=(1, 2))
    house.ask()
    house.reply = plain(b"x")
    house.ask(key="beta")
    assert [entry.derived_from for _, entry in house.entries] == [((1, 2),), ()]
    assert [key.customer for key, _ in house.entries] == ["acme", "beta"]


def test_scopes_are_kept(house: House) -> None:
    refused = house.ask("/api/v1/threads", "POST", "beta")
    assert (refused.status_code, refused.json()["code"]) == (403, "exchange.scope_needed")
    assert house.ask("/api/v1/orders", key="writer").status_code == 403
    assert house.ask("/api/v1/contracts/K-1/1/accept", "POST").status_code == 403
    assert house.calls == []
    assert house.ask("/api/v1/threads", "POST").status_code == 200


def test_open_paths_have_no_view_and_no_record(house: House) -> None:
    for path in ("/healthz", "/portal/start", "/.well-known/jwks.json"):
        answer = house.ask(path, key=None)
        assert answer.status_code == 200
        assert house.calls[-1]["state"]["view"] is None
        assert "content-security-policy" in answer.headers
    assert house.entries == []


@pytest.mark.parametrize("path", ["/portal/../api/v1/orders", "//api/v1/orders", "/API/v1/orders", "/api/v1/orders/"])
def test_no_spelling_of_a_path_opens_it(house: House, path: str) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(house.gate(scope, cast("Receive", None), send))
    # A path is either open as it stands, and then it has no view; or it is not open.
    assert sent[0]["status"] == 401 or house.calls[-1]["state"]["view"] is None


def test_a_session_needs_its_token_to_write(house: House) -> None:
    cookie = {"Cookie": "gaugeblock_customer=good"}
    assert house.ask(key=None, headers=cookie).status_code == 200
    assert house.calls[-1]["state"]["csrf"] == csrf_of("good")
    assert house.ask("/api/v1/threads", "POST", None, headers=cookie).status_code == 403
    good = cookie | {"X-CSRF-Token": csrf_of("good")}
    assert house.ask("/api/v1/threads", "POST", None, headers=good).status_code == 200
    foreign = good | {"Sec-Fetch-Site": "cross-site"}
    assert house.ask("/api/v1/threads", "POST", None, headers=foreign).status_code == 403


def test_a_person_without_a_session_is_sent_to_sign_in(house: House) -> None:
    answer = house.ask("/my/orders", key=None, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


# ── how much ────────────────────────────────────────────────────────────────────────────────────────────


def test_too_fast_is_told_when_to_come_again() -> None:
    house = House(buckets=Buckets(0.5, 2))
    answers = [house.ask() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "2"
    assert answers[0].headers["ratelimit-policy"] == '"rate";q=2;w=4,"day";q=1000;w=86400'
    assert answers[0].headers["ratelimit"] == '"rate";r=1;t=2,"day";r=999;t=3600'
    assert len(house.entries) == 2
    assert house.requests[-1][1].error == "exchange.too_fast"
    assert house.ask(key="beta").status_code == 200


def test_the_contracts_quota_holds(house: House) -> None:
    house.views["acme"] = View("acme", quota=1)
    assert [house.ask().status_code for _ in range(2)] == [200, 429]
    assert house.ask().headers["retry-after"] == "3600"


# ── out ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_served_is_what_is_recorded(house: House) -> None:
    house.reply = plain(b'{"a":1}', derived=(5, 4, 9), content_type="application/json")
    answer = house.ask("/api/v1/orders?limit=2")
    ((key, entry),) = house.entries
    assert key == BatchKey("acme")
    assert (entry.sha256, entry.size_bytes) == (hashlib.sha256(answer.content).hexdigest(), 7)
    assert (entry.method, entry.resource, entry.status) == ("GET", "/api/v1/orders?limit=2", 200)
    assert (entry.derived_from, entry.log_size) == (((4, 5), (9, 9)), 42)
    assert entry.request == answer.headers["x-request-id"]
    assert answer.headers["gaugeblock-transfer"] == "3/1"
    assert answer.headers["cache-control"] == "private, no-store"
    assert "authorization" in answer.headers["vary"]
    customer, row = house.requests[0]
    assert (customer, row.request, row.transfer, row.status) == ("acme", entry.request, "3/1", 200)


def test_errors_of_the_faces_are_recorded_too(house: House) -> None:
    house.reply = plain(b"gone", 404)
    answer = house.ask()
    assert (answer.status_code, house.entries[0][1].status) == (404, 404)
    assert house.entries[0][1].sha256 == hashlib.sha256(b"gone").hexdigest()


@pytest.mark.parametrize(
    "fault", [NotRecordedError(detail="down"), ContractEndedError(contract="K-1", version=1)], ids=lambda f: f.code
)
def test_nothing_leaves_unrecorded(house: House, fault: BaseException) -> None:
    house.fault = fault
    house.reply = plain(b"secret", etag='"secret"', x_secret="secret")
    answer = house.ask()
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "secret" not in answer.text + str(answer.headers)
    assert "gaugeblock-transfer" not in answer.headers


def test_an_old_receipt_serves_nothing(house: House) -> None:
    house.receipt_age_s = LEASE_S
    assert house.ask().status_code == 503


def test_a_credential_revoked_while_the_answer_was_made_serves_nothing(house: House) -> None:
    def revoke() -> None:
        house.rows = [row for row in house.rows if row.customer != "acme"]
        house.access.renew()

    house.during_record = revoke
    answer = house.ask()
    assert (answer.status_code, b"hello" in answer.content) == (401, False)


def test_old_knowledge_of_credentials_serves_nothing(house: House) -> None:
    def stall() -> None:
        house.steady_s += 0.9 * LEASE_S

    house.during_record = stall
    house.steady_s += 0.2 * LEASE_S
    assert house.ask().status_code == 503


def test_a_304_is_recorded_with_what_the_customer_has(house: House) -> None:
    async def reply(scope: Scope, send: Send) -> None:
        scope["state"]["representation"] = ("ab" * 32, 77)
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", b'"x"')]})
        await send({"type": "http.response.body", "body": b""})

    house.reply = reply
    assert house.ask().status_code == 304
    entry = house.entries[0][1]
    assert (entry.status, entry.sha256, entry.size_bytes) == (304, "ab" * 32, 77)


def test_head_is_asked_as_get_and_recorded_as_what_it_is(house: House) -> None:
    answer = house.ask(method="HEAD")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "5")
    assert house.calls[0]["method"] == "GET"
    assert (house.entries[0][1].method, house.entries[0][1].size_bytes) == ("HEAD", 5)


def test_kept_answers_are_recorded_each_time(house: House) -> None:
    house.reply = plain(b"shell", derived=(8,), etag='"e"')
    first, second = house.ask("/aas/shells"), house.ask("/aas/shells")
    assert len(house.calls) == 1
    assert first.content == second.content == b"shell"
    known = house.ask("/aas/shells", headers={"If-None-Match": 'W/"e"'})
    assert (known.status_code, known.content) == (304, b"")
    assert len(house.calls) == 1
    assert [entry.status for _, entry in house.entries] == [200, 200, 304]
    assert {entry.sha256 for _, entry in house.entries} == {hashlib.sha256(b"shell").hexdigest()}
    assert {entry.derived_from for _, entry in house.entries} == {((8, 8),)}


def test_kept_answers_are_the_callers_own_and_end_with_the_view(house: House) -> None:
    house.reply = plain(b"of acme")
    house.ask("/aas/shells")
    house.reply = plain(b"of beta")
    assert house.ask("/aas/shells", key="beta").content == b"of beta"
    house.views["acme"] = View("acme", "v2")
    house.reply = plain(b"new")
    assert house.ask("/aas/shells").content == b"new"
    assert house.ask("/aas/shells", headers={"Accept-Language": "zh"}).content == b"new"
    assert len(house.calls) == 4


def test_nothing_but_what_was_found_is_kept(house: House) -> None:
    house.reply = plain(b"no", 404)
    house.ask("/aas/shells/x")
    house.ask("/aas/shells/x")
    assert len(house.calls) == 2


def test_the_sandbox_is_not_in_the_plants_log(house: House) -> None:
    house.keys["sandbox"] = house.issue("sandbox", ("read",), test=True)
    house.views["sandbox"] = View("sandbox")
    house.access.renew()
    answer = house.ask(key="sandbox")
    assert answer.status_code == 200
    assert "gaugeblock-transfer" not in answer.headers
    assert house.entries == []
    assert house.requests[0][0] == "test:sandbox"


# ── large and hostile ───────────────────────────────────────────────────────────────────────────────────


def chunks(*parts: bytes, stated: bytes | None = None) -> Callable[[Scope, Send], Awaitable[None]]:
    async def reply(scope: Scope, send: Send) -> None:
        if stated is not None:
            scope["state"]["representation"] = (hashlib.sha256(stated).hexdigest(), len(stated))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": number + 1 < len(parts)})

    return reply


def test_a_body_in_chunks_is_held_and_recorded_whole(house: House) -> None:
    house.reply = chunks(b"ab", b"cd")
    assert house.ask().content == b"abcd"
    assert house.entries[0][1].sha256 == hashlib.sha256(b"abcd").hexdigest()


def test_a_large_body_of_known_digest_goes_through_once_recorded() -> None:
    house = House(answer_bytes_most=10)
    body = b"x" * 8 + b"y" * 8 + b"z" * 8
    house.reply = chunks(body[:8], body[8:16], body[16:], stated=body)
    answer = house.ask()
    assert answer.content == body
    assert answer.headers["content-length"] == "24"
    assert house.entries[0][1].sha256 == hashlib.sha256(body).hexdigest()
    assert answer.headers["gaugeblock-transfer"] == "3/1"


def test_a_large_body_of_unknown_digest_stays_in() -> None:
    house = House(answer_bytes_most=10)
    house.reply = chunks(b"x" * 8, b"y" * 8)
    answer = house.ask()
    assert (answer.status_code, answer.json()["code"]) == (503, "exchange.answer_too_large")
    assert house.entries == []


@pytest.mark.parametrize("given", ["a\r\nX-Evil: 1", "a b", "ü", "x" * 65, "", "a;b"])
def test_a_request_id_of_another_form_is_ours(house: House, given: str) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/orders",
        "query_string": b"",
        "headers": [
            (b"x-request-id", given.encode("utf-8")),
            (b"authorization", b"Bearer " + house.keys["acme"].encode()),
        ],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(house.gate(scope, cast("Receive", None), send))
    own = dict(sent[0]["headers"])[b"x-request-id"]
    assert re.fullmatch(rb"3-[0-9a-f]+-[0-9a-f]+", own)
    assert house.entries[0][1].request == own.decode()


def test_long_paths_and_queries_are_refused(house: House) -> None:
    assert house.ask("/api/v1/" + "x" * 2000).status_code == 414
    assert house.ask("/api/v1/orders?" + "x" * 4001).status_code == 414
    assert house.calls == []


def test_refusals_are_in_the_readers_language(house: House) -> None:
    assert "凭证" in house.ask(key=None, headers={"Accept-Language": "zh-CN"}).json()["detail"]
    assert "credential" in house.ask(key=None).json()["detail"]
