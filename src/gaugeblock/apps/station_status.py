"""What a station process says of itself in its status file."""

from __future__ import annotations

from typing import Literal

import msgspec


class StationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """``status.json`` in the station's data directory, written each second; times in ms are trigger to answer.

    ``fault_code`` is the error that weighs most now: what keeps parts from being judged before what keeps records
    from leaving. ``challenge`` is where the challenge gate stands, and ``challenge_cause`` why it is closed.
    """

    station: str
    state: Literal["starting", "running", "stopped"]
    pid: int
    written_at: str
    boot_epoch: int
    inference: str
    module_sha256: str | None = None
    challenge: Literal["none", "missing", "due", "failed", "passed"] = "none"
    challenge_cause: str | None = None
    counts: dict[str, int]
    last_trigger: int | None = None
    last_verdict: str | None = None
    last_reason: str | None = None
    latency_ms_p50: float | None = None
    latency_ms_p99: float | None = None
    spool_backlog: int = 0
    refused: int = 0
    delivered: int = 0
    spool_bytes: int = 0
    spool_bytes_limit: int = 0
    fault_code: str | None = None
    fault_facts: dict[str, str | int | float] = {}
