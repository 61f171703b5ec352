"""The sandbox: a plant in memory that test keys see in place of the real one, with a log of its own.

It is made of the same parts – a log with signed checkpoints, the projections, the view – so that whatever a program
does with a test key it can do with a real one, down to verifying evidence. Nothing in it is the plant's, nothing that
happens in it reaches the plant. It is made anew at each start, under the same keys; what was stated in it is then gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Protocol

from gaugeblock.exchange.customer_commands import CustomerCommands
from gaugeblock.exchange.projections import exchange_projections
from gaugeblock.exchange.sandbox_story import CUSTOMER, EXCHANGE, tell
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_source import ViewSource
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.note import NoteKey
from gaugeblock.plant.errors import GaugeblockError, LimitError
from gaugeblock.plant.exchange_facets import ContractSubject, MessageSubject
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import BlobMissingError
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.stores.memory import MemoryLog
from gaugeblock.stores.projections import ProjectionRunner
from gaugeblock.stores.statements import MemoryKeys, SignedStatements

ORIGIN = "gaugeblock.example/sandbox"
STORY_LASTS = timedelta(days=3)
RECORDS_MOST = 20_000
FILE_BYTES_MOST = 16 * 1024 * 1024
SANDBOXES_KEPT = 16
PREFIX = "sandbox:"


class _StoryClock:
    """The real one once the story is told; before that it stands where the story is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.told: datetime | None = clock.now() - STORY_LASTS

    def now(self) -> datetime:
        return self._clock.now() if self.told is None else self.told

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns()


