"""From the line's events, forecasts and their outcomes to rows. A row depends on its own record alone.

Events stay in the batches they came in: one row a record, found by the times it covers. What has to be counted over
years – good parts of an order – is counted in rows of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

from gaugeblock.plant.production_facets import (
    EventBatchStatement,
    EventBatchSubject,
    ForecastProcess,
    ForecastStatement,
    ForecastSubject,
    KpiStatement,
    OutcomeStatement,
    PeriodSubject,
)
from gaugeblock.stores.projections import Add, Change, OpenRecord, Put

metadata = MetaData()


def _index(name: str = "record_index", *, key: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, autoincrement=False, nullable=not key)


batches = Table(
    "line_batches",
    metadata,
    _index(key=True),
    Column("line", String(80), nullable=False),
    Column("source", String(200), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("first_at", String(32), nullable=False),
    Column("last_at", String(32), nullable=False),
    Column("events", Text, nullable=False),
    Index("line_batches_line", "line", "record_index"),
    Index("line_batches_time", "line", "last_at"),
)

counts = Table(
    "line_counts",
    metadata,
    Column("line", String(80), primary_key=True),
    Column("order", String(200), primary_key=True),
    Column("station", String(100), primary_key=True),
    Column("event", String(12), primary_key=True),
    Column("n", BigInteger, nullable=False, default=0),
    Column("last_at", String(32)),
)

forecasts = Table(
    "line_forecasts",
    metadata,
    _index(key=True),
    Column("line", String(80), nullable=False),
    Column("order", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("completion", Text, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("due", String(32)),
    Column("on_time", Float),
    Column("replications", Integer),
    Column("model_sha256", String(64)),
    Index("line_forecasts_order", "line", "order", "record_index"),
)

outcomes = Table(
    "line_outcomes",
    metadata,
    _index("forecast_index", key=True),
    _index(),
    Column("line", String(80), nullable=False),
    Column("order", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("completed_at", String(32), nullable=False),
    Column("pit", Float, nullable=False),
    Column("crps_s", Float, nullable=False),
    Index("line_outcomes_line", "line", "completed_at"),
)

kpis = Table(
    "line_kpis",
    metadata,
    _index(key=True),
    Column("line", String(80), nullable=False),
    Column("machine", String(100)),
    Column("begin", String(32), nullable=False),
    Column("end", String(32), nullable=False),
    Column("values", Text, nullable=False),
    Column("produced", BigInteger, nullable=False),
    Column("good", BigInteger, nullable=False),
    Index("line_kpis_line", "line", "machine", "end"),
)

ENDING = frozenset({"left", "scrapped", "reworked"})
"""What is counted: what ends a part's stay at a station."""


class LineProjection:
    """Batches of events, good parts by order and station, forecasts and outcomes, key figures."""

    name = "line"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        match subject, statement:
            case EventBatchSubject(), EventBatchStatement():
                yield from _batch(record, subject, statement)
            case ForecastSubject(), ForecastStatement():
                process = record.facets.get("process")
                known = process if isinstance(process, ForecastProcess) else None
                yield Put(
                    "line_forecasts",
                    {"record_index": record.index},
                    {
                        "line": subject.line or "",
                        "order": subject.order,
                        "stated_at": record.stated_at,
                        "completion": msgspec.json.encode(statement.completion).decode(),
                        "remaining": statement.remaining,
                        "due": statement.due,
                        "on_time": statement.on_time,
                        "replications": known.replications if known else None,
                        "model_sha256": known.model_sha256 if known else None,
                    },
                )
            case ForecastSubject(), OutcomeStatement():
                yield Put(
                    "line_outcomes",
                    {"forecast_index": statement.forecast_index},
                    {
                        "record_index": record.index,
                        "line": subject.line or "",
                        "order": subject.order,
                        "stated_at": record.stated_at,
                        "completed_at": statement.completed_at,
                        "pit": statement.pit,
                        "crps_s": statement.crps_s,
                    },
                )
            case PeriodSubject(), KpiStatement():
                yield Put(
                    "line_kpis",
                    {"record_index": record.index},
                    {
                        "line": subject.line,
                        "machine": subject.machine,
                        "begin": subject.begin,
                        "end": subject.end,
                        "values": msgspec.json.encode(statement.values).decode(),
                        "produced": statement.produced,
                        "good": statement.good,
                    },
                )


def _batch(record: OpenRecord, subject: EventBatchSubject, statement: EventBatchStatement) -> Iterable[Change]:
    times = sorted([event.at for event in statement.steps] + [event.at for event in statement.states])
    if not times:
        return
    yield Put(
        "line_batches",
        {"record_index": record.index},
        {
            "line": subject.line,
            "source": subject.source,
            "sequence": statement.sequence,
            "first_at": times[0],
            "last_at": times[-1],
            "events": msgspec.json.encode(statement).decode(),
        },
    )
    seen: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], str] = {}
    for event in statement.steps:
        if event.event in ENDING and event.order is not None:
            key = (event.order, event.station, event.event)
            seen[key] += 1
            last[key] = max(last.get(key, ""), event.at)
    for (order, station, event_name), number in seen.items():
        row = {"line": subject.line, "order": order, "station": station, "event": event_name}
        yield Add("line_counts", row, {"n": number})
        yield Put("line_counts", row, {"last_at": last[order, station, event_name]})
