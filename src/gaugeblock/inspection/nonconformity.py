"""The nonconformity desk: people's steps, and the opener that lets no nonconforming unit go without one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from gaugeblock.inspection.nonconformity_errors import DueDateError, NonconformityMissingError, StepTextError
from gaugeblock.inspection.nonconformity_lifecycle import TEXT_MAX, Severity, check_step
from gaugeblock.inspection.nonconformity_queries import ProjectedNonconformities
from gaugeblock.inspection.nonconformity_read_model import Finding
from gaugeblock.inspection.ports import Statements
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.nonconformity_facets import (
    NonconformityInputs,
    NonconformityStatement,
    NonconformitySubject,
    StepStatement,
)

FINDINGS_AT_ONCE = 500

SeverityOf = Callable[[str | None, str | None], Severity]
"""The severity of a defect (code, or ``None`` while it is not named) of a product."""


class NonconformityDesk:
    """Commands of people.

    Parameters
    ----------
    statements
        States the records.
    reader
        What has been stated so far.
    today
        The plant's date, for what is overdue.
    """

    def __init__(self, statements: Statements, reader: ProjectedNonconformities, today: Callable[[], date]) -> None:
        self._statements, self.reader, self.today = statements, reader, today

    def open(
        self, author: str, token: str, severity: Severity, text: str, verdict_index: int | None, **where: str
    ) -> str:
        """Open one by hand, for a unit or for what no station saw (a complaint); its number.

        Parameters
        ----------
        author
            ``person:<name>``.
        token
            Makes it the same statement when it is sent twice.
        where
            ``product``, ``station``, ``order``, ``defect``; empty where not known.

        Raises
        ------
        StepTextError
        """
        if not text.strip() or len(text) > TEXT_MAX:
            raise StepTextError(limit=TEXT_MAX)
        name = f"NC-{self.today():%y%m%d}-{token[:6]}"
        given = {key: value.strip() or None for key, value in where.items()}
        facets: dict[str, Facet] = {
            "subject": NonconformitySubject(
                nonconformity=name,
                product=given.get("product"),
                station=given.get("station"),
                order=given.get("order"),
            ),
            "statement": NonconformityStatement(severity=severity, defect=given.get("defect"), text=text.strip()),
            "inputs": NonconformityInputs(verdict_index=verdict_index),
        }
        self._statements.state(author, "nonconformity.opened", f"opened/{name}", facets)
        return name

    def step(self, author: str, nonconformity: str, token: str, step: StepStatement) -> int:
        """State a step; its record's index.

        Raises
        ------
        NonconformityMissingError, DueDateError, and what
        :func:`~gaugeblock.inspection.nonconformity_lifecycle.check_step` refuses
        """
        if step.due is not None:
            try:
                date.fromisoformat(step.due)
            except ValueError:
                raise DueDateError(value=step.due[:40]) from None
        if not self.reader.has(nonconformity):
            raise NonconformityMissingError(nonconformity=nonconformity[:200])
        check_step(self.reader.lifecycle(nonconformity), step)
        facets: dict[str, Facet] = {"subject": NonconformitySubject(nonconformity), "statement": step}
        return self._statements.state(author, "nonconformity.step", f"{nonconformity}/{step.step}/{token}", facets)


class NonconformityOpener:
    """Opens a nonconformity for each unit found nonconforming that belongs to none (8.7.1).

    After a crash it begins again where its last nonconformity begins: what it states is named by the finding, so that
    nothing is opened twice.
    """

    name = "nonconformities"

    def __init__(self, statements: Statements, reader: ProjectedNonconformities, severity_of: SeverityOf) -> None:
        self._statements, self._reader, self._severity_of = statements, reader, severity_of
        self._beyond: int | None = None
        self._stated: str | None = None

    def step(self) -> None:
        """Open what is to be opened, at most :data:`FINDINGS_AT_ONCE` findings further."""
        if self._stated is not None and not self._reader.has(self._stated):
            # The tables have not read it yet: the next finding would not see that it is covered.
            return
        if self._beyond is None:
            self._beyond = self._reader.last_opened_from()
        for finding in self._reader.findings(self._beyond, FINDINGS_AT_ONCE):
            if not self._reader.covered(finding):
                self._stated = self._open(finding)
                self._beyond = finding.index
                if not self._reader.has(self._stated):
                    return
            self._beyond = finding.index

    def _open(self, finding: Finding) -> str:
        name = f"NC-{finding.verdict_index}" if finding.review_index is None else f"NC-{finding.index}"
        facets: dict[str, Facet] = {
            "subject": NonconformitySubject(
                nonconformity=name,
                product=finding.product or None,
                station=finding.station or None,
                order=finding.order or None,
            ),
            "statement": NonconformityStatement(
                severity=self._severity_of(finding.product or None, finding.defect or None),
                defect=finding.defect or None,
            ),
            "inputs": NonconformityInputs(verdict_index=finding.verdict_index, review_index=finding.review_index),
        }
        self._statements.state(SERVER, "nonconformity.opened", f"opened/{name}", facets)
        return name
