"""A product's lots one after another: which plan and severity are in force, worked out from plans and decisions.

A new inspection level or AQL begins a new series, normally inspected. ``resumes`` in a plan takes up again what was
discontinued (ISO 2859-1, 9.4). A lot that was drawn under another severity than is in force when it is decided, because
another lot was decided meanwhile, is judged by its own plan and has no weight for switching; nor has a lot presented
again.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gaugeblock.inspection.sampling_plan import Level, SamplingPlan, Severity, accepts, sampling_plan
from gaugeblock.inspection.switching_rules import Change, SwitchingState, after_lot, resume
from gaugeblock.plant.control_facets import SamplingPlanStatement


class PlanStated(msgspec.Struct, frozen=True):
    """A person has set the product's plan; ``index`` is the record."""

    index: int
    statement: SamplingPlanStatement


class LotDecided(msgspec.Struct, frozen=True):
    """A lot was decided; ``index`` is the record."""

    index: int
    lot: str
    lot_size: int
    nonconforming: int
    level: Level
    aql: str
    severity: Severity
    resubmitted: bool


class Switched(msgspec.Struct, frozen=True):
    """The severity changed with this record."""

    index: int
    change: Change


class Series(msgspec.Struct, frozen=True):
    """Where a product's series stands.

    Parameters
    ----------
    plan
        The last one stated; ``None`` before the first. In force while it is ``active``.
    plan_index
        Its record.
    lots
        Decided in this series.
    switched
        The last change of severity.
    """

    plan: SamplingPlanStatement | None = None
    plan_index: int | None = None
    state: SwitchingState = SwitchingState()
    lots: int = 0
    switched: Switched | None = None

    def plan_for(self, lot_size: int) -> SamplingPlan | None:
        """What the next lot of this size asks for; ``None`` without a plan.

        Raises
        ------
        LotSizeError, AqlUnknownError
        """
        if self.plan is None or not self.plan.active:
            return None
        return sampling_plan(lot_size, float(self.plan.aql), self.plan.level, self.state.severity)


class Judgement(msgspec.Struct, frozen=True):
    """What a lot's result comes to, and the series after it."""

    accepted: bool
    counted: bool
    series: Series


def series_of(events: Iterable[PlanStated | LotDecided]) -> Series:
    """Where a series stands after all events, which come in the order of the log.

    >>> plan = PlanStated(1, SamplingPlanStatement(level="II", aql="1.0"))
    >>> bad = [LotDecided(i, str(i), 1000, 5, "II", "1.0", Severity.NORMAL, False) for i in (2, 3)]
    >>> series_of([plan, *bad]).state.severity.value
    'tightened'
    """
    series = Series()
    for event in events:
        if isinstance(event, PlanStated):
            series = _planned(series, event)
        else:
            plan = sampling_plan(event.lot_size, float(event.aql), event.level, event.severity)
            series = judge(series, event.index, plan, event.nonconforming, resubmitted=event.resubmitted).series
    return series


def judge(series: Series, index: int, plan: SamplingPlan, nonconforming: int, *, resubmitted: bool) -> Judgement:
    """A lot's result in its series.

    Raises
    ------
    LotCountError
    """
    state, wanted = series.state, series.plan
    same = wanted is not None and (plan.level, plan.aql) == (wanted.level, float(wanted.aql))
    if wanted is None or not same or state.discontinued or plan.severity is not state.severity:
        return Judgement(accepts(plan, nonconforming), counted=False, series=series)
    outcome = after_lot(
        state,
        plan,
        nonconforming,
        original=not resubmitted,
        production_steady=wanted.steady_production,
        reduced_wanted=wanted.reduced_allowed,
    )
    following = msgspec.structs.replace(
        series,
        state=outcome.state,
        lots=series.lots + 1,
        switched=series.switched if outcome.change is None else Switched(index, outcome.change),
    )
    return Judgement(outcome.accepted, counted=not resubmitted, series=following)


def _planned(series: Series, event: PlanStated) -> Series:
    new, old = event.statement, series.plan
    # A plan that is ended and set again goes on where it stood: that is no way out of tightened inspection.
    if old is None or (old.level, float(old.aql)) != (new.level, float(new.aql)):
        return Series(new, event.index)
    state, change = series.state, None
    if new.resumes and state.discontinued:
        state = resume(state)
    if state.severity is Severity.REDUCED and not (new.steady_production and new.reduced_allowed):
        state = SwitchingState()
        change = Change.AUTHORITY if new.steady_production else Change.PRODUCTION_IRREGULAR
    switched = series.switched if change is None else Switched(event.index, change)
    return Series(new, event.index, state, series.lots, switched)