class Sandbox:
    """See the module. Safe from several threads; :meth:`close` it.

    Parameters
    ----------
    seed
        32 secret bytes of the installation: the sandbox's keys follow from it, so that they stay over restarts.
    clock
        Wall clock.
    customer
        Whose view it gives.
    """

    def __init__(self, seed: bytes, clock: Clock, customer: str = CUSTOMER) -> None:
        self.customer = customer
        keys = {name: _key(seed, name) for name in ("checkpoint", SERVER, EXCHANGE)}
        self._clock = _StoryClock(clock)
        self._lock = threading.RLock()
        self._files: dict[str, bytes] = {}
        self._file_bytes = 0
        self.log = MemoryLog(ORIGIN, keys["checkpoint"], self._clock, keys[SERVER])
        self._folder = tempfile.TemporaryDirectory(prefix="gaugeblock-sandbox-", ignore_cleanup_errors=True)
        self._database = Database(f"sqlite:///{self._folder.name}/sandbox.sqlite")
        self._runner = ProjectionRunner(self._database, self.log, exchange_projections())
        self._source = ViewSource(self._database, self.log)
        held = MemoryKeys({SERVER: keys[SERVER], EXCHANGE: keys[EXCHANGE]})
        self._statements = SignedStatements(self.log, self._submit, held, self._clock)
        self._number = 0
        tell(self._tell, self.keep, self._move, customer)
        self._clock.told = None
        self._catch_up()
        self.commands = CustomerCommands(self, self, clock)

    @property
    def log_key(self) -> str:
        """By which evidence of the sandbox is verified."""
        return self.log.log_key

    def view(self) -> CustomerView:
        """What a test key sees."""
        return self._source.view(self.customer, self._clock.now())

    def close(self) -> None:
        """Forget everything."""
        self._database.close()
        self._folder.cleanup()

    # ── as CustomerCommands and faces need it ───────────────────────────────────────────────────────────

    def find(self, identity: str) -> int | None:
        """The index of the sandbox's record with this identity."""
        return self.log.find(EXCHANGE, identity)

    def state(self, record_type: str, identity: str, facets: Mapping[str, Facet]) -> int:
        """A record of the exchange on the customer's behalf; the view shows it when this returns.

        Raises
        ------
        LimitError
            The sandbox is full; it is empty again after the next start.
        """
        with self._lock:
            if self.log.size >= RECORDS_MOST:
                raise LimitError(what="sandbox", limit=RECORDS_MOST)
            index = self._statements.state(EXCHANGE, record_type, identity, facets)
            self._catch_up()
            return index

    def keep(self, data: bytes) -> str:
        """A file of the sandbox; its digest.

        Raises
        ------
        LimitError
        """
        sha256 = hashlib.sha256(data).hexdigest()
        with self._lock:
            if sha256 not in self._files:
                if self._file_bytes + len(data) > FILE_BYTES_MOST:
                    raise LimitError(what="sandbox", limit=FILE_BYTES_MOST)
                self._files[sha256] = data
                self._file_bytes += len(data)
        return sha256

    def get(self, sha256: str) -> bytes:
        """A file by digest.

        Raises
        ------
        BlobMissingError
        """
        found = self._files.get(sha256)
        if found is None:
            raise BlobMissingError(sha256=sha256)
        return found

    # ── the story ───────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, author: str, record_type: str, facets: Mapping[str, Facet]) -> int:
        self._move(timedelta(milliseconds=1))
        self._number += 1
        return self._statements.state(author, record_type, f"story/{self._number}", facets)

    def _move(self, by: timedelta) -> datetime:
        assert self._clock.told is not None, "the story is told once"
        self._clock.told += by
        return self._clock.told

    def _catch_up(self) -> None:
        self._runner.catch_up()
        self.log.sign_checkpoint()
        self._source.refresh()

    def _submit(self, submission: Submission) -> Future[Receipt]:
        future: Future[Receipt] = Future()
        (outcome,) = self.log.append([submission])
        if isinstance(outcome, GaugeblockError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
        return future


def _key(seed: bytes, name: str) -> SigningKey:
    return SigningKey.from_seed(hashlib.sha256(b"gaugeblock sandbox 1\x00" + name.encode() + b"\x00" + seed).digest())


class Sandboxes:
    """A sandbox for each customer who has a test key, made when it is first asked for.

    Each sees only what they did themselves. In a sandbox the customer is called ``sandbox:<id>``, which no customer of
    a plant can be called: nothing that is asked of the plant by a customer's id is ever answered to a test key.

    Parameters
    ----------
    seed, clock
        See :class:`Sandbox`; all are signed by the same keys.
    kept
        How many are in memory; the one longest unused is forgotten first, with what was stated in it.
    """

    def __init__(self, seed: bytes, clock: Clock, kept: int = SANDBOXES_KEPT) -> None:
        self._seed, self._clock, self._most = seed, clock, kept
        self._kept: OrderedDict[str, Sandbox] = OrderedDict()
        self._making = threading.Lock()
        self.origin = ORIGIN
        self.log_key = NoteKey(ORIGIN, _key(seed, "checkpoint").public).vkey
        self.commands = CustomerCommands(self, self, clock)

    def current(self, customer: str) -> CustomerView | None:
        """What the customer's test keys see, where it is in memory."""
        found = self._kept.get(PREFIX + customer)
        return None if found is None else found.view()

    def view(self, customer: str) -> CustomerView:
        """What the customer's test keys see. Blocks for a second where it is made."""
        return self._of(PREFIX + customer).view()

    def get(self, sha256: str) -> bytes:
        """A file of any of them; who may see it the view has said before.

        Raises
        ------
        BlobMissingError
        """
        for sandbox in list(self._kept.values()):
            with contextlib.suppress(BlobMissingError):
                return sandbox.get(sha256)
        raise BlobMissingError(sha256=sha256)

    def close(self) -> None:
        """Forget all."""
        with self._making:
            while self._kept:
                self._kept.popitem()[1].close()

    # ── as CustomerCommands needs it: whose statement it is stands in its subject ───────────────────────

    def find(self, identity: str) -> int | None:
        """The index of the record with this identity, which names its customer."""
        found = self._kept.get(identity.split("/")[1] if identity.count("/") > 1 else "")
        return None if found is None else found.find(identity)

    def state(self, record_type: str, identity: str, facets: Mapping[str, Facet]) -> int:
        """See :meth:`Sandbox.state`."""
        subject = facets["subject"]
        assert isinstance(subject, ContractSubject | MessageSubject), "what customers state"
        return self._of(subject.customer).state(record_type, identity, facets)

    def keep(self, data: bytes) -> str:
        """See :meth:`Sandbox.keep`. A file of whoever asked last: the message that names it follows at once."""
        latest = next(reversed(self._kept.values()), None)
        if latest is None:
            raise LimitError(what="sandbox", limit=0)
        return latest.keep(data)

    def _of(self, name: str) -> Sandbox:
        with self._making:
            found = self._kept.get(name)
            if found is None:
                found = self._kept[name] = Sandbox(self._seed, self._clock, name)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)[1].close()
            self._kept.move_to_end(name)
            return found


class FileReader(Protocol):
    """Bytes by digest."""

    def get(self, sha256: str) -> bytes: ...


class FilesWithSandbox:
    """Files of the plant, and of the sandbox beside them; who may see which the view has said before.

    Parameters
    ----------
    plant, sandbox
        Readers by digest.
    """

    def __init__(self, plant: FileReader, sandbox: FileReader) -> None:
        self._plant, self._sandbox = plant, sandbox

    def get(self, sha256: str) -> bytes:
        """A file by digest.

        Raises
        ------
        BlobMissingError
        """
        try:
            return self._sandbox.get(sha256)
        except BlobMissingError:
            return self._plant.get(sha256)
