"""The sampling desk: people set plans and present lots; the keeper decides lots whose samples are settled."""

from __future__ import annotations

from gaugeblock.inspection.lots import LotProgress
from gaugeblock.inspection.ports import Statements
from gaugeblock.inspection.sampling_errors import (
    LotDecidedError,
    LotNameError,
    LotNotRejectedError,
    NotDiscontinuedError,
    SamplingPlanMissingError,
)
from gaugeblock.inspection.sampling_plan import AQL_PERCENT_MAX, aql_position, sampling_plan
from gaugeblock.inspection.sampling_queries import Lot, ProjectedSampling
from gaugeblock.inspection.sampling_series import judge
from gaugeblock.inspection.study_errors import AqlUnknownError, InspectionDiscontinuedError
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.plant.control_facets import (
    LotInputs,
    LotMeasurement,
    LotOpenedStatement,
    LotStatement,
    LotSubject,
    SamplingPlanStatement,
    SamplingSubject,
)
from gaugeblock.plant.facet import Facet

NAME_MAX = 200


class SamplingDesk:
    """Commands of people."""

    def __init__(self, statements: Statements, reader: ProjectedSampling) -> None:
        self._statements, self.reader = statements, reader

    def plan(self, author: str, token: str, product: str, statement: SamplingPlanStatement) -> int:
        """Set a product's plan; the record's index.

        Raises
        ------
        LotNameError, AqlUnknownError, NotDiscontinuedError
        """
        product = _named(product)
        aql_position(float(statement.aql))
        if float(statement.aql) > AQL_PERCENT_MAX:
            # Above, the standard counts nonconformities; a verdict is about a unit.
            raise AqlUnknownError(value=float(statement.aql), nearest=AQL_PERCENT_MAX)
        if statement.resumes and not self.reader.series(product).state.discontinued:
            raise NotDiscontinuedError(product=product)
        facets: dict[str, Facet] = {"subject": SamplingSubject(product), "statement": statement}
        return self._statements.state(author, "inspection.sampling_plan", f"plan/{product}/{token}", facets)

    def open_lot(
        self, author: str, token: str, product: str, lot: str, order: str, statement: LotOpenedStatement
    ) -> int:
        """Present a lot, or present one that is not decided yet anew with another size; the record's index.

        Raises
        ------
        LotNameError, SamplingPlanMissingError, InspectionDiscontinuedError, LotDecidedError, LotNotRejectedError,
        LotSizeError
        """
        product, lot, order = _named(product), _named(lot), order.strip()[:NAME_MAX]
        series = self.reader.series(product)
        if series.plan is None or not series.plan.active:
            raise SamplingPlanMissingError(product=product)
        if series.state.discontinued:
            raise InspectionDiscontinuedError(rejected=series.state.rejected_on_tightened)
        before = self.reader.newest_opening(product, lot)
        decision = None if before is None else before.decision
        if decision is not None and not statement.resubmitted:
            raise LotDecidedError(lot=lot, index=decision.index)
        if statement.resubmitted and (decision is None or decision.decision != "rejected"):
            raise LotNotRejectedError(lot=lot)
        sampling_plan(statement.lot_size, float(series.plan.aql), series.plan.level, series.state.severity)
        facets: dict[str, Facet] = {"subject": LotSubject(lot, product, order or lot), "statement": statement}
        return self._statements.state(author, "inspection.lot_opened", f"lot/{product}/{lot}/{token}", facets)


class LotKeeper:
    """States a lot's decision once every unit of its sample is settled, once for each opening of a lot."""

    name = "lots"

    def __init__(self, statements: Statements, reader: ProjectedSampling) -> None:
        self._statements, self._reader = statements, reader
        self._seen = -2

    def step(self) -> None:
        """Decide what can be decided; nothing is looked at while nothing is new."""
        newest = self._reader.newest()
        if newest == self._seen:
            return
        for opened in self._reader.undecided():
            if opened.inspected == "all" and self._reader.presented(opened) < opened.lot_size:
                continue
            lot = self._reader.lot(opened.index)
            if lot.progress is not None and lot.progress.state == "ready" and lot.decision is None:
                self._decide(lot, lot.progress)
        self._seen = newest

    def _decide(self, lot: Lot, progress: LotProgress) -> None:
        opened, plan = lot.opened, progress.plan
        found = progress.nonconforming
        judged = judge(self._reader.series(opened.product), opened.index, plan, found, resubmitted=opened.resubmitted)
        after = judged.series.state
        facets: dict[str, Facet] = {
            "subject": LotSubject(opened.lot, opened.product, opened.order),
            "statement": LotStatement(
                decision="accepted" if judged.accepted else "rejected",
                severity=plan.severity.value,
                next_severity="discontinued" if after.discontinued else after.severity.value,
                resubmitted=opened.resubmitted,
            ),
            "measurement": LotMeasurement(
                lot_size=opened.lot_size,
                sample_size=plan.sample_size,
                nonconforming=found,
                acceptance_number=plan.accept,
                code_letter=plan.plan_letter,
                aql=f"{plan.aql:g}",
                level=plan.level,
            ),
            "inputs": LotInputs(
                verdict_indices=tuple(unit.verdict_index for unit in progress.sample),
                seed=progress.seed or 0,
                opened_index=opened.index,
            ),
        }
        self._statements.state(SERVER, "inspection.lot", f"lot/{opened.index}", facets)


def _named(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= NAME_MAX:
        raise LotNameError(limit=NAME_MAX)
    return name
