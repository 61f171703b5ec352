"""The watch at work: reads what verdicts say of the set-up, states alarms, and takes people's answers to them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from gaugeblock.inspection.ports import Statements
from gaugeblock.inspection.watch import BASELINE_SUBGROUPS, CHARTS, SUBGROUP, ChartPoint, StationFold, WatchEvent
from gaugeblock.inspection.watch_queries import ROWS_A_READ, AlarmRow, WatchedStation, WatchReader
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.plant.control_facets import AlarmInputs, AlarmMeasurement, AlarmStatement, AlarmSubject, Chart
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.signals.ewma import Direction

READ_BACK_ROWS = 50_000
"""After a restart the charts are read again from so many verdicts back, or from where they began."""
NOTE_MAX = 500


class AlarmUnknownError(GaugeblockError):
    """No alarm was raised by that record. Facts: ``index``."""

    code = "inspection.alarm_unknown"


class AlarmSettledError(GaugeblockError):
    """Somebody has acknowledged this alarm already. Facts: ``index``, ``by``."""

    code = "inspection.alarm_settled"


class NoteTooLongError(GaugeblockError):
    """More text than a note holds. Facts: ``limit``."""

    code = "inspection.note_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """A chart as it stands: its points (400 at most), what it has learnt, and its standing alarm if any."""

    chart: Chart
    points: tuple[ChartPoint, ...]
    learnt: int
    to_learn: int
    flat: bool
    centre: float | None
    alarm: AlarmRow | None


@dataclass
class _Watched:
    fold: StationFold = field(default_factory=StationFold)
    baseline_from: int | None = None
    settled: int | None = None


class WatchDesk:
    """Charts of all stations, kept up to date by :meth:`step`; a keeper.

    The charts themselves are not stored: after a restart they are read again from the rows. Alarms are records, and
    a chart that has an alarm standing raises no second one, so reading again states nothing twice.

    Parameters
    ----------
    reader
        Rows and alarms.
    statements
        Where alarms are stated.
    """

    name = "watch"

    def __init__(self, reader: WatchReader, statements: Statements) -> None:
        self._reader, self._statements = reader, statements
        self._stations: dict[str, _Watched] = {}
        self._lock = threading.Lock()

    def step(self) -> None:
        """Read what is new, and state what follows; bounded by :data:`ROWS_A_READ` verdicts a station."""
        with self._lock:
            for seen in self._reader.stations():
                self._follow(seen)

    def charts(self, station: str) -> list[ChartView]:
        """The station's charts as far as they were read."""
        standing = {alarm.chart: alarm for alarm in self._reader.standing(station)}
        with self._lock:
            watched = self._stations.get(station)
            if watched is None:
                return []
            views = []
            for chart in CHARTS:
                fold = watched.fold.charts[chart]
                learnt, to_learn = fold.learning
                views.append(
                    ChartView(
                        chart=chart,
                        points=tuple(fold.points),
                        learnt=learnt * SUBGROUP,
                        to_learn=to_learn * SUBGROUP,
                        flat=fold.flat,
                        centre=fold.centre,
                        alarm=standing.get(chart),
                    )
                )
        return views

    def stations(self) -> list[str]:
        """Stations with something to watch."""
        return [seen.station for seen in self._reader.stations()]

    def unit_from(self, station: str, index: int) -> str | None:
        """The first watched unit whose verdict stands at ``index`` in the log or after it."""
        rows = self._reader.rows(station, index - 1, 1)
        return rows[0].unit if rows else None

    def alarms(self, station: str | None = None) -> list[AlarmRow]:
        """Newest first."""
        return self._reader.alarms(station)

    def acknowledge(self, index: int, by: str, note: str = "", *, new_baseline: bool = False) -> int:
        """A person has seen to an alarm; the record's index.

        Parameters
        ----------
        index
            The record that raised it.
        by
            ``person:<name>``.
        new_baseline
            The set-up was changed on purpose: all charts of the station begin anew from here.

        Raises
        ------
        AlarmUnknownError, AlarmSettledError, NoteTooLongError
        """
        note = note.strip()
        if len(note) > NOTE_MAX:
            raise NoteTooLongError(limit=NOTE_MAX)
        alarm = self._reader.alarm(index)
        if alarm is None:
            raise AlarmUnknownError(index=index)
        if alarm.acknowledged_by is not None:
            raise AlarmSettledError(index=index, by=alarm.acknowledged_by)
        return self._statements.state(
            by,
            "inspection.alarm",
            f"watch/{index}/acknowledged",
            {
                "subject": AlarmSubject(station=alarm.station, chart=alarm.chart),
                "statement": AlarmStatement(
                    state="acknowledged",
                    direction=alarm.direction,
                    note=note,
                    raised_index=index,
                    new_baseline=new_baseline,
                ),
            },
        )

    # ── following ─────────────────────────────────────────────────────────────────────────────────────────

    def _follow(self, seen: WatchedStation) -> None:
        station = seen.station
        watched = self._stations.setdefault(station, _Watched())
        if watched.settled is None:
            watched.fold.last_index = self._reader.restart_index(station, READ_BACK_ROWS)
            # What a process before this one has stated; read from another beginning, averages end elsewhere.
            watched.settled = -1 if seen.alarm_verdict is None else seen.alarm_verdict
        if seen.baseline_from is not None and seen.baseline_from != watched.baseline_from:
            watched.baseline_from = seen.baseline_from
            watched.fold.last_index = max(watched.fold.last_index, seen.baseline_from)
            watched.fold.begin()
        standing: dict[Chart, AlarmRow] | None = None
        for row in self._reader.rows(station, watched.fold.last_index, ROWS_A_READ):
            for event in watched.fold.add(row):
                if event.index <= watched.settled:
                    continue
                if standing is None:
                    standing = {alarm.chart: alarm for alarm in self._reader.standing(station)}
                self._state(station, event, standing)

    def _state(self, station: str, event: WatchEvent, standing: dict[Chart, AlarmRow]) -> None:
        open_alarm = standing.get(event.chart)
        if event.raised:
            if open_alarm is not None and (open_alarm.direction == event.direction or event.index <= open_alarm.index):
                return
            if open_alarm is not None:
                # From one side to the other at once: the old alarm ends where the new one begins.
                self._record(station, event, "cleared", open_alarm.direction or event.direction, open_alarm.index)
            self._record(station, event, "raised", event.direction, None)
        elif open_alarm is not None and event.index > (open_alarm.verdict_index or 0):
            self._record(station, event, "cleared", event.direction, open_alarm.index)
        else:
            return
        standing.clear()
        standing.update({alarm.chart: alarm for alarm in self._reader.standing(station)})

    def _record(
        self, station: str, event: WatchEvent, state: str, direction: Direction, raised_index: int | None
    ) -> None:
        self._statements.state(
            SERVER,
            "inspection.alarm",
            f"watch/{station}/{event.chart}/{event.index}/{state}",
            {
                "subject": AlarmSubject(station=station, chart=event.chart),
                "statement": AlarmStatement(
                    state="raised" if state == "raised" else "cleared", direction=direction, raised_index=raised_index
                ),
                "measurement": AlarmMeasurement(
                    ewma=event.ewma,
                    centre=event.centre,
                    limit=event.limit,
                    sigma=event.sigma,
                    verdict_index=event.index,
                    since_index=event.since_index,
                ),
                "inputs": AlarmInputs(before_sha256=event.before_sha256, now_sha256=event.now_sha256),
            },
            observed_at=event.observed_at,
        )


PARTS_TO_LEARN = BASELINE_SUBGROUPS * SUBGROUP
"""Parts until a chart knows its baseline."""
