"""Acceptance sampling as pages, API and the lot keeper read it."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from gaugeblock.inspection.lots import LotOpened, LotProgress, SeenUnit, Settled, lot_progress
from gaugeblock.inspection.nonconformity_events import reviewed
from gaugeblock.inspection.nonconformity_lifecycle import Reviewed, settled, unit_key
from gaugeblock.inspection.nonconformity_projection import opinions
from gaugeblock.inspection.sampling_errors import LotMissingError
from gaugeblock.inspection.sampling_plan import SamplingPlan, Severity, sampling_plan
from gaugeblock.inspection.sampling_projection import inspected, lots, lots_opened, plans
from gaugeblock.inspection.sampling_series import LotDecided, PlanStated, Series, series_of
from gaugeblock.plant.control_facets import SamplingPlanStatement
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.settings import Review
from gaugeblock.stores.database import Database

PAGE = 40
OPEN_MAX = 200
EVENTS_MAX = 20_000
UNITS_MAX = 200_000
_CHUNK = 400


class LotDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A lot's decision as it was stated; ``index`` is the record."""

    index: int
    stated_at: str
    decision: str
    severity: str
    next_severity: str
    nonconforming: int
    sample_size: int
    acceptance_number: int


class LotLine(msgspec.Struct, frozen=True, kw_only=True):
    """A lot in one line; no decision while it is open."""

    opened: LotOpened
    decision: LotDecision | None


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot with everything; no progress where no plan was in force or sampling is discontinued."""

    opened: LotOpened
    decision: LotDecision | None
    progress: LotProgress | None
    series: Series


class ProductPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A product's series, and who stated its plan when."""

    product: str
    series: Series
    author: str
    stated_at: str


