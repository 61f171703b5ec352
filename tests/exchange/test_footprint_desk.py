"""Carbon footprints that people state, over a real log and database: sums, what is refused, what PACT can say."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.document_errors import DecimalTextError
from gaugeblock.exchange.footprint_desk import FootprintDesk, FootprintDraft, worked_sum
from gaugeblock.exchange.pact.footprint import read_footprint, write_footprint
from gaugeblock.exchange.pact.from_records import DEMANDED, footprints_of
from gaugeblock.exchange.shared_errors import (
    FootprintPartsError,
    FootprintPeriodError,
    FootprintSumError,
    FootprintValueError,
    SharedSubjectError,
)
from gaugeblock.plant.exchange_facets import FootprintStatement, FootprintSubject, Permission
from tests.exchange.exchange_plant import DRAFTER, ExchangePlant

FOOTPRINTS = Permission("exchange.footprint", ("subject", "statement"))
WHOLE = FootprintDraft(
    product="P1",
    begin="2026-01-01T00:00:00Z",
    end="2026-07-01T00:00:00Z",
    energy_kwh_per_unit="2.40",
    grid_kg_co2e_per_kwh="0.5703",
    grid_factor_source="MEE",
    grid_factor_version="2022",
    material_kg_co2e_per_unit="3.2",
    material_primary=True,
    mass_kg_per_unit="1.35",
    fossil_carbon_content_kg_per_unit="0",
    exempted_emissions_percent="0.5",
    biogenic_uptake_kg_co2e_per_unit="-0.01",
    methods=("ISO 14067",),
    characterization=("AR6",),
)


def draft(**changes: object) -> FootprintDraft:
    return msgspec.structs.replace(WHOLE, **changes)


@pytest.fixture
def plant() -> Iterator[ExchangePlant]:
    made = ExchangePlant()
    made.order("A-1", "acme")
    made.contract(FOOTPRINTS, products=("P1",))
    yield made
    made.close()


@pytest.fixture
def desk(plant: ExchangePlant) -> FootprintDesk:
    return FootprintDesk(plant, plant.database, plant.clock, ("P1", "P2"))


def test_the_total_is_the_sum_of_its_parts_and_reaches_rest_and_pact(plant: ExchangePlant, desk: FootprintDesk) -> None:
    index = desk.state(DRAFTER, "t1", WHOLE)
    assert desk.state(DRAFTER, "t1", WHOLE) == index
    (one,) = desk.listed()
    # 2.40 kWh × 0.5703 kg/kWh = 1.36872 kg, and 3.2 kg of material, measured by its supplier.
    assert one.statement.kg_co2e_per_unit == "4.56872"
    assert one.statement.primary_data_share_percent == "70.0"
    assert one.worked is not None
    assert (one.worked.energy_kg, one.worked.parts_kg, one.worked.agrees) == ("1.36872", "4.56872", True)
    assert one.gaps == ()
    assert [seen.customer for seen in one.audience] == ["acme"]
    (shown,) = plant.view().footprints().items
    for name in FootprintStatement.__struct_fields__:
        assert getattr(shown, name) == getattr(one.statement, name), name
    ((said, source),) = footprints_of(plant.view(), "Example Works", plant.log.origin)
    assert source == index
    again = read_footprint(write_footprint(said))
    assert (again.pcf.pcf_excluding_biogenic_uptake, again.pcf.pcf_including_biogenic_uptake) == ("4.56872", "4.55872")
    assert again.pcf.secondary_emission_factor_sources is not None
    assert [(used.name, used.version) for used in again.pcf.secondary_emission_factor_sources] == [("MEE", "2022")]


@pytest.mark.parametrize(
    "name", [name for name in DEMANDED if name.endswith("_per_unit") and name != "kg_co2e_per_unit"]
    + ["exempted_emissions_percent", "methods", "characterization"]
)  # fmt: skip
def test_what_pact_demands_and_nobody_stated_is_not_made_up(
    plant: ExchangePlant, desk: FootprintDesk, name: str
) -> None:
    desk.state(DRAFTER, "t1", draft(**{name: () if name in {"methods", "characterization"} else None}))
    (one,) = desk.listed()
    assert one.gaps == (name,)
    assert footprints_of(plant.view(), "Example Works", plant.log.origin) == []
    assert plant.view().footprints().items[0].kg_co2e_per_unit == "4.56872"


def test_a_field_that_the_contract_withholds_keeps_it_out_of_pact(plant: ExchangePlant, desk: FootprintDesk) -> None:
    desk.state(DRAFTER, "t1", WHOLE)
    some = Permission("exchange.footprint", ("subject", "statement"), ("statement.kg_co2e_per_unit",))
    plant.contract(some, customer="beta", contract="C-2", products=("P1",))
    assert plant.view("beta").footprints().items[0].kg_co2e_per_unit == "4.56872"
    assert footprints_of(plant.view("beta"), "Example Works", plant.log.origin) == []


def test_a_part_that_is_missing_is_not_nought(desk: FootprintDesk) -> None:
    bare = draft(material_kg_co2e_per_unit=None, material_primary=False)
    with pytest.raises(FootprintPartsError) as refused:
        desk.work_out(bare)
    assert refused.value.facts["missing"] == "kg_co2e_per_unit"
    with pytest.raises(FootprintPartsError):
        desk.work_out(msgspec.structs.replace(bare, kg_co2e_per_unit="9.1"))
    stated = desk.work_out(msgspec.structs.replace(bare, kg_co2e_per_unit="9.1", primary_data_share_percent="15"))
    assert (stated.kg_co2e_per_unit, stated.primary_data_share_percent) == ("9.1", "15")
    with pytest.raises(FootprintSumError):  # less than its own electricity
        desk.work_out(msgspec.structs.replace(bare, kg_co2e_per_unit="1.3", primary_data_share_percent="15"))


def test_a_total_of_elsewhere_is_stated_as_it_is(desk: FootprintDesk) -> None:
    given = FootprintDraft(
        product="P1", begin=WHOLE.begin, end=WHOLE.end, kg_co2e_per_unit="7.250", primary_data_share_percent="0"
    )
    desk.state(DRAFTER, "t1", given)
    (one,) = desk.listed()
    assert (one.statement.kg_co2e_per_unit, one.worked) == ("7.250", None)
    assert "mass_kg_per_unit" in one.gaps


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        (SharedSubjectError, {"product": "P9"}),
        (SharedSubjectError, {"order": "none"}),
        (FootprintPeriodError, {"end": "2026-01-01T00:00:00Z"}),
        (FootprintPeriodError, {"begin": "spring"}),
        (DecimalTextError, {"energy_kwh_per_unit": "2,4"}),
        (DecimalTextError, {"mass_kg_per_unit": "1e3"}),
        (FootprintValueError, {"mass_kg_per_unit": "0"}),
        (FootprintValueError, {"energy_kwh_per_unit": "-1"}),
        (FootprintValueError, {"exempted_emissions_percent": "101"}),
        (FootprintValueError, {"biogenic_uptake_kg_co2e_per_unit": "0.1"}),
        (FootprintValueError, {"fossil_carbon_content_kg_per_unit": "1.36"}),
        (FootprintValueError, {"declared_unit": "dozen"}),
        (FootprintValueError, {"geography": "China"}),
        (FootprintValueError, {"characterization": ("sixth",)}),
        (FootprintValueError, {"methods": ("a\x00",)}),
        (FootprintValueError, {"methods": ("a",) * 2}),
        (FootprintPartsError, {"grid_kg_co2e_per_kwh": None}),
        (FootprintPartsError, {"grid_factor_source": None}),
        (FootprintPartsError, {"grid_factor_version": None}),
        (FootprintPartsError, {"material_primary": False}),
        (FootprintPartsError, {"material_kg_co2e_per_unit": None, "kg_co2e_per_unit": "9"}),
        (FootprintSumError, {"kg_co2e_per_unit": "4.57"}),
        (FootprintSumError, {"primary_data_share_percent": "99"}),
    ],
)
def test_what_cannot_be_meant_is_refused_and_states_nothing(
    plant: ExchangePlant, desk: FootprintDesk, fault: type[Exception], changes: dict[str, object]
) -> None:
    size = plant.log.size
    with pytest.raises(fault):
        desk.state(DRAFTER, "t1", draft(**changes))
    assert plant.log.size == size


def test_a_record_that_is_out_of_form_is_shown_and_kept_out_of_pact(plant: ExchangePlant, desk: FootprintDesk) -> None:
    subject = FootprintSubject("P1", WHOLE.begin, WHOLE.end)
    whole = desk.work_out(WHOLE)
    for changes in ({"kg_co2e_per_unit": "much"}, {"geography": "somewhere"}, {"energy_kwh_per_unit": "1"}):
        plant.say(
            "server:plant",
            "exchange.footprint",
            subject=subject,
            statement=msgspec.structs.replace(whole, **changes),
        )
    last, place, much = desk.listed()
    assert (much.gaps, place.gaps, last.gaps) == (("form",), ("form",), ())
    assert last.worked is not None
    assert not last.worked.agrees
    assert [index for _, index in footprints_of(plant.view(), "Works", plant.log.origin)] == [last.index]


decimals = st.decimals(0, 1000, places=3, allow_nan=False, allow_infinity=False)


@given(energy=decimals, factor=decimals, material=decimals, primary=st.booleans())
def test_the_worked_sum_adds_up(energy: Decimal, factor: Decimal, material: Decimal, primary: bool) -> None:
    statement = FootprintStatement(
        "0",
        energy_kwh_per_unit=f"{energy:f}",
        grid_kg_co2e_per_kwh=f"{factor:f}",
        material_kg_co2e_per_unit=f"{material:f}",
        material_primary=primary,
    )
    found = worked_sum(statement)
    assert found is not None
    assert found.energy_kg is not None
    assert Decimal(found.parts_kg) == Decimal(found.energy_kg) + material == energy * factor + material
    total = energy * factor + material
    expected = 100 * material / total if primary and total else Decimal(0)
    assert abs(Decimal(found.primary_share_percent) - expected) <= Decimal("0.05")
