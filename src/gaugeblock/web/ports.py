"""What pages and API need from the rest of the plant process. The in-memory twin of each is in ``memory.py``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from gaugeblock.exchange.desks import ExchangeDesks
from gaugeblock.inspection.desks import Desks
from gaugeblock.inspection.ports import Statements
from gaugeblock.inspection.read_model import InspectionReader
from gaugeblock.plant.language import LANGUAGES, Language
from gaugeblock.plant.limits import IMAGE_BYTES_MAX
from gaugeblock.plant.times import Clock
from gaugeblock.production.desks import ProductionDesks
from gaugeblock.production.line_desk import LineDesk

Role = Literal["viewer", "quality", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "quality", "admin")
"""Each role may do what those before it may."""

StationCondition = Literal["running", "starting", "restarting", "stopped"]


class ReceiptLike(Protocol):
    """What the log answers when a record is durable."""

    @property
    def index(self) -> int: ...
    @property
    def leaf_hash(self) -> str: ...
    @property
    def duplicate(self) -> bool: ...


class Submitter(Protocol):
    """The way into the log's single writer."""

    def submit(self, jws: bytes, disclosures: Mapping[str, str]) -> Future[Any]:
        """A future of a :class:`ReceiptLike`, done when the record is durable, or failed with the named refusal.

        Typed ``Any`` because futures are invariant: an adapter's own receipt must fit.

        Raises
        ------
        GaugeblockError
            ``stores.queue_full`` at once when the queue is full: the HTTP answer is 503 with Retry-After.
        """
        ...

    def queued(self) -> int:
        """How many submissions wait."""
        ...


class StoredRecordLike(Protocol):
    """A record as the log keeps it."""

    @property
    def index(self) -> int: ...
    @property
    def jws(self) -> bytes: ...
    @property
    def disclosures(self) -> Mapping[str, str]: ...
    @property
    def received_at(self) -> str: ...


class VerifyingKey(Protocol):
    """A public key of one entity."""

    def verify(self, signature: bytes, message: bytes) -> bool: ...


class LogAccess(Protocol):
    """Reading the log; every method may be called from any thread."""

    @property
    def size(self) -> int:
        """Records in the log."""
        ...

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint: a C2SP signed note."""
        ...

    def record(self, index: int) -> StoredRecordLike:
        """One record; the caller has checked ``0 <= index < size``."""
        ...

    def records(self, start: int, stop: int) -> Iterable[StoredRecordLike]:
        """Records ``start <= index < stop`` in order."""
        ...

    def tile(self, path: str) -> bytes:
        """A tile or entry bundle by its C2SP path below the log's prefix, as ``tile/0/000`` or ``tile/entries/000``.

        Raises
        ------
        GaugeblockError
            No such tile.
        """
        ...

    def evidence(self, index: int, facets: Collection[str] | None = None) -> bytes:
        """Evidence of a record as JSON; waits for no checkpoint: a record newer than it is a named error."""
        ...

    def witnessed_checkpoint(self) -> bytes | None:
        """The latest checkpoint with the lines of the witnesses who cosigned it."""
        ...

    def add_cosignatures(self, note: bytes) -> list[str]:
        """Keep the witnesses' lines on one of the log's checkpoints; their names.

        Raises
        ------
        GaugeblockError
            Not this log's checkpoint, or no line that a known witness signed.
        """
        ...

    def key_of(self, kid: str) -> VerifyingKey | None:
        """The key with this thumbprint if it is bound and not revoked."""
        ...


class Blobs(Protocol):
    """Images and heat-maps by their SHA-256 in lower-case hex."""

    def put(self, data: bytes) -> str:
        """Durable when it returns; the digest."""
        ...

    def get(self, sha256: str) -> bytes:
        """The bytes.

        Raises
        ------
        GaugeblockError
            ``stores.blob_missing``.
        """
        ...

    def has(self, sha256: str) -> bool:
        """Whether they are kept."""
        ...


class Account(Protocol):
    """Who is signed in. ``role`` is one of :data:`ROLES`."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...


class Accounts(Protocol):
    """Users and their server-side sessions. Calls block (a password hash takes 0.1 s): never on the event loop."""

    def login(self, name: str, password: str) -> str:
        """A fresh session token: at least 128 random bits, URL-safe.

        Raises
        ------
        GaugeblockError
            ``stores.login_refused`` or ``stores.login_throttled``.
        """
        ...

    def user_of(self, token: str) -> Account:
        """Whose session this is, while it lasts.

        Raises
        ------
        GaugeblockError
            ``stores.session_invalid``.
        """
        ...

    def revoke(self, token: str) -> None:
        """Ends a session."""
        ...

    def change_password(self, name: str, old: str, new: str) -> None:
        """The user's own change; ends all of the user's sessions.

        Raises
        ------
        GaugeblockError
            ``stores.login_refused``, ``stores.login_throttled`` or ``stores.password_weak``.
        """
        ...


@dataclass(frozen=True, slots=True)
class StationState:
    """A station process as its supervisor sees it. ``spool_backlog`` counts records not yet handed over."""

    station: str
    condition: StationCondition
    since: str
    restarts: int = 0
    spool_backlog: int | None = None
    fault_code: str | None = None
    fault_facts: Mapping[str, str | int | float] = field(default_factory=dict)


class StationSupervision(Protocol):
    """The supervisor of the station processes."""

    def stations(self) -> list[StationState]:
        """All of them.

        Raises
        ------
        GaugeblockError
            How they fare is not known now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that is wrong with the process: the code and facts of a named error."""

    code: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict)


class Health(Protocol):
    """What the plant process knows to be wrong with itself."""

    def concerns(self) -> list[Concern]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """What the composition tells the pages, and the limits of the HTTP API.

    Parameters
    ----------
    plant_name, plant_name_en
        The enterprise's name; the English one where it has one.
    language
        For readers who state no preference.
    log_key
        Public key of the log as C2SP vkey text.
    public_log
        Whether checkpoint and tiles are readable without signing in.
    secure_cookies
        Set where the pages are reached by https.
    records_per_request, records_body_bytes, blob_bytes
        Limits of ``POST /records`` and ``PUT /blobs``; beyond them 413.
    key_skew_s
        How far the time in a Gaugeblock-Key header may be from ours.
    follow_every_s, heartbeat_s
        How often the log is looked at for news, and the longest silence of an event stream.
    """

    plant_name: str
    version: str
    origin: str
    log_key: str
    plant_name_en: str | None = None
    language: Language = "zh"
    languages: tuple[Language, ...] = LANGUAGES
    public_log: bool = True
    secure_cookies: bool = False
    records_per_request: int = 1000
    records_body_bytes: int = 16 * 1024 * 1024
    blob_bytes: int = IMAGE_BYTES_MAX
    key_skew_s: float = 300.0
    submit_timeout_s: float = 30.0
    follow_every_s: float = 0.25
    heartbeat_s: float = 4.0
    listeners: int = 200

    def name(self, language: Language) -> str:
        """The plant's name in a language."""
        return self.plant_name_en or self.plant_name if language == "en" else self.plant_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that :func:`gaugeblock.web.app.create_app` needs.

    What ``statements`` has stated, the readers here show when it returns: whoever decides sees the decision.
    """

    settings: WebSettings
    inspections: InspectionReader
    log: LogAccess
    submitter: Submitter
    statements: Statements
    desks: Desks
    production: ProductionDesks
    exchange: ExchangeDesks
    blobs: Blobs
    accounts: Accounts
    stations: StationSupervision
    health: Health
    clock: Clock
    line: LineDesk | None = None
