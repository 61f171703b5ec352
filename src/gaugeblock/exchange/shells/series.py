"""Time Series Data (IDTA 02008): the scores of a lot's verdicts, and how an order goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from gaugeblock.exchange.aas.elements import Texts
from gaugeblock.exchange.shells.reading import PAGE, Built, Reading, built
from gaugeblock.exchange.shells.texts import moment, plain
from gaugeblock.exchange.submodels import time_series
from gaugeblock.exchange.submodels.time_series import InternalSegment, Segment, TimeSeries, Variable
from gaugeblock.exchange.view_model import InspectionFilter, InspectionView, LotView

PROGRESS_MOST = 500
_LOOKED_AT = 20
_CONCEPT = "https://admin-shell.io/idta/TimeSeries/Record/{}/1/1"

Point = tuple[str, int, tuple[Decimal | None, ...]]
"""When it was stated, the record, and the values."""


def has_scores(reading: Reading, lot: LotView) -> bool:
    """Whether the newest of a lot's verdicts tell their scores. Looks at verdicts of the lot's order alone."""
    if lot.order is None or not reading.may_see("inspection.verdict", "measurement", "score"):
        return False
    return any(each.score is not None for each in _verdicts(reading, lot, _LOOKED_AT))


def scores_of(reading: Reading, identifier: str, lot: LotView) -> Built:
    """The anomaly scores of the newest 500 verdicts, with the threshold that each was held against."""
    points: list[Point] = [
        (each.stated_at, each.record_index, (_decimal(each.score), _decimal(each.threshold)))
        for each in reversed(_verdicts(reading, lot, PAGE))
        if each.score is not None
    ]
    name = {"en": f"Anomaly scores of lot {plain(lot.lot)}", "zh": f"批次 {plain(lot.lot)} 的异常分数"}
    return _series(identifier, name, ("Score", "Threshold"), points, (lot.record_index,))


def _verdicts(reading: Reading, lot: LotView, most: int) -> Sequence[InspectionView]:
    return reading.view.inspections(InspectionFilter(order=lot.order, lot=lot.lot), limit=most).items


def has_progress(reading: Reading) -> bool:
    """Whether forecasts tell how many units are still to be made: then each order with one has a progress."""
    return reading.may_see("production.forecast", "statement", "remaining")


def progress_of(reading: Reading, identifier: str, order: str) -> Built:
    """How many units were still to be made, by each forecast of the order; the newest 500."""
    points: list[Point] = [
        (each.stated_at, each.record_index, (Decimal(each.remaining),))
        for each in reading.view.forecasts(order)[-PROGRESS_MOST:]
        if each.remaining is not None
    ]
    name = {"en": f"Units to be made of order {plain(order)}", "zh": f"订单 {plain(order)} 的待生产数量"}
    return _series(identifier, name, ("Remaining",), points, ())


def _series(
    identifier: str, name: Texts, variables: Sequence[str], points: Sequence[Point], more_sources: Sequence[int]
) -> Built:
    moments = [found for when, _, _ in points if (found := moment(when)) is not None]
    start = min(moments, default=dt.datetime.fromtimestamp(0, dt.UTC))
    given = TimeSeries(
        name=name,
        variables=tuple(Variable(name=each, semantic_id=_CONCEPT.format(each)) for each in variables),
        internal=(
            InternalSegment(
                segment=Segment(
                    count=len(points),
                    start=start,
                    end=max(moments, default=start),
                    last_update=max(moments, default=start),
                ),
                records=tuple(
                    (int(((moment(when) or start) - start).total_seconds()), values) for when, _, values in points
                ),
            ),
        ),
    )
    return built(time_series.build(identifier, given), *(index for _, index, _ in points), *more_sources)


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
