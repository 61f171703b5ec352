"""The watch: control charts that tell a changed camera, lamp, fixture or material from a changed part.

An inspector answers "how unlike the good parts"; when the light fades it answers that about every part, and the
threshold means something else than when it was chosen. So what a frame says of the set-up – light, contrast, focus,
position, and the features and score of parts that were judged good – goes on an EWMA chart for each station. Parts
differ from each other, so :data:`SUBGROUP` consecutive ones are averaged first; the baseline is the first
:data:`BASELINE_SUBGROUPS` averages after a module went into service, or after a person said that a new baseline
begins here (a lamp was replaced). Until then a chart says that it is learning. A signal is raised once and stands
until the chart has been back inside for :data:`CLEAR_SUBGROUPS` averages.

λ = 0.2 and limits at 4 deviations: a set-up that stands still signals about once in 19,000 averages, some 97,000
parts, where its centre and spread are known; from a baseline of 30 averages it is more often, and the page says so.
That is a deliberate choice of few alarms (IEC 62682) over fast ones: a shift by one deviation of the averages is seen
after some 26 averages, by two after 6.

Sources: Roberts, Technometrics 1 (1959); Lucas and Saccucci, Technometrics 32 (1990); Montgomery, Introduction to
Statistical Quality Control, on rational subgroups.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import get_args

import msgspec

from gaugeblock.plant.control_facets import Chart
from gaugeblock.signals.errors import BaselineFlatError
from gaugeblock.signals.ewma import Direction, EwmaChart, EwmaPoint, EwmaState, found_baseline, step

SUBGROUP = 5
BASELINE_SUBGROUPS = 30
CLEAR_SUBGROUPS = 5
POINTS_KEPT = 400
WEIGHT = 0.2
WIDTH = 4.0
CHARTS: tuple[Chart, ...] = get_args(Chart)


class WatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one verdict says of the set-up; a value that was not measured is ``None``. Units as in the record type.

    ``position`` is the length of the displacement in fractions of the image; ``feature`` and ``score`` are given for
    parts judged good only: a defect must not look like a changed lamp.
    """

    index: int
    station: str
    unit: str | None
    observed_at: str
    module_sha256: str | None
    image_sha256: str | None
    light: float | None = None
    contrast: float | None = None
    focus: float | None = None
    position: float | None = None
    feature: float | None = None
    score: float | None = None


class ChartPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One subgroup on a chart: its mean, EWMA and limits; ``index`` and ``observed_at`` of its last verdict.

    While the baseline is learnt, ``ewma`` and limits are ``None``.
    """

    index: int
    observed_at: str
    image_sha256: str | None
    mean: float
    ewma: float | None = None
    low: float | None = None
    high: float | None = None
    outside: Direction | None = None


class WatchEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A chart signals or has come back: what an ``inspection.alarm`` record states."""

    chart: Chart
    raised: bool
    direction: Direction
    index: int
    observed_at: str
    ewma: float
    centre: float
    limit: float
    sigma: float
    since_index: int
    before_sha256: str | None
    now_sha256: str | None


