"""The shapes of the API's answers that are not already read models. Every figure names its record by index."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gaugeblock.inspection.read_model import VerdictRow


class RecordIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed record as its author submits it: the JWS in compact form, and the disclosures by facet name."""

    jws: str
    disclosures: dict[str, str]


class RecordsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch; a refusal harms only its own record."""

    records: list[RecordIn]


class RefusalText(msgspec.Struct, frozen=True):
    """Why a record was refused."""

    code: str
    text: str
    remedy: str


class ReceiptOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """Durable at ``index`` with its RFC 6962 leaf hash in hex; or ``error`` says why the record is not in the log."""

    index: int | None = None
    leaf_hash: str | None = None
    duplicate: bool | None = None
    error: RefusalText | None = None


class ReceiptsOut(msgspec.Struct, frozen=True):
    """One answer for each record sent, in order."""

    receipts: list[ReceiptOut]


class BlobOut(msgspec.Struct, frozen=True):
    """Bytes are kept under this digest."""

    sha256: str
    size_bytes: int


class InspectionOut(VerdictRow, frozen=True, kw_only=True):
    """A verdict with the addresses of its image and heat-map. ``wrong`` is ``None`` while the truth is unknown."""

    wrong: Literal["escape", "overkill", "no"] | None = None
    image: str | None = None
    heatmap: str | None = None


class InspectionsOut(msgspec.Struct, frozen=True):
    """One page of verdicts, newest first; ``next`` is the cursor of the following page, ``null`` at the end."""

    inspections: list[InspectionOut]
    next: int | None


class UnitOut(msgspec.Struct, frozen=True):
    """All verdicts about one unit, oldest first."""

    unit: str
    inspections: list[InspectionOut]


class ProofOut(msgspec.Struct, frozen=True):
    """Where the record stands in the log: hashes in hex, ``path`` from the leaf upwards (RFC 6962, 2.1.1).

    ``path`` is ``null`` while no signed checkpoint covers the record yet.
    """

    leaf_hash: str
    tree_size: int
    root: str | None
    path: list[str] | None


class RecordOut(msgspec.Struct, frozen=True):
    """A record: its signed payload, the facets disclosed here, and its place in the log."""

    index: int
    received_at: str
    record_type: str
    record_version: int
    author: str
    identity: str
    stated_at: str
    observed_at: str
    kid: str
    payload: dict[str, Any]
    facets: dict[str, Any]
    withheld: int
    jws: str
    proof: ProofOut


class StepOut(msgspec.Struct, frozen=True):
    """One step of a verification."""

    name: str
    ok: bool
    text: str


class VerificationOut(msgspec.Struct, frozen=True):
    """The server's own verification of the evidence it would give out."""

    ok: bool
    steps: list[StepOut]


class LogOut(msgspec.Struct, frozen=True):
    """The log: ``checkpoint`` is the latest signed note, ``key`` the public key that checks it (C2SP vkey)."""

    origin: str
    size: int
    checkpoint_size: int
    root: str
    checkpoint: str
    key: str


class StationOut(msgspec.Struct, frozen=True):
    """A station: what its supervisor sees, and what its records say."""

    station: str
    condition: str
    since: str | None
    restarts: int
    spool_backlog: int | None
    fault: str | None
    boot_epoch: int | None
    started_at: str | None
    missed_triggers: int | None
    module_sha256: str | None
    last_verdict_at: str | None
    last_verdict_index: int | None


class StationsOut(msgspec.Struct, frozen=True):
    """All stations by name."""

    stations: list[StationOut]


class ConcernOut(msgspec.Struct, frozen=True):
    """Something that is wrong."""

    code: str
    text: str


class HealthOut(msgspec.Struct, frozen=True):
    """``ok`` while nothing is wrong; the process is alive either way, or it would not answer."""

    status: Literal["ok", "concerned"]
    version: str
    log_size: int
    concerns: list[ConcernOut]