class ProjectedSampling:
    """Reads plans and lots.

    Parameters
    ----------
    database
        Holds the tables of the sampling and nonconformity projections.
    review
        The plant's settings: whether a second opinion is wanted before a unit counts as settled.
    """

    def __init__(self, database: Database, review: Review) -> None:
        self._database, self._review = database, review

    def plans(self) -> list[ProductPlan]:
        """Of every product that has or had one, by name."""
        newest = select(func.max(plans.c.record_index)).group_by(plans.c.product)
        query = select(plans).where(plans.c.record_index.in_(newest)).order_by(plans.c.product).limit(PAGE * 10)
        with self._database.reading() as connection:
            return [
                ProductPlan(
                    product=row.product,
                    series=_series(connection, row.product),
                    author=row.author,
                    stated_at=row.stated_at,
                )
                for row in connection.execute(query).all()
            ]

    def series(self, product: str) -> Series:
        """Where a product's series stands now."""
        with self._database.reading() as connection:
            return _series(connection, product)

    def listed(self, *, before: int | None = None, limit: int = PAGE) -> list[LotLine]:
        """Lots by their opening, newest first."""
        query = select(lots_opened).order_by(lots_opened.c.record_index.desc()).limit(limit)
        if before is not None:
            query = query.where(lots_opened.c.record_index < before)
        with self._database.reading() as connection:
            return [
                LotLine(opened=_opened(row), decision=_decision(connection, row.record_index))
                for row in connection.execute(query).all()
            ]

    def undecided(self) -> list[LotOpened]:
        """Lots without a decision, oldest first, each as it was presented last."""
        newest = select(func.max(lots_opened.c.record_index)).group_by(lots_opened.c.product, lots_opened.c.lot)
        query = (
            select(lots_opened)
            .outerjoin(lots, lots.c.opened_index == lots_opened.c.record_index)
            .where(lots.c.record_index.is_(None), lots_opened.c.record_index.in_(newest))
            .order_by(lots_opened.c.record_index)
            .limit(OPEN_MAX)
        )
        with self._database.reading() as connection:
            return [_opened(row) for row in connection.execute(query)]

    def newest(self) -> int:
        """The newest record that could change a lot; −1 where there is none."""
        columns = (plans.c.record_index, lots_opened.c.record_index, inspected.c.record_index, opinions.c.record_index)
        with self._database.reading() as connection:
            found = [connection.execute(select(func.max(column))).scalar_one() for column in columns]
        return max((index for index in found if index is not None), default=-1)

    def presented(self, opened: LotOpened) -> int:
        """How many verdicts there are on units of the lot's order."""
        query = select(func.count()).where(inspected.c.product == opened.product, inspected.c.order == opened.order)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def lot(self, index: int) -> Lot:
        """The lot whose opening is this record.

        Raises
        ------
        LotMissingError
        """
        with self._database.reading() as connection:
            row = connection.execute(select(lots_opened).where(lots_opened.c.record_index == index)).first()
            if row is None:
                raise LotMissingError(lot=f"#{index}")
            opened = _opened(row)
            units = _units(connection, opened)
            drawn_at = index
            if opened.inspected == "all" and len(units) >= opened.lot_size:
                # A lot presented after its last unit was seen is drawn then.
                drawn_at = max(index, units[opened.lot_size - 1].verdict_index)
            decision = _decision(connection, index)
            series = _series(connection, opened.product, drawn_at)
            plan = series.plan_for(opened.lot_size)
            if decision is not None:
                plan = _plan_of(connection, decision.index, opened.lot_size)
            progress = None
            if plan is not None and (decision is not None or not series.state.discontinued):
                wanted = opened.lot_size if opened.inspected == "all" else plan.sample_size
                progress = lot_progress(opened, plan, units, _settled(connection, units[:wanted], self._review))
            return Lot(opened=opened, decision=decision, progress=progress, series=series)

    def newest_opening(self, product: str, lot: str) -> LotLine | None:
        """A lot as it was presented last."""
        query = (
            select(lots_opened)
            .where(lots_opened.c.product == product, lots_opened.c.lot == lot)
            .order_by(lots_opened.c.record_index.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            return LotLine(opened=_opened(row), decision=_decision(connection, row.record_index))


def _opened(row: Row[Any]) -> LotOpened:
    return LotOpened(
        index=row.record_index,
        lot=row.lot,
        product=row.product,
        order=row.order,
        lot_size=row.lot_size,
        inspected=row.inspected,
        resubmitted=bool(row.resubmitted),
        author=row.author,
        stated_at=row.stated_at,
    )


def _decision(connection: Connection, opened_index: int) -> LotDecision | None:
    query = select(lots).where(lots.c.opened_index == opened_index).order_by(lots.c.record_index).limit(1)
    row = connection.execute(query).first()
    if row is None:
        return None
    return LotDecision(
        index=row.record_index,
        stated_at=row.stated_at,
        decision=row.decision,
        severity=row.severity,
        next_severity=row.next_severity,
        nonconforming=row.nonconforming,
        sample_size=row.sample_size,
        acceptance_number=row.acceptance_number,
    )


def _plan_of(connection: Connection, index: int, lot_size: int) -> SamplingPlan:
    row = connection.execute(select(lots).where(lots.c.record_index == index)).one()
    return sampling_plan(lot_size, float(row.aql), row.level, Severity(row.severity))


def _series(connection: Connection, product: str, before: int | None = None) -> Series:
    stated = select(plans).where(plans.c.product == product).order_by(plans.c.record_index.desc()).limit(EVENTS_MAX)
    decided = select(lots).where(lots.c.product == product).order_by(lots.c.record_index.desc()).limit(EVENTS_MAX)
    if before is not None:
        stated, decided = stated.where(plans.c.record_index < before), decided.where(lots.c.record_index < before)
    events: list[PlanStated | LotDecided] = [
        PlanStated(row.record_index, msgspec.json.decode(row.statement, type=SamplingPlanStatement))
        for row in connection.execute(stated)
    ]
    events += [
        LotDecided(
            row.record_index,
            row.lot,
            row.lot_size,
            row.nonconforming,
            row.level,
            row.aql,
            Severity(row.severity),
            bool(row.resubmitted),
        )
        for row in connection.execute(decided)
    ]
    return series_of(sorted(events, key=attrgetter("index")))


def _units(connection: Connection, opened: LotOpened) -> list[SeenUnit]:
    """Units of the order by their first verdict; of a lot presented again, since then."""
    query = (
        select(inspected)
        .where(inspected.c.product == opened.product, inspected.c.order == opened.order)
        .order_by(inspected.c.record_index)
        .limit(UNITS_MAX)
    )
    if opened.resubmitted:
        query = query.where(inspected.c.record_index > opened.index)
    seen: dict[str, SeenUnit] = {}
    for row in connection.execute(query):
        unit = unit_key(row.unit, row.record_index)
        if unit not in seen:
            seen[unit] = SeenUnit(
                unit=unit,
                verdict_index=row.record_index,
                verdict=Verdict(row.verdict),
                observed_at=row.observed_at,
                image_sha256=row.image_sha256,
            )
    return list(seen.values())


def _settled(connection: Connection, units: list[SeenUnit], review: Review) -> dict[int, Settled | None]:
    said: dict[int, list[Reviewed]] = {}
    indices = [unit.verdict_index for unit in units]
    for start in range(0, len(indices), _CHUNK):
        query = select(opinions).where(opinions.c.verdict_index.in_(indices[start : start + _CHUNK]))
        for row in connection.execute(query.order_by(opinions.c.record_index)):
            said.setdefault(row.verdict_index, []).append(reviewed(row, review))
    return {index: settled(given) for index, given in said.items() if _anybody(given)}


def _anybody(given: list[Reviewed]) -> bool:
    """Whether an opinion stands that was not taken back."""
    last = {said.role: said.decision for said in given}
    return any(decision != "withdrawn" for decision in last.values())
