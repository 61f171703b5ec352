"""From verdicts and alarms to the tables of the watch."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, MetaData, String, Table, Text

from gaugeblock.plant.control_facets import AlarmInputs, AlarmMeasurement, AlarmStatement, AlarmSubject
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
)
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

_Row = dict[str, str | int | float | bool | bytes | None]

watched = Table(
    "watch_rows",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("station", String(80), nullable=False),
    Column("unit", String(200)),
    Column("observed_at", String(32), nullable=False),
    Column("module_sha256", String(64)),
    Column("image_sha256", String(64)),
    Column("light", Float),
    Column("contrast", Float),
    Column("focus", Float),
    Column("position", Float),
    Column("feature", Float),
    Column("score", Float),
    Index("watch_rows_station", "station", "index"),
)

alarms = Table(
    "watch_alarms",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("station", String(80), nullable=False),
    Column("chart", String(16), nullable=False),
    Column("direction", String(8)),
    Column("raised_at", String(32)),
    Column("ewma", Float),
    Column("centre", Float),
    Column("limit", Float),
    Column("sigma", Float),
    Column("verdict_index", BigInteger),
    Column("since_index", BigInteger),
    Column("before_sha256", String(64)),
    Column("now_sha256", String(64)),
    Column("cleared_at", String(32)),
    Column("cleared_index", BigInteger),
    Column("acknowledged_at", String(32)),
    Column("acknowledged_index", BigInteger),
    Column("acknowledged_by", String(200)),
    Column("note", Text),
    Column("new_baseline", Boolean),
    Index("watch_alarms_station", "station", "chart", "index"),
)

stations = Table(
    "watch_stations",
    metadata,
    Column("station", String(80), primary_key=True),
    Column("last_index", BigInteger),
    Column("baseline_from", BigInteger),
    Column("alarm_verdict", BigInteger),
)


class WatchProjection:
    """Verdicts of production parts with what they say of the set-up; alarms with what became of them."""

    name = "watch"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        if record.record_type == "inspection.verdict":
            yield from _verdict(record)
        elif record.record_type == "inspection.alarm":
            yield from _alarm(record)


def _verdict(record: OpenRecord) -> Iterable[Change]:
    subject, statement = record.facets.get("subject"), record.facets.get("statement")
    measured, process = record.facets.get("measurement"), record.facets.get("process")
    inputs = record.facets.get("inputs")
    if not (
        isinstance(subject, InspectionSubject)
        and isinstance(statement, InspectionStatement)
        and isinstance(measured, InspectionMeasurement)
        and isinstance(process, InspectionProcess)
        and isinstance(inputs, InspectionInputs)
    ):
        return
    watch = measured.watch
    if watch is None or process.purpose != "production":
        return
    good = statement.verdict is Verdict.OK
    shift = (watch.shift_x, watch.shift_y)
    position = math.hypot(shift[0], shift[1]) if shift[0] is not None and shift[1] is not None else None
    yield Put(
        "watch_rows",
        {"index": record.index},
        {
            "station": subject.station,
            "unit": subject.unit,
            "observed_at": record.observed_at,
            "module_sha256": inputs.module_sha256,
            "image_sha256": inputs.image_sha256,
            "light": watch.light,
            "contrast": watch.contrast,
            "focus": watch.focus,
            "position": position,
            "feature": watch.feature if good else None,
            "score": measured.score if good else None,
        },
    )
    yield Put("watch_stations", {"station": subject.station}, {"last_index": record.index})


def _alarm(record: OpenRecord) -> Iterable[Change]:
    subject, statement = record.facets.get("subject"), record.facets.get("statement")
    if not (isinstance(subject, AlarmSubject) and isinstance(statement, AlarmStatement)):
        return
    measured = record.facets.get("measurement")
    if isinstance(measured, AlarmMeasurement):
        seen: _Row = {"alarm_verdict": measured.verdict_index}
        yield Put("watch_stations", {"station": subject.station}, seen)
    if statement.new_baseline:
        yield Put("watch_stations", {"station": subject.station}, {"baseline_from": record.index})
    if statement.state == "raised":
        yield Put("watch_alarms", {"index": record.index}, _raised(record, subject, statement))
    elif statement.raised_index is not None:
        of: _Row = {"station": subject.station, "chart": subject.chart}
        became: _Row
        if statement.state == "cleared":
            became = {"cleared_at": record.observed_at, "cleared_index": record.index}
        else:
            became = {
                "acknowledged_at": record.stated_at,
                "acknowledged_index": record.index,
                "acknowledged_by": record.author,
                "note": statement.note,
                "new_baseline": statement.new_baseline,
            }
        yield Put("watch_alarms", {"index": statement.raised_index}, {**of, **became})


def _raised(record: OpenRecord, subject: AlarmSubject, statement: AlarmStatement) -> _Row:
    measured, inputs = record.facets.get("measurement"), record.facets.get("inputs")
    row: _Row = {
        "station": subject.station,
        "chart": subject.chart,
        "direction": statement.direction,
        "raised_at": record.observed_at,
    }
    if isinstance(measured, AlarmMeasurement):
        row |= {
            "ewma": measured.ewma,
            "centre": measured.centre,
            "limit": measured.limit,
            "sigma": measured.sigma,
            "verdict_index": measured.verdict_index,
            "since_index": measured.since_index,
        }
    if isinstance(inputs, AlarmInputs):
        row |= {"before_sha256": inputs.before_sha256, "now_sha256": inputs.now_sha256}
    return row
