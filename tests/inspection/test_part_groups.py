"""Lots, units and days as the groups of training."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.inspection.lot_membership_projection import LotMembershipProjection, metadata
from gaugeblock.inspection.part_groups import PartGroups, group_name, site_zone
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.production_facets import (
    GenealogyStatement,
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    OrderStatement,
    OrderSubject,
    UnitSubject,
)
from gaugeblock.plant.settings import parse_settings
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.changes import ChangeFold
from gaugeblock.stores.database import Database
from gaugeblock.stores.projections import OpenRecord

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON, LATE = "2026-11-22T04:00:00Z", "2026-11-22T17:00:00Z"


def record(index: int, record_type: str, subject: Facet, statement: Facet) -> OpenRecord:
    facets = {"subject": subject, "statement": statement}
    return OpenRecord(index, record_type, 1, "person:li.wei", str(index), NOON, NOON, facets)


def lot(index: int, name: str, *units: str) -> OpenRecord:
    return record(index, "production.lot", LotOfUnitsSubject(name), LotOfUnitsStatement("P100", units=units))


def test_the_widest_group_that_is_known(tmp_path: Path) -> None:
    projection = LotMembershipProjection()
    records = [
        lot(1, "LOT-1", "U1", "U2"),
        record(2, "production.order", OrderSubject("A1"), OrderStatement("P100", 5)),
        record(3, "production.genealogy", UnitSubject("U3", lot="LOT-1"), GenealogyStatement(())),
        record(4, "production.genealogy", UnitSubject("U4"), GenealogyStatement(())),
        lot(5, "LOT-2", "U2"),
    ]
    with Database(f"sqlite:///{tmp_path / 'p.sqlite'}") as database:
        metadata.create_all(database.engine)
        with database.writing() as connection:
            for each in records:
                fold = ChangeFold(projection.metadata.tables)
                fold.add(projection.changes(each))
                fold.write(connection)
        groups = PartGroups(database, SHANGHAI)
        asked = [("U1", NOON), ("U2", NOON), ("U3", LATE), ("U4", LATE), (None, NOON), (None, LATE), ("", LATE)]
        assert groups.of(asked) == [
            "lot:LOT-1",
            "lot:LOT-2",
            "lot:LOT-1",
            "unit:U4",
            "day:2026-11-22",
            "day:2026-11-23",
            "day:2026-11-23",
        ]
        assert groups.of([]) == []
        many = [(f"V{n}", NOON) for n in range(1201)]
        assert groups.of(many) == [f"unit:{unit}" for unit, _ in many]


@given(st.integers(946_684_800, 4_102_444_800))
def test_a_day_is_the_sites(unix_s: int) -> None:
    moment = datetime.fromtimestamp(unix_s, UTC)
    assert group_name(None, None, to_rfc3339(moment), SHANGHAI) == f"day:{moment.astimezone(SHANGHAI).date()}"


def test_the_zone_is_the_first_sites() -> None:
    berlin = '[enterprise]\nname = "x"\n[[sites]]\nid = "S1"\ntimezone = "Europe/Berlin"\n'
    assert site_zone(parse_settings(berlin)).key == "Europe/Berlin"
    assert site_zone(parse_settings('[enterprise]\nname = "x"\n')).key == "Asia/Shanghai"
