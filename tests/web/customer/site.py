"""The portal and the customers' pages behind the real gate, over the sandbox's records, sign-in and state in SQLite."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router

from gaugeblock.exchange.access import Access
from gaugeblock.exchange.address_guard import AddressGuard, PinnedTarget
from gaugeblock.exchange.credentials import SCOPES, Caller, new_api_key
from gaugeblock.exchange.limits import Buckets, Quotas
from gaugeblock.exchange.order_files import order_workbook
from gaugeblock.exchange.recorder import Recorded
from gaugeblock.exchange.sandbox import Sandbox
from gaugeblock.exchange.sandbox_story import CUSTOMER
from gaugeblock.exchange.tokens import AccessTokens
from gaugeblock.exchange.transfers import BatchKey
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.webhook_dispatch import WebhookDispatcher
from gaugeblock.exchange.webhook_post import Answer
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.exchange_state import CredentialRow, ExchangeState, RequestRow
from gaugeblock.stores.exchange_users import CustomerUsers
from gaugeblock.stores.webhooks import WebhookStore
from gaugeblock.web.customer.gate import Gate
from gaugeblock.web.customer.pages import HANDLERS
from gaugeblock.web.customer.portal_ports import PortalServices, PortalSettings
from gaugeblock.web.customer.problems import answer
from gaugeblock.web.customer.rest import HANDLERS as REST
from gaugeblock.web.customer.rest import rest_openapi
from gaugeblock.web.customer.rest_ports import RestServices
from gaugeblock.web.templating import STATIC, static_prefix

PASSWORD = "correct horse battery"
PERSON = "anna"


class Site:
    """Two environments over one set of records: the sandbox for test keys, and the same as if it were the plant's."""

    def __init__(self, folder: Path, public_url: str = "http://testserver.local") -> None:
        self.clock = SystemClock()
        self.sandbox = Sandbox(bytes(32), self.clock)
        self.database = Database(f"sqlite:///{folder}/exchange.sqlite")
        self.database.upgrade("exchange")
        self.state = ExchangeState(self.database, self.clock)
        # One iteration and little memory: these tests are not about guessing.
        self.users = CustomerUsers(self.state, self.clock, PasswordHasher(1, 8, 1))
        self.users.create(CUSTOMER, PERSON, PASSWORD)
        self.access = Access(
            self.state, AccessTokens(SigningKey.generate(), public_url, os.urandom), self.clock, time.monotonic
        )
        self.access.is_fresh = lambda: True  # type: ignore[method-assign]  # a thread of the process sees to it
        self.keys = {test: self.issue(SCOPES, test=test) for test in (True, False)}
        self.recorded: list[tuple[BatchKey, TransferEntry]] = []
        self.sent: list[tuple[PinnedTarget, dict[str, str], bytes]] = []
        self.people_test = False
        self.url = public_url
        self.webhooks = WebhookStore(self.database, self.clock)
        guard = AddressGuard(lambda host, port: ["93.184.216.34"] if host.endswith(".example") else ["10.0.0.1"])
        self.dispatcher = WebhookDispatcher(
            self.webhooks,
            lambda customer: self.sandbox.view(),
            self._door,
            guard,
            self._post,
            self.clock,
            lambda: 0.0,
            public_url,
        )
        self.portal = PortalServices(
            settings=PortalSettings(
                plant_name="示例铸造",
                plant_name_en="Example Castings",
                version="0.1.0",
                public_url=public_url,
                log_origin=self.sandbox.log.origin,
                log_key=self.sandbox.log_key,
                sandbox_key=self.keys[True],
                sandbox_log_key=self.sandbox.log_key,
            ),
            clock=self.clock,
            blobs=self.sandbox,
            people=self.users,
            requests=self.state,
            collaboration=self.sandbox.commands,
            sandbox_collaboration=self.sandbox.commands,
            webhooks=self.webhooks,
            dispatcher=self.dispatcher,
            guard=guard,
            schema=lambda: self.litestar.openapi_schema.to_schema(),
            workbook=order_workbook,
        )
        rest = RestServices(
            plant_name="Example Castings",
            log_origin=self.sandbox.log.origin,
            log_key="plant.example+00000000+AAAA",
            sandbox_log=(self.sandbox.log.origin, self.sandbox.log_key),
            cursor_key=bytes(32),
            blobs=self.sandbox,
            idempotency=self.state,
            commands=self.sandbox.commands,
            clock=self.clock,
            sandbox_commands=self.sandbox.commands,
        )
        static = create_static_files_router(path=static_prefix(), directories=[STATIC], include_in_schema=False)
        self.litestar = Litestar(
            route_handlers=[*HANDLERS, *REST, static],
            state=State({"portal": self.portal, "rest": rest}),
            exception_handlers={Exception: answer, HTTPException: answer, GaugeblockError: answer},
            openapi_config=rest_openapi("0.1.0"),
            logging_config=None,
        )
        self.gate = Gate(
            self.litestar,
            access=self.access,
            sessions=self,
            views=self,
            recorder=self,
            buckets=Buckets(10_000.0, 10_000),
            quotas=Quotas(),
            requests=self,
            at=lambda: to_rfc3339(self.clock.now()),
            epoch=1,
        )

    def issue(self, scopes: tuple[str, ...], *, test: bool = False) -> str:
        """A key of the customer."""
        text, key = new_api_key(os.urandom, test=test)
        self.state.add_credential(
            CredentialRow(
                id=key.id,
                customer=CUSTOMER,
                kind="api_key",
                name="",
                scopes=scopes,
                created_at=to_rfc3339(self.clock.now()),
                test=test,
                secret_sha256=key.secret_sha256,
            )
        )
        self.access.renew()
        return text

    def close(self) -> None:
        self.sandbox.close()
        self.database.close()

    # ── the gate's ports ──

    def caller_of(self, token: str) -> Caller | None:
        found = self.users.signed_in(token)
        if found is None:
            return None
        name = f"user:{found.name}"
        return Caller(found.customer, name, frozenset(SCOPES), self.people_test, found.session)

    def current(self, caller: Caller) -> CustomerView | None:
        return self.sandbox.view()

    async def load(self, caller: Caller) -> CustomerView:
        return self.sandbox.view()

    async def record(self, key: BatchKey, entry: TransferEntry) -> Recorded:
        self.recorded.append((key, entry))
        return Recorded(f"1/{len(self.recorded)}", time.monotonic())

    def add(self, customer: str, row: RequestRow) -> None:
        self.state.keep_requests({customer: [row]})

    # ── webhooks' ports ──

    def _door(self, view: CustomerView, entry: TransferEntry) -> str:
        self.recorded.append((BatchKey(view.customer, None, None), entry))
        return f"1/{len(self.recorded)}"

    def _post(
        self, pinned: PinnedTarget, headers: Mapping[str, str], body: bytes, before_sending: Callable[[], None]
    ) -> Answer:
        before_sending()
        self.sent.append((pinned, dict(headers), body))
        return Answer(204, None, 3.0)


@contextmanager
def serving(site: Site, port: int) -> Iterator[str]:
    """The site behind granian."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    loop = asyncio.new_event_loop()
    server = Server(site.gate, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 15
    while True:
        try:
            httpx.get(f"{url}/portal/changelog", timeout=1)
            break
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "granian did not start"
            time.sleep(0.05)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(10)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def csrf_in(html: str) -> str:
    """The token of the first form on a page."""
    return html.split('name="csrf" value="', 1)[1].split('"', 1)[0]
