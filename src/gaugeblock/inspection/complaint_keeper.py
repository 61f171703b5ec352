"""Opens a nonconformity for each complaint of a customer (ISO 9001:2015, 10.2.1): its 8D grows from that one's steps.

The number follows from the complaint's record, so that a complaint that is looked at again, after a crash say, opens
nothing twice; and whoever sees the complaint knows the number.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, String, cast, exists, literal, select

from gaugeblock.inspection.complaint_projection import complaints
from gaugeblock.inspection.nonconformity_lifecycle import TEXT_MAX, Severity
from gaugeblock.inspection.nonconformity_projection import opened
from gaugeblock.inspection.ports import Statements
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.nonconformity_facets import NonconformityInputs, NonconformityStatement, NonconformitySubject
from gaugeblock.stores.database import Database

COMPLAINTS_AT_ONCE = 50
PREFIX = "NC-C"


def nonconformity_of(complaint_index: int) -> str:
    """The number of a complaint's nonconformity.

    >>> nonconformity_of(41)
    'NC-C41'
    """
    return f"{PREFIX}{complaint_index}"


class ComplaintKeeper:
    """See the module.

    Parameters
    ----------
    statements
        States the records.
    database
        Holds the tables of :class:`~gaugeblock.inspection.complaint_projection.ComplaintProjection` and of the
        nonconformities.
    """

    name = "complaints"

    def __init__(self, statements: Statements, database: Database) -> None:
        self._statements, self._database = statements, database

    def step(self) -> None:
        """Open what is to be opened, at most :data:`COMPLAINTS_AT_ONCE`."""
        for row in self._new():
            self._open(row)

    def _new(self) -> list[Row[Any]]:
        number = literal(PREFIX) + cast(complaints.c.record_index, String)
        known = exists().where(opened.c.nonconformity == number)
        query = select(complaints).where(~known).order_by(complaints.c.record_index).limit(COMPLAINTS_AT_ONCE)
        with self._database.reading() as connection:
            return list(connection.execute(query).all())

    def _open(self, row: Row[Any]) -> None:
        units = msgspec.json.decode(row.units, type=list[str])
        about = [f"#{row.record_index} · {row.customer} · {row.thread}"]
        about += [f"lot {row.lot}"] if row.lot else []
        about += [", ".join(units)] if units else []
        about += [f"× {row.quantity}"] if row.quantity else []
        text = f"{row.text.strip()}\n\n{' · '.join(about)}"
        severity: Severity = row.severity
        facets: dict[str, Facet] = {
            "subject": NonconformitySubject(
                nonconformity=nonconformity_of(row.record_index), product=row.product, order=row.order
            ),
            "statement": NonconformityStatement(severity=severity, defect=row.defect, text=text[:TEXT_MAX]),
            "inputs": NonconformityInputs(),
        }
        self._statements.state(SERVER, "nonconformity.opened", f"complaint/{row.record_index}", facets)