class ChartFold:
    """One chart, fed verdict by verdict.

    Examples
    --------
    >>> fold = ChartFold("light")
    >>> rows = [WatchRow(index=i, station="S", unit=None, observed_at="", module_sha256="m", image_sha256="x",
    ...                  light=100 + (i * 7919 % 13) / 13 + (4 if i > 400 else 0)) for i in range(500)]
    >>> events = [event for row in rows for event in fold.add(row)]
    >>> [(event.raised, event.direction, 395 <= event.since_index <= 410) for event in events]
    [(True, 'up', True)]
    """

    def __init__(self, chart: Chart) -> None:
        self.chart: Chart = chart
        self.points: list[ChartPoint] = []
        self.flat = False
        self._open: list[tuple[float, WatchRow]] = []
        self._learning: list[float] = []
        self._ewma: EwmaChart | None = None
        self._state = EwmaState()
        self._seen = 0
        self._standing: Direction | None = None
        self._inside = 0

    @property
    def learning(self) -> tuple[int, int]:
        """Averages of the baseline so far, and wanted."""
        return (BASELINE_SUBGROUPS if self._ewma is not None else len(self._learning)), BASELINE_SUBGROUPS

    @property
    def standing(self) -> Direction | None:
        """The direction of a signal that has not been cleared."""
        return self._standing

    @property
    def centre(self) -> float | None:
        """Of the baseline, in the unit of the chart."""
        return self._ewma.baseline.centre if self._ewma is not None else None

    def add(self, row: WatchRow) -> Iterable[WatchEvent]:
        """The next verdict; the events it leads to (one at most)."""
        value = getattr(row, self.chart)
        if value is None or not math.isfinite(value):
            return ()
        self._open.append((value, row))
        if len(self._open) < SUBGROUP:
            return ()
        mean = math.fsum(v for v, _ in self._open) / SUBGROUP
        last = self._open[-1][1]
        self._open.clear()
        return self._average(mean, last)

    def _average(self, mean: float, row: WatchRow) -> Iterable[WatchEvent]:
        if self._ewma is None:
            self._keep(
                ChartPoint(index=row.index, observed_at=row.observed_at, image_sha256=row.image_sha256, mean=mean)
            )
            self._learning.append(mean)
            if len(self._learning) >= BASELINE_SUBGROUPS:
                self._found()
            return ()
        self._state, point = step(self._ewma, self._state, mean)
        self._keep(
            ChartPoint(
                index=row.index,
                observed_at=row.observed_at,
                image_sha256=row.image_sha256,
                mean=mean,
                ewma=point.value,
                low=point.low,
                high=point.high,
                outside=point.outside,
            )
        )
        return self._judge(point, row)

    def _found(self) -> None:
        try:
            self._ewma = EwmaChart(found_baseline(self._learning), WEIGHT, WIDTH)
        except BaselineFlatError:
            # Every average alike, as of a camera that shows one picture: go on learning, and say so.
            self.flat = True
            self._learning.pop(0)
        else:
            self.flat = False

    def _judge(self, point: EwmaPoint, row: WatchRow) -> Iterable[WatchEvent]:
        if point.outside is not None:
            self._inside = 0
            if point.outside != self._standing:
                self._standing = point.outside
                return (self._event(point, row, raised=True, direction=point.outside),)
            return ()
        if self._standing is not None:
            self._inside += 1
            if self._inside >= CLEAR_SUBGROUPS:
                direction, self._standing, self._inside = self._standing, None, 0
                return (self._event(point, row, raised=False, direction=direction),)
        return ()

    def _event(self, point: EwmaPoint, row: WatchRow, *, raised: bool, direction: Direction) -> WatchEvent:
        assert self._ewma is not None
        back = max(0, self._state.position - 1 - self._state.side_since)
        since = max(0, len(self.points) - 1 - back)
        typical = next((p for p in reversed(self.points[:since]) if p.image_sha256), None)
        return WatchEvent(
            chart=self.chart,
            raised=raised,
            direction=direction,
            index=row.index,
            observed_at=row.observed_at,
            ewma=point.value,
            centre=self._ewma.baseline.centre,
            limit=point.high if direction == "up" else point.low,
            sigma=self._ewma.baseline.deviation,
            # The subgroup that began the change began one subgroup after the point before it.
            since_index=(self.points[since - 1].index + 1) if since else self.points[0].index,
            before_sha256=typical.image_sha256 if typical else None,
            now_sha256=row.image_sha256,
        )

    def _keep(self, point: ChartPoint) -> None:
        self.points.append(point)
        if len(self.points) > POINTS_KEPT:
            del self.points[0]


class StationFold:
    """All charts of a station; a new module begins them anew, and so does :meth:`begin`."""

    def __init__(self) -> None:
        self.charts: Mapping[Chart, ChartFold] = {}
        self.module_sha256: str | None = None
        self.last_index = -1
        self.begin()

    def begin(self) -> None:
        """Forget the baselines: the set-up is another."""
        self.charts = {chart: ChartFold(chart) for chart in CHARTS}

    def add(self, row: WatchRow) -> list[WatchEvent]:
        """The next verdict of the station. Rows must come in order."""
        if row.module_sha256 is not None and row.module_sha256 != self.module_sha256:
            self.module_sha256 = row.module_sha256
            self.begin()
        self.last_index = row.index
        return [event for chart in self.charts.values() for event in chart.add(row)]
