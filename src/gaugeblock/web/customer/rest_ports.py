"""What the customer's API needs from the exchange process, beside the view that the gate leaves in the scope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from gaugeblock.exchange.customer_commands import CustomerCommands
from gaugeblock.exchange.transfers_queries import TransferRow
from gaugeblock.exchange.view import CustomerView
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.plant.times import Clock


class BlobBytes(Protocol):
    """Bytes by digest."""

    def get(self, sha256: str) -> bytes:
        """Raises ``stores.blob_missing``."""
        ...


class KeptAnswerLike(Protocol):
    """What is kept of the first request with a key; ``status`` is ``None`` while it runs."""

    @property
    def request_sha256(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def media_type(self) -> str | None: ...
    @property
    def body(self) -> bytes | None: ...


class Idempotency(Protocol):
    """Answers by Idempotency-Key: :class:`gaugeblock.stores.exchange_state.ExchangeState`."""

    def begin_idempotent(self, customer: str, key: str, request_sha256: str) -> KeptAnswerLike | None:
        """Claim a key: ``None`` where it is new."""
        ...

    def finish_idempotent(self, customer: str, key: str, status: int, media_type: str, body: bytes) -> None:
        """Keep the answer."""
        ...

    def drop_idempotent(self, customer: str, key: str) -> None:
        """Give a key free."""
        ...


class Transfers(Protocol):
    """What left the plant for one customer: :class:`gaugeblock.exchange.customer_transfers.CustomerTransfers`."""

    def listed(self, customer: str, before: int | None, limit: int) -> list[TransferRow]:
        """Newest first."""
        ...

    def find(self, customer: str, index: int) -> TransferRow | None:
        """One, ``None`` where it is not the customer's."""
        ...

    def entries(self, customer: str, index: int) -> tuple[TransferEntry, ...] | None:
        """Its answers, ``None`` where it is not the customer's."""
        ...

    def evidence(self, customer: str, index: int) -> bytes | None:
        """Its evidence, ``None`` where it is not the customer's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RestServices:
    """Everything the handlers read; in the application's state under ``rest``.

    Parameters
    ----------
    plant_name, log_origin, log_key
        Of the plant, and of its log: by the key evidence is verified.
    cursor_key
        Secret of the installation, for cursors.
    commands
        What customers state; those of the sandbox's test keys go elsewhere (``None``: they state nothing).
    sandbox_log
        Name and key of the log that a test key's records are in.
    transfers
        ``None`` where the process does not read them.
    public_url
        As customers call the exchange: what events name lies below it. ``None``: what a request calls.
    timezone
        IANA name, of the plant's first site: events say its offset.
    workbook, qif
        An order's results as xlsx and as QIF, where the process can make them.
    running
        Actions that are carried out now, by customer and Idempotency-Key.
    """

    plant_name: str
    log_origin: str
    log_key: str
    cursor_key: bytes
    blobs: BlobBytes
    idempotency: Idempotency
    commands: CustomerCommands
    clock: Clock
    sandbox_commands: CustomerCommands | None = None
    sandbox_log: tuple[str, str] | None = None
    transfers: Transfers | None = None
    public_url: str | None = None
    timezone: str = "Asia/Shanghai"
    workbook: Callable[[CustomerView, str], bytes] | None = None
    qif: Callable[[CustomerView, str], bytes] | None = None
    running: set[tuple[str, str]] = field(default_factory=set)
