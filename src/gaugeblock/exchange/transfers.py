"""What left the plant, as records: answers are gathered into batches, signed, and admitted before they are served.

A batch is what went to one customer under one contract version within some milliseconds. Its identity is
``<epoch>/<sequence>``: the epoch is the exchange's start, counted durably, so that no identity is used twice, and
submitting a batch again after a lost receipt changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.exchange_facets import TransferEntry, TransferStatement, TransferSubject
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.times import Clock, to_rfc3339

RECORD_TYPE = "exchange.transfer"
ENTRIES_MOST = 200
"""An entry has about 12 members, and a facet of a record 4,096 at most."""
BATCH_BYTES_MOST = 44_000
"""As JSON: a facet's disclosure has 65,535 letters at most, and base64 takes a third more."""
ENTRY_BYTES = 360
RUNS_MOST = 64
RESOURCE_MOST = 500


class BatchKey(NamedTuple):
    """To whom, and under which contract version (``None``: under none)."""

    customer: str
    contract: str | None = None
    version: int | None = None


class SignedTransfer(NamedTuple):
    """A transfer record on its way into the log."""

    identity: str
    jws: bytes
    disclosures: dict[str, str]


class TransferSink(Protocol):
    """The way to the log."""

    async def admit(self, transfer: SignedTransfer) -> int:
        """The record's index once it is durable; again and again the same.

        Raises
        ------
        TransferRefusedError
            The contract version is not in force: nothing may be served.
        GaugeblockError
            It is not known whether it is durable; it may be tried again.
        """
        ...


def runs_of(indices: Sequence[int]) -> tuple[tuple[tuple[int, int], ...], bool]:
    """Indices as runs ``(first, last)``, the newest 64, and whether there were more.

    >>> runs_of([7, 3, 4, 5, 4])
    (((3, 5), (7, 7)), False)
    """
    runs: list[tuple[int, int]] = []
    for index in sorted(set(indices)):
        if runs and index == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return tuple(runs[-RUNS_MOST:]), len(runs) > RUNS_MOST


def resource_of(path: str, query: bytes) -> str:
    """Path and query as they are recorded: printable ASCII, at most 500 characters. No secret is taken in a query.

    >>> resource_of("/api/v1/orders", b"limit=2"), resource_of("/a\\u4e2d", b"")
    ('/api/v1/orders?limit=2', '/a%E4%B8%AD')
    """
    text = f"{path}?{query.decode('latin-1')}" if query else path
    if not (text.isascii() and text.isprintable()):
        kept = text[:RESOURCE_MOST]
        text = "".join(c if " " < c < "\x7f" else "".join(f"%{b:02X}" for b in c.encode()) for c in kept)
    return text[:RESOURCE_MOST]


def entry_bytes(entry: TransferEntry) -> int:
    """A bound of the entry's JSON, without writing it."""
    letters = len(entry.resource) + len(entry.request) + len(entry.credential)
    return ENTRY_BYTES + 2 * letters + 24 * len(entry.derived_from)


class Batch:
    """Entries that go into one record."""

    __slots__ = ("bytes", "entries", "key")

    def __init__(self, key: BatchKey) -> None:
        self.key = key
        self.entries: list[TransferEntry] = []
        self.bytes = 0

    def takes(self, size: int) -> bool:
        """Whether an entry of so many bytes still fits."""
        return len(self.entries) < ENTRIES_MOST and self.bytes + size <= BATCH_BYTES_MOST

    def add(self, entry: TransferEntry, size: int) -> None:
        """Take an entry that fits."""
        self.entries.append(entry)
        self.bytes += size


class TransferSigner:
    """Signs batches in one epoch of the exchange.

    Parameters
    ----------
    author, key
        ``exchange:main`` and its key.
    origin
        Of the log.
    epoch
        Of this start.
    salt
        Gives unpredictable bytes.
    """

    def __init__(
        self,
        author: str,
        key: SigningKey,
        origin: str,
        epoch: int,
        clock: Clock,
        clock_state: Callable[[], ClockState] = lambda: ClockState("unknown", None),
        salt: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.epoch = epoch
        self._author, self._key, self._origin = author, key, origin
        self._clock, self._clock_state, self._salt = clock, clock_state, salt
        self._sequence = 0

    def sign(self, batch: Batch) -> SignedTransfer:
        """The batch as a record; each call uses the next sequence number."""
        self._sequence += 1
        identity = f"{self.epoch}/{self._sequence}"
        stated_at = to_rfc3339(self._clock.now())
        customer, contract, version = batch.key
        draft = Draft(
            record_type=RECORD_TYPE,
            version=LATEST[RECORD_TYPE],
            author=self._author,
            identity=identity,
            log=self._origin,
            stated_at=stated_at,
            observed_at=stated_at,
            clock=self._clock_state(),
            facets={
                "subject": TransferSubject(customer, contract, version),
                "statement": TransferStatement(tuple(batch.entries)),
            },
        )
        signed = sign_record(draft, self._key, self._salt)
        return SignedTransfer(identity, signed.jws, dict(signed.disclosures))
