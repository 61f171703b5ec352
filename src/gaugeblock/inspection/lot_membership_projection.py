"""Which lot a unit belongs to, as the records of production say it: what was made together stays together."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, MetaData, String, Table

from gaugeblock.plant.production_facets import LotOfUnitsStatement, LotOfUnitsSubject, UnitSubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

memberships = Table(
    "lot_memberships",
    metadata,
    Column("unit", String(200), primary_key=True),
    Column("lot", String(80), nullable=False),
    Column("index", BigInteger, nullable=False),
)
"""The lot that was last said of each unit."""


class LotMembershipProjection:
    """Reads ``production.lot`` and ``production.genealogy``."""

    name = "lot_memberships"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if isinstance(subject, LotOfUnitsSubject) and isinstance(statement, LotOfUnitsStatement):
            for unit in statement.units:
                yield Put(memberships.name, {"unit": unit}, {"lot": subject.lot, "index": record.index})
        elif isinstance(subject, UnitSubject) and subject.lot is not None:
            yield Put(memberships.name, {"unit": subject.unit}, {"lot": subject.lot, "index": record.index})
