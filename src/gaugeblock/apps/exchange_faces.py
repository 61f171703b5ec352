"""What the exchange's faces are given: REST, portal and pages, webhooks, the AAS face."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gaugeblock import __version__
from gaugeblock.apps.exchange_watch import LiveViews
from gaugeblock.apps.plant_link import ExchangeStatements, PlantDocuments, on_loop
from gaugeblock.exchange.aas.errors import AasDocumentError
from gaugeblock.exchange.aas.reading import read_document
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.aas.view import KEYS_OF_ENVIRONMENT, AasView, MemoryAasView, StoredFile
from gaugeblock.exchange.address_guard import AddressGuard
from gaugeblock.exchange.customer_commands import CustomerCommands
from gaugeblock.exchange.customer_transfers import CustomerTransfers
from gaugeblock.exchange.order_files import order_qif, order_workbook
from gaugeblock.exchange.recorder import Recorded, Recorder
from gaugeblock.exchange.sandbox import PREFIX as SANDBOX_PREFIX
from gaugeblock.exchange.sandbox import FilesWithSandbox, Sandboxes
from gaugeblock.exchange.shells.beside import Beside
from gaugeblock.exchange.shells.maker import Maker
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.exchange.shells.reading import Files, Reading
from gaugeblock.exchange.shells.record_shells import RecordShells
from gaugeblock.exchange.submodels.address import Address
from gaugeblock.exchange.transfers import BatchKey
from gaugeblock.exchange.transfers_queries import ProjectedTransfers
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.webhook_dispatch import WebhookDispatcher
from gaugeblock.exchange.webhook_post import post
from gaugeblock.exchange.webhooks import public_key_text
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.plant.settings import Exchange, PlantSettings
from gaugeblock.plant.times import Clock
from gaugeblock.stores.blobs import BlobStore
from gaugeblock.stores.errors import BlobMissingError
from gaugeblock.stores.exchange_state import ExchangeState
from gaugeblock.stores.exchange_users import CustomerUsers
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.stores.webhooks import WebhookStore
from gaugeblock.web.customer.gate import batch_key
from gaugeblock.web.customer.portal_ports import PortalServices, PortalSettings
from gaugeblock.web.customer.rest_ports import RestServices

ENVIRONMENTS_KEPT = 64

_logger = logging.getLogger("gaugeblock.exchange")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that the process has, for whoever composes faces from it."""

    settings: PlantSettings
    exchange: Exchange
    clock: Clock
    state: ExchangeState
    reader: LogReader
    blobs: BlobStore
    statements: ExchangeStatements
    documents: PlantDocuments
    transfers: ProjectedTransfers
    users: CustomerUsers
    views: LiveViews
    recorder: Recorder
    loop: asyncio.AbstractEventLoop
    key: SigningKey
    sandboxes: Sandboxes
    webhook_key: SigningKey

    @property
    def commands(self) -> CustomerCommands:
        """What customers state."""
        return CustomerCommands(self.statements, self.documents, self.clock)


