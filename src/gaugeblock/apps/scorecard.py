"""The demo's scorecard: what the records say, what the PLC counted, and whether a stranger could verify it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from gaugeblock.apps.console import Console
from gaugeblock.apps.demo_customer import CustomerSaw
from gaugeblock.apps.layout import Installation
from gaugeblock.apps.records import reading_log, trusted_key
from gaugeblock.apps.supervision import SupervisionStatus, read_supervision
from gaugeblock.inspection.projections import inspection_projections
from gaugeblock.inspection.queries import ProjectedInspections
from gaugeblock.inspection.read_model import Overview, Rate, VerdictFilter
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.database import Database
from gaugeblock.stores.log_audit import audit
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.stores.projections import ProjectionRunner

EVIDENCE_CHECKED_MAX = 500
FIRST_VERDICT_S_MAX = 120.0


class LineSummary(msgspec.Struct, frozen=True):
    """The virtual line's own last words: what its PLC counted. Other fields of the log line are not read."""

    triggers: int
    passed: int
    rejected: int
    late_answers: int


@dataclass
class Scorecard:
    """Rows as (label, value), and why it did not pass, if it did not."""

    rows: list[tuple[str, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """No check failed."""
        return not self.reasons


def line_summary(log: Path) -> LineSummary | None:
    """The last ``stopped`` event of the virtual line's log."""
    found = None
    for line in log.read_text("utf-8", errors="replace").splitlines() if log.is_file() else ():
        if '"event":"stopped"' in line.replace(": ", ":"):
            found = msgspec.json.decode(line, type=LineSummary)
    return found


def score(
    installation: Installation, first_verdict_s: float | None, supervision: Sequence[Path], console: Console
) -> Scorecard:
    """Everything that can be known after the processes have stopped.

    Parameters
    ----------
    first_verdict_s
        From the command's start to the first verdict in the log; ``None`` where none came.
    supervision
        The status files of the supervisors that ran.
    """
    card = Scorecard()
    with (
        reading_log(installation) as (database, reader),
        Database(installation.database_url("projections")) as projected,
    ):
        runner = ProjectionRunner(projected, reader, inspection_projections(installation.settings.review))
        runner.catch_up()
        inspections = ProjectedInspections(projected, lambda: reader.size)
        seen = inspections.overview()
        _inspection_rows(card, seen, first_verdict_s, console)
        _line_row(card, seen, line_summary(installation.logs / "virtual-line.log"), console)
        key = trusted_key(installation)
        _audit_row(card, database, reader, key, console)
        indices = [row.index for row in inspections.verdicts(VerdictFilter(limit=200))]
        _evidence_row(card, reader, key.vkey, indices, console)
    crashed = sorted(_crashed(supervision))
    if crashed:
        card.reasons.append(console.text("apps.demo.reason_process", names=", ".join(crashed)))
    return card


def _crashed(files: Sequence[Path]) -> set[str]:
    statuses: list[SupervisionStatus] = [status for file in files if (status := read_supervision(file)) is not None]
    return {process.name for status in statuses for process in status.processes if process.restarts}


def _row(card: Scorecard, console: Console, name: str, key: str, **facts: object) -> None:
    card.rows.append((console.text(f"apps.demo.{name}"), console.text(f"apps.demo.{key}", **facts)))


def _inspection_rows(card: Scorecard, seen: Overview, first_verdict_s: float | None, console: Console) -> None:
    total = sum(seen.counts.values())
    if first_verdict_s is None or total == 0:
        card.reasons.append(console.text("apps.demo.reason_no_verdicts"))
    else:
        _row(card, console, "first_verdict", "seconds", value=f"{first_verdict_s:.1f}")
        if first_verdict_s > FIRST_VERDICT_S_MAX:
            card.reasons.append(console.text("apps.demo.reason_slow"))
    _row(
        card,
        console,
        "parts",
        "parts_value",
        total=total,
        ok=seen.counts[Verdict.OK],
        nok=seen.counts[Verdict.NOK],
        undecided=seen.counts[Verdict.UNDECIDED],
    )
    if seen.window < total:
        _row(card, console, "window", "window_value", n=seen.window)
    for name, rate in (("escape", seen.escape), ("overkill", seen.overkill)):
        _row(card, console, name, "rate", **_rate_facts(rate))
    if seen.recent:
        _row(
            card,
            console,
            "latency",
            "latency_value",
            p50=f"{seen.latency_ms_p50:.0f}",
            p99=f"{seen.latency_ms_p99:.0f}",
            deadline=f"{seen.recent[0].deadline_ms:.0f}",
        )


def _rate_facts(rate: Rate) -> dict[str, object]:
    percent = f"{100 * rate.hits / rate.of:.1f}" if rate.of else "–"
    return {
        "hits": rate.hits,
        "of": rate.of,
        "percent": percent,
        "low": f"{100 * rate.low:.1f}",
        "high": f"{100 * rate.high:.1f}",
    }


def _line_row(card: Scorecard, seen: Overview, line: LineSummary | None, console: Console) -> None:
    if line is None:
        card.reasons.append(console.text("apps.demo.reason_no_line"))
        return
    _row(
        card,
        console,
        "plc",
        "plc_value",
        triggers=line.triggers,
        passed=line.passed,
        rejected=line.rejected,
        late=line.late_answers,
    )
    # Each unit that went through the gate needs an OK on record; an OK that came too late opened no gate.
    if line.passed > seen.counts[Verdict.OK]:
        card.reasons.append(console.text("apps.demo.reason_lost"))


def _audit_row(card: Scorecard, database: Database, reader: LogReader, key: NoteKey, console: Console) -> None:
    try:
        audit(database, reader, key)
        outcome = console.text("apps.demo.audit_good")
    except GaugeblockError as error:
        outcome = error.text(console.language)
        card.reasons.append(console.text("apps.demo.reason_audit"))
    _row(card, console, "records", "records_value", size=reader.size, audit=outcome)


def _evidence_row(card: Scorecard, reader: LogReader, key: str, indices: Sequence[int], console: Console) -> None:
    """Each of the newest verdicts' evidence is made and verified with nothing but the log's public key."""
    checked = indices[:EVIDENCE_CHECKED_MAX]
    good = sum(verify_evidence(reader.evidence(index), key).ok for index in checked)
    _row(card, console, "evidence", "evidence_value", good=good, of=len(checked))
    if good != len(checked):
        card.reasons.append(console.text("apps.demo.reason_evidence"))


def add_customer_row(card: Scorecard, saw: CustomerSaw | None, console: Console) -> None:
    """What the overseas customer got with its key, while the plant ran."""
    if saw is None or not saw.verified:
        card.reasons.append(console.text("apps.demo.reason_customer"))
        return
    _row(
        card,
        console,
        "customer_row",
        "customer_value",
        orders=saw.orders,
        inspections=saw.inspections,
        seconds=f"{saw.seconds:.1f}",
    )


def print_scorecard(card: Scorecard, seed: int, console: Console) -> None:
    """The card on standard output: the same text for a person and for a file."""
    width = max((_width(label) for label, _ in card.rows), default=0)
    lines = [console.text("apps.demo.title", seed=seed)]
    lines += [f"  {label}{' ' * (width - _width(label))}  {value}" for label, value in card.rows]
    lines.append(
        console.text("apps.demo.verdict_good")
        if card.passed
        else console.text("apps.demo.verdict_bad", reasons="; ".join(card.reasons))
    )
    console.out("\n".join(lines))


def _width(text: str) -> int:
    """Columns in a terminal: CJK characters take two."""
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)
