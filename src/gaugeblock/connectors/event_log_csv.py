"""Event logs as CSV: one row a stay of a part on a machine, or a machine's down time; read as a stream, within a bound.

Columns are found by their header, whatever case and order: those of common exports are known, others are named by the
caller. A row whose ``state`` is ``down`` is a machine's failure. Times are numbers in the log's unit, or ISO 8601
(a space, slashes and no zone are taken too; with a zone they become UTC), counted from midnight before the first row.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from gaugeblock.twin.calibration.errors import LogColumnError, LogRowError
from gaugeblock.twin.calibration.event_log import EventLog, LogBuilder

KNOWN: Mapping[str, tuple[str, ...]] = {
    "part": ("part", "case_id", "case id", "case:concept:name", "serial", "unit", "case"),
    "station": ("station", "activity", "concept:name", "operation", "step"),
    "machine": ("machine", "resource", "org:resource", "equipment", "workcenter"),
    "start": ("start", "start_time", "start timestamp", "start_timestamp", "begin", "time:start"),
    "end": ("end", "end_time", "complete timestamp", "end_timestamp", "complete", "finish", "time:timestamp"),
    "product": ("product", "product_id", "part desc.", "part desc", "type"),
    "order": ("order", "order_id", "lot", "work order qty", "work_order"),
    "rejected": ("rejected", "scrap", "nok", "reject"),
    "state": ("state", "machine_state"),
}
"""Headers by which a column is known, in lower case."""
NONE = "-"
REQUIRED = ("part", "station", "start", "end")
TRUE = frozenset({"1", "true", "yes", "y", "nok", "scrap", "rejected", "是"})
DOWN = frozenset({"down", "failed", "failure", "故障"})
PROGRESS_ROWS = 50_000
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_MARK = "start", "end"


def read_event_log(
    lines: Iterable[str],
    *,
    columns: Mapping[str, str] | None = None,
    unit: str = "min",
    progress: Callable[[int], None] | None = None,
) -> EventLog:
    """The log in the lines of a CSV file.

    Parameters
    ----------
    columns
        Headers by what they mean, where they are not among ``KNOWN``; ``-``: there is none that counts.
    unit
        Of the log's times: ``s``, ``min`` or ``h``.
    progress
        Called now and then with the rows read.

    Raises
    ------
    LogColumnError, LogRowError, LogTooLongError

    Examples
    --------
    >>> log = read_event_log(["case_id,Activity,Resource,start_time,end_time",
    ...                       "7,Milling,M1,2012-01-30T04:24:00,2012-01-30T05:24:00"])
    >>> log.start.tolist(), log.end.tolist(), log.origin
    ([264.0], [324.0], '2012-01-30T00:00:00')
    """
    rows = _rows(lines)
    header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    at = _found(header, columns or {})
    per = _SECONDS.get(unit, 60.0)
    builder = LogBuilder(unit)
    origin: datetime | None = None
    part_at, station_at, start_at, end_at = (at[name] for name in REQUIRED)
    machine_at, product_at, order_at = (at.get(name, -1) for name in ("machine", "product", "order"))
    rejected_at, state_at = at.get("rejected", -1), at.get("state", -1)
    last = max(at.values())
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) <= last:
            raise LogRowError(row=number, value=",".join(row)[:80])
        station, machine = row[station_at].strip(), row[machine_at].strip() if machine_at >= 0 else ""
        # Process-mining tools frame each case with rows that are no work.
        if machine == station and station.lower() in _MARK:
            continue
        times = []
        for value in (row[start_at], row[end_at]):
            value = value.strip()
            if not value:
                times.append(math.nan)
                continue
            # Telling a number by its look is much faster than failing to read a date as one.
            if len(value) < 8 or not (value[:4].isdecimal() and value[4] in "-/"):
                try:
                    times.append(float(value))
                    continue
                except ValueError as fault:
                    raise LogRowError(row=number, value=value[:80]) from fault
            try:
                moment = datetime.fromisoformat(value.replace("/", "-"))
            except ValueError as fault:
                raise LogRowError(row=number, value=value[:80]) from fault
            if moment.tzinfo is not None:
                moment = moment.astimezone(UTC).replace(tzinfo=None)
            if origin is None:
                origin = moment.replace(hour=0, minute=0, second=0, microsecond=0)
                builder.origin = origin.isoformat()
            times.append((moment - origin) / timedelta(seconds=per))
        if state_at >= 0 and row[state_at].strip().lower() in DOWN:
            builder.down(machine, *times)
            continue
        builder.visit(
            row[part_at].strip(),
            station,
            machine,
            times[0],
            times[1],
            product=row[product_at].strip() if product_at >= 0 else None,
            order=row[order_at].strip() if order_at >= 0 else None,
            rejected=rejected_at >= 0 and row[rejected_at].strip().lower() in TRUE,
        )
        if progress is not None and number % PROGRESS_ROWS == 0:
            progress(number)
    return builder.build()


def _rows(lines: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(lines)
    first = next(stream, "")
    delimiter = max(",;\t", key=first.count)

    def again() -> Iterator[str]:
        yield first
        yield from stream

    return csv.reader(again(), delimiter=delimiter)


def _found(header: list[str], named: Mapping[str, str]) -> dict[str, int]:
    lower = [name.lower() for name in header]
    at = {}
    for meaning, names in KNOWN.items():
        if named.get(meaning) == NONE and meaning not in REQUIRED:
            continue
        wanted = (named[meaning].lower(),) if meaning in named else names
        for name in wanted:
            if name in lower:
                at[meaning] = lower.index(name)
                break
        else:
            if meaning in named or meaning in REQUIRED:
                raise LogColumnError(column=named.get(meaning, meaning), known=", ".join(header)[:300])
    return at


def event_log_csv(log: EventLog) -> Iterator[str]:
    """The rows of a log, as :func:`read_event_log` reads them."""
    yield "part,station,machine,start,end,product,order,rejected,state\n"

    def quoted(*cells: str) -> str:
        return ",".join('"' + c.replace('"', '""') + '"' if set(c) & set(',"\n;\t') else c for c in cells) + "\n"

    def number(value: float) -> str:
        return repr(float(value)) if math.isfinite(value) else ""

    for k in range(len(log)):
        yield quoted(
            log.parts[log.part[k]],
            log.stations[log.station[k]],
            log.machines[log.machine[k]] if log.machine[k] >= 0 else "",
            number(log.start[k]),
            number(log.end[k]),
            log.products[log.product[k]] if log.product[k] >= 0 else "",
            log.orders[log.order[k]] if log.order[k] >= 0 else "",
            "1" if log.rejected[k] else "",
            "",
        )
    for m, start, end in zip(log.down_machine, log.down_start, log.down_end, strict=True):
        yield quoted("", "", log.machines[m], number(start), number(end), "", "", "", "down")