class Door:
    """What leaves by itself, such as a webhook's message, is recorded before it leaves. Blocks; for worker threads."""

    def __init__(self, recorder: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        self._recorder, self._loop = recorder, loop

    def __call__(self, view: CustomerView, entry: TransferEntry) -> str:
        """The identity of the transfer record, once that is durable.

        Raises
        ------
        ContractEndedError, NotRecordedError, RecorderFullError
        """
        return on_loop(self._loop, self._record(batch_key(view), entry)).identity

    async def _record(self, key: BatchKey, entry: TransferEntry) -> Recorded:
        return await self._recorder.record(key, entry)


def rest_services(parts: Parts) -> RestServices:
    """For REST."""
    secret = hashlib.sha256(b"gaugeblock cursors 1\x00" + parts.key.sign(b"gaugeblock cursors 1")).digest()
    return RestServices(
        plant_name=parts.settings.enterprise.name,
        log_origin=parts.reader.origin,
        log_key=parts.reader.log_key,
        cursor_key=secret,
        blobs=FilesWithSandbox(parts.blobs, parts.sandboxes),
        idempotency=parts.state,
        commands=parts.commands,
        clock=parts.clock,
        sandbox_commands=parts.sandboxes.commands,
        sandbox_log=(parts.sandboxes.origin, parts.sandboxes.log_key),
        workbook=order_workbook,
        qif=lambda view, order: order_qif(view, order, parts.reader.origin),
        transfers=CustomerTransfers(parts.transfers, parts.reader),
        public_url=parts.exchange.url,
        timezone=parts.settings.sites[0].timezone if parts.settings.sites else "Asia/Shanghai",
    )


def sandbox_seed(key: SigningKey) -> bytes:
    """What the sandbox's keys follow from: a secret of the installation, so that they stay over restarts."""
    return hashlib.sha256(b"gaugeblock sandbox 1\x00" + key.sign(b"gaugeblock sandbox 1")).digest()


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def portal_services(parts: Parts, schema: Callable[[], dict[str, object]]) -> PortalServices:
    """For the portal and the customers' pages."""
    settings, exchange = parts.settings, parts.exchange
    webhooks = WebhookStore(parts.state.database, parts.clock)
    guard = AddressGuard(resolve, exchange.webhook_private_networks)
    dispatcher = WebhookDispatcher(
        webhooks,
        parts.views.of_customer,
        Door(parts.recorder, parts.loop),
        guard,
        post,
        parts.clock,
        random.SystemRandom().random,
        exchange.url,
        parts.webhook_key,
    )
    return PortalServices(
        settings=PortalSettings(
            plant_name=settings.enterprise.name,
            plant_name_en=settings.enterprise.name_en,
            version=__version__,
            public_url=exchange.url,
            log_origin=parts.reader.origin,
            log_key=parts.reader.log_key,
            languages_of={customer.id: customer.language for customer in settings.customers},
            sandbox_log_key=parts.sandboxes.log_key,
            webhook_key=public_key_text(parts.webhook_key.public.raw),
        ),
        clock=parts.clock,
        blobs=FilesWithSandbox(parts.blobs, parts.sandboxes),
        people=parts.users,
        requests=parts.state,
        collaboration=parts.commands,
        sandbox_collaboration=parts.sandboxes.commands,
        webhooks=webhooks,
        dispatcher=dispatcher,
        guard=guard,
        schema=schema,
        workbook=order_workbook,
    )


class AasViews:
    """A customer's view as the AAS face reads it: shells of its records, and beside them the environments among the
    documents that they may see.

    Environments are read anew only when those documents change. What is no environment is left out, and so is one that
    names something as the plant's own objects are named.

    Parameters
    ----------
    files
        By digest.
    names_of
        How a view's objects are named.
    maker
        Who makes what they are of.
    """

    def __init__(self, files: Files, names_of: Callable[[CustomerView], Naming], maker: Maker) -> None:
        self._files, self._names_of, self._maker = files, names_of, maker
        self._kept: OrderedDict[tuple[object, ...], MemoryAasView] = OrderedDict()
        self._current: dict[str, tuple[str, AasView]] = {}
        self._making = threading.Lock()

    def __call__(self, view: CustomerView) -> AasView:
        """The same for the same view."""
        known = self._current.get(view.customer)
        if known is not None and known[0] == view.version:
            return known[1]
        names = self._names_of(view)
        attached = self._attached(names, tuple(aas_documents(view)))
        records = RecordShells(Reading(view, names, self._maker, self._files))
        made: AasView = attached if records.is_empty else Beside(records, attached)
        before = known[1] if known is not None else None
        if isinstance(before, Beside) and before.records.was_listed:
            records.list_ahead()
        self._current[view.customer] = view.version, made
        return made

    def _attached(self, names: Naming, documents: tuple[tuple[str, int], ...]) -> MemoryAasView:
        key = (names.base, documents)
        with self._making:
            made = self._kept.get(key)
            if made is None:
                if len(self._kept) >= ENVIRONMENTS_KEPT:
                    self._kept.popitem(last=False)
                made = self._kept[key] = environment_view(self._files, documents, names)
        return made


def aas_views(settings: PlantSettings, origin: str, blobs: BlobStore, sandboxes: Sandboxes) -> AasViews:
    """For the AAS face."""
    enterprise = settings.enterprise
    at = enterprise.address
    company = {"zh": enterprise.name} | ({"en": enterprise.name_en} if enterprise.name_en else {})
    maker = Maker(
        name=enterprise.name,
        name_en=enterprise.name_en,
        products={product.id: (product.name or None, product.name_en) for product in settings.products},
        address=None
        if at is None
        else Address(
            company=company, street={"zh": at.street}, zip_code=at.postal_code, city={"zh": at.city}, country=at.country
        ),
    )
    plant, sandbox = Naming(origin), Naming(sandboxes.origin)

    def names_of(view: CustomerView) -> Naming:
        return sandbox if view.customer.startswith(SANDBOX_PREFIX) else plant

    return AasViews(FilesWithSandbox(blobs, sandboxes), names_of, maker)


def aas_documents(view: CustomerView) -> list[tuple[str, int]]:
    """Digest and record of each shared environment."""
    found: list[tuple[str, int]] = []
    after: str | None = None
    while True:
        page = view.documents(after, 500)
        found += [(d.sha256, d.record_index) for d in page.items if d.kind == "aas"]
        if not isinstance(page.next, str):
            return found
        after = page.next


def environment_view(files_held: Files, documents: Sequence[tuple[str, int]], names: Naming) -> MemoryAasView:
    """One view of several environments (JSON, XML, AASX); of an identifier that occurs twice the first counts."""
    environment: dict[str, dict[str, Tree]] = {}
    sources: dict[str, tuple[int, ...]] = {}
    files: dict[str, StoredFile] = {}
    for sha256, record_index in documents:
        try:
            read = read_document(files_held.get(sha256))
            names.check_foreign(read.environment)
        except (AasDocumentError, BlobMissingError) as error:
            _logger.warning("AAS document %s: %s", sha256, error)
            continue
        for name in KEYS_OF_ENVIRONMENT.values():
            for tree in read.environment.get(name) or ():
                if environment.setdefault(name, {}).setdefault(tree["id"], tree) is tree:
                    sources[tree["id"]] = (record_index,)
        files = {**read.files, **files}
    return MemoryAasView({name: list(trees.values()) for name, trees in environment.items()}, files, sources)
