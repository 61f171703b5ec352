"""The exchange process: what customers reach. It reads the plant's tables, and writes nothing there.

``python -m gaugeblock.apps.exchange --plant plant.toml``. Log, projections and blobs are read only; what it states –
what it served, and what customers say – it signs with its own key and submits to the plant. It has no import path to
anything that moves a machine. It ends on SIGTERM, on SIGINT, and, when it was started by a supervisor, when standard
input reaches its end: open answers are finished first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from gaugeblock import __version__
from gaugeblock.apps.clock import clock_synchronisation
from gaugeblock.apps.exchange_faces import Parts, aas_views, portal_services, rest_services, sandbox_seed
from gaugeblock.apps.exchange_log import ExchangeLog
from gaugeblock.apps.exchange_watch import (
    VIEWS_EVERY_S,
    WRITE_EVERY_S,
    CustomerSessions,
    LiveViews,
    Repeating,
    RequestWriter,
    Stamp,
    watch_access,
)
from gaugeblock.apps.exchange_webhooks import WebhookSender
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.plant_link import ExchangeStatements, PlantDocuments, PlantLink
from gaugeblock.apps.stopping import stop_at_end_of_input, stop_at_signals
from gaugeblock.exchange.access import Access
from gaugeblock.exchange.limits import Buckets, Quotas
from gaugeblock.exchange.recorder import Recorder
from gaugeblock.exchange.sandbox import Sandboxes
from gaugeblock.exchange.tokens import AccessTokens
from gaugeblock.exchange.transfers import TransferSigner
from gaugeblock.exchange.transfers_queries import ProjectedTransfers
from gaugeblock.exchange.view_source import ViewSource
from gaugeblock.ledger.record import ClockState
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.blobs import BlobStore
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import StoreMissingError
from gaugeblock.stores.exchange_state import ExchangeState
from gaugeblock.stores.exchange_users import CustomerUsers
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.web.customer.app import ExchangeServices, Schema, create_exchange_app
from gaugeblock.web.customer.gate import App, Gate
from gaugeblock.web.customer.oauth import OAuthServices

EXCHANGE = "exchange:main"
"""Its key is made and bound before the process starts (``apps/opening.py``)."""
TOKENS = "exchange:tokens"
TABLES_WAIT_S = 60.0
CLOCK_EVERY_S = 1.0
WEBHOOKS = "exchange:webhooks"
"""Signs what is sent by itself (``v1a``); not a key of records, so that neither can be taken for the other."""

_logger = logging.getLogger("gaugeblock.exchange")


class ExchangeMissingError(GaugeblockError):
    """``plant.toml`` has no table ``[exchange]``. Facts: ``file``."""

    code = "apps.exchange_missing"


@contextlib.asynccontextmanager
async def running_exchange(installation: Installation) -> AsyncIterator[Gate]:
    """Everything of the process but the socket; what is under way is recorded and served before it ends."""
    settings = installation.settings
    exchange = settings.exchange
    if exchange is None:
        raise ExchangeMissingError(file=str(installation.file))
    clock, clock_state, loop = SystemClock(), ClockStates(), asyncio.get_running_loop()
    keyring = Keyring(installation.exchange_keys)
    key = keyring.load(EXCHANGE)
    async with contextlib.AsyncExitStack() as stack:
        kept = stack.enter_context(Database(installation.database_url("exchange")))
        kept.upgrade("exchange")
        state = ExchangeState(kept, clock)
        reader = stack.enter_context(LogReader.connect(installation.database_url("log")))
        projected = stack.enter_context(Database(installation.database_url("projections")))
        epoch = state.begin_epoch()
        tokens = AccessTokens(keyring.load_or_create(TOKENS), exchange.url, os.urandom)
        access = Access(state, tokens, clock, time.monotonic)
        access.renew()
        sandboxes = Sandboxes(sandbox_seed(key), clock)
        stack.callback(sandboxes.close)
        blobs = BlobStore(installation.blobs)
        aas_view_of = aas_views(installation.settings, reader.origin, blobs, sandboxes)
        views = LiveViews(ViewSource(projected, reader), clock, sandboxes, aas_view_of)
        await _first_reading(views)
        quotas = Quotas()
        requests = RequestWriter(state, quotas, clock)
        link = PlantLink(installation.url)
        stack.push_async_callback(link.close)
        signer = TransferSigner(EXCHANGE, key, reader.origin, epoch, clock, clock_state)
        recorder = Recorder(signer, link, time.monotonic)
        stack.push_async_callback(recorder.drain)
        users = CustomerUsers(state, clock)
        statements = ExchangeStatements(link, loop, EXCHANGE, key, reader, clock, clock_state, views.wait_beyond)
        for repeating in (
            watch_access(access),
            Repeating("exchange-views", VIEWS_EVERY_S, views.refresh),
            Repeating("exchange-requests", WRITE_EVERY_S, requests.write),
        ):
            repeating.start()
            stack.callback(repeating.stop)
        parts = Parts(
            settings=settings,
            exchange=exchange,
            clock=clock,
            state=state,
            reader=reader,
            blobs=blobs,
            statements=statements,
            documents=PlantDocuments(link, loop, key),
            transfers=ProjectedTransfers(projected, reader),
            users=users,
            views=views,
            recorder=recorder,
            loop=loop,
            key=key,
            sandboxes=sandboxes,
            webhook_key=keyring.load_or_create(WEBHOOKS),
        )

        def gate(app: App) -> Gate:
            return Gate(
                app,
                access=access,
                sessions=CustomerSessions(users, [customer.id for customer in settings.customers]),
                views=views,
                recorder=recorder,
                buckets=Buckets(exchange.rate_per_s, exchange.burst),
                quotas=quotas,
                requests=requests,
                at=Stamp(clock),
                epoch=epoch,
            )

        schema = Schema()
        portal = portal_services(parts, schema)
        sender = WebhookSender(portal.webhooks, portal.dispatcher, clock)
        sender.start()
        stack.push_async_callback(sender.close)
        services = ExchangeServices(
            gate=gate,
            aas_view_of=aas_view_of,
            oauth=OAuthServices(access, state, clock, exchange.url),
            rest=rest_services(parts),
            portal=portal,
            log_key=reader.log_key,
            log_window=ExchangeLog(reader, link),
            version=__version__,
            schema=schema,
        )
        yield create_exchange_app(services)


class ClockStates:
    """The state of this machine's clock as records carry it, looked up once a second."""

    def __init__(self) -> None:
        self._at_s, self._state = float("-inf"), ClockState("unknown", None)

    def __call__(self) -> ClockState:
        """As it was a second ago at most."""
        now_s = time.monotonic()
        if now_s - self._at_s >= CLOCK_EVERY_S:
            source, uncertainty_ms = clock_synchronisation()
            self._at_s, self._state = now_s, ClockState(source, uncertainty_ms)
        return self._state


async def _first_reading(views: LiveViews) -> None:
    """Read what customers may see. At a plant's very first start its process makes the tables at the same moment.

    Raises
    ------
    StoreMissingError
        They are still not there after :data:`TABLES_WAIT_S`.
    """
    end_s = time.monotonic() + TABLES_WAIT_S
    while True:
        try:
            views.refresh()
            return
        except StoreMissingError:
            if time.monotonic() >= end_s:
                raise
            await asyncio.sleep(0.2)


async def serve(app: Gate, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve until ``stop``."""
    server = Server(app, address=host, port=port, interface=Interfaces.ASGI, log_access=False, websockets=False)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not serving.done():
        server.stop()  # type: ignore[no-untyped-call]
    await serving


async def _run(installation: Installation, *, watch_input: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    stop_at_signals(stop, loop)
    if watch_input:
        stop_at_end_of_input(stop, loop)
    async with running_exchange(installation) as app:
        exchange = installation.settings.exchange
        assert exchange is not None
        await serve(app, exchange.host, exchange.port, stop)


def main() -> int:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="gaugeblock.apps.exchange")
    parser.add_argument("--plant", type=Path, default=Path("plant.toml"))
    parser.add_argument("--watch-input", action="store_true", help="end when standard input ends")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        installation = load_installation(arguments.plant)
        asyncio.run(_run(installation, watch_input=arguments.watch_input))
    except GaugeblockError as error:
        sys.stderr.write(f"{error.text('zh')} {error.remedy('zh')}\n{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
