"""From a lot's records to a certificate: what goes in, what stands against it, and that nothing can be left out."""

from __future__ import annotations

import datetime

import msgspec
from hypothesis import given as for_all
from hypothesis import strategies as st

from gaugeblock.exchange.material_certificate.building import metals_document
from gaugeblock.exchange.material_certificate.certificate import CertificateParty
from gaugeblock.exchange.material_certificate.metals_json import write_metals
from gaugeblock.plant.production_facets import Characteristic
from gaugeblock.production.read_model import Lot, Order, Result, Shipment, UnitVerdict
from gaugeblock.web.certificate_drafting import (
    VALUES_SHOWN,
    Concession,
    Draft,
    Given,
    Seen,
    Sources,
    draft,
    measured,
    standing,
)
from gaugeblock.web.certificate_form import beginnings, remembered

DAY = datetime.date(2026, 11, 25)
AT = "2026-11-25T00:00:00Z"
PARTY = CertificateParty(name="A", street=("B 1",), postal_code="1", city="C", country="DE")
replace = msgspec.structs.replace


def result(index: int, *characteristics: Characteristic, conforms: bool | None = True, **about: str) -> Result:
    subject = {name: about.get(name) for name in ("product", "order", "lot", "heat", "unit")}
    return Result(
        index=index,
        stated_at=AT,
        author="person:q",
        characteristics=characteristics,
        conforms=conforms,
        laboratory="",
        **subject,
    )


def verdict(unit: str, index: int, said: str = "OK", decision: str | None = None) -> UnitVerdict:
    after = None if decision is None else index + 100
    return UnitVerdict(order="O", unit=unit, verdict=said, verdict_index=index, decision=decision, decision_index=after)


def carbon(value: str = "0.42") -> Characteristic:
    return Characteristic("chemistry", "C", value, "%", "0.38", "0.45")


def size(value: str) -> Characteristic:
    return Characteristic("dimension", "bore", value, "mm", "24.95", "25.05")


ORDER = Order(
    order="O",
    index=1,
    stated_at=AT,
    author="person:q",
    product="P",
    quantity=3,
    customer="acme",
    customer_reference="PO 1",
    due=None,
    promised=None,
    line=None,
    priority=0,
    state="released",
    note="",
)
LOT = Lot(
    lot="L", index=2, stated_at=AT, product="P", order="O", heat="H", quantity=3, units=("u1", "u2", "u3"), state="open"
)
SHIPMENT = Shipment(
    shipment="S", index=30, order="O", customer="acme", shipped_at=AT, quantity=2, lots=("L",), units=(), carrier=""
)
SOURCES = Sources(
    order=ORDER,
    lot=LOT,
    verdicts=(verdict("u1", 10), verdict("u2", 11, "NOK", "good"), verdict("u3", 12, "NOK"), verdict("other", 13)),
    seen={10: Seen(station="ST10", at="2026-11-24T01:00:00Z", module_sha256="ab" * 32)},
    results=(
        result(20, carbon(), heat="H"),
        result(21, size("25.01"), unit="u1"),
        result(22, size("25.02"), unit="u2"),
        result(23, size("99"), conforms=False, unit="other"),
        result(24, carbon("9"), conforms=False, heat="another"),
    ),
    shipments=(SHIPMENT,),
    log_origin="plant.example/log",
)
GIVEN = Given(
    number="MC-1", delivery="S", quantity="2", manufacturer=PARTY, customer=PARTY, validator="li.wei", role="Head"
)


def drafted(sources: Sources = SOURCES, given: Given = GIVEN) -> Draft:
    return draft(sources, given, DAY)


def gaps(made: Draft, blocking: bool = True) -> dict[str, tuple[str, ...]]:
    return {gap.kind: gap.names for gap in made.gaps if gap.blocks == blocking}


def test_the_records_of_the_lot_and_no_others_become_the_certificate() -> None:
    made = drafted()
    assert gaps(made) == {}
    assert gaps(made, blocking=False) == {"no_mechanical": ()}
    certificate = made.certificate
    assert certificate.heat is not None
    assert (certificate.heat.number, certificate.heat.elements[0].values) == ("H", ("0.42",))
    assert [value.values for value in certificate.dimensional] == [("25.01", "25.02")]
    summary = certificate.inspections[0]
    assert (summary.units, summary.conforming, summary.rejected, summary.stations) == (3, 2, 1, ("ST10",))
    assert certificate.records == (1, 2, 10, 11, 12, 20, 21, 22, 30, 111)
    assert made.standings == {"u1": "good", "u2": "good", "u3": "rejected"}
    assert write_metals(metals_document(certificate)).startswith(b"{")


def test_what_was_last_said_of_a_unit_counts() -> None:
    assert standing(verdict("u", 5, "NOK", "good")) == "good"
    assert standing(replace(verdict("u", 5, "OK", "defective"), decision_index=4)) == "good"
    assert standing(verdict("u", 0, "OK", "defective")) == "rejected"
    assert standing(verdict("u", 5, "UNDECIDED")) == "undecided"
    assert standing(replace(verdict("u", 5), verdict=None, verdict_index=None)) == "uninspected"


def test_everything_that_stands_against_it_is_told() -> None:
    assert gaps(drafted(replace(SOURCES, order=replace(ORDER, customer=None)))) == {"customer": ()}
    assert gaps(drafted(replace(SOURCES, order=replace(ORDER, state="cancelled")))) == {"order_cancelled": ("O",)}
    nameless = replace(GIVEN, role="", manufacturer=replace(PARTY, street=(), country=""))
    assert gaps(drafted(given=nameless)) == {"party": ("manufacturer_street", "manufacturer_country", "role")}
    assert gaps(drafted(given=replace(GIVEN, delivery=""))) == {"delivery": ()}
    for quantity in ("", "0", "-1", "x", "3", "1e2", "1.2.3", "²"):
        assert list(gaps(drafted(given=replace(GIVEN, quantity=quantity)))) == ["quantity"], quantity
    undecided = replace(SOURCES, verdicts=(verdict("u1", 10, "UNDECIDED"), *SOURCES.verdicts[1:]))
    assert gaps(drafted(undecided)) == {"undecided": ("u1",)}
    shipped = replace(SOURCES, shipments=(replace(SHIPMENT, units=("u1", "u3")),))
    assert gaps(drafted(shipped)) == {"rejected_shipped": ("u3",)}
    outside = replace(SOURCES, results=(*SOURCES.results, result(25, size("25.06"), conforms=None, lot="L")))
    assert gaps(drafted(outside)) == {"outside": ("bore",)}
    said = replace(SOURCES, results=(*SOURCES.results, result(25, size("25.00"), conforms=False, lot="L")))
    assert gaps(drafted(said)) == {"nonconforming_result": ("#25",)}
    heatless = replace(SOURCES, lot=replace(LOT, heat=None), results=(result(20, carbon(), lot="L"),))
    assert gaps(drafted(heatless)) == {"heat": ()}
    nothing = replace(SOURCES, lot=replace(LOT, units=()), results=(), verdicts=())
    assert gaps(drafted(nothing)) == {"nothing": ()}
    assert gaps(drafted(given=replace(GIVEN, concession="T-none"))) == {"concession": ("T-none",)}


def test_units_without_a_verdict_are_told_and_do_not_block() -> None:
    some = replace(SOURCES, verdicts=SOURCES.verdicts[:2])
    made = drafted(some)
    assert gaps(made) == {}
    assert gaps(made, blocking=False) == {"no_mechanical": (), "uninspected": ("u3",)}
    assert made.certificate.inspections[0].units == 2


def test_a_concession_of_the_customer_opens_what_lies_outside() -> None:
    outside = replace(
        SOURCES,
        results=(*SOURCES.results, result(25, size("25.06"), conforms=False, lot="L")),
        concessions=(Concession(thread="T-7", index=77),),
    )
    assert set(gaps(drafted(outside))) == {"outside", "nonconforming_result"}
    made = drafted(outside, replace(GIVEN, concession="T-7"))
    assert gaps(made) == {}
    assert 77 in made.certificate.records
    assert b"concession T-7" in write_metals(metals_document(made.certificate))


@for_all(st.lists(st.decimals(-100, 100, places=3), min_size=1, max_size=60))
def test_no_value_is_lost_from_the_judgement(numbers) -> None:  # type: ignore[no-untyped-def]
    texts = [format(number, "f") for number in numbers]
    (value,) = measured([result(at, size(text)) for at, text in enumerate(texts)], None)["dimension"]
    if len(texts) <= VALUES_SHOWN:
        assert list(value.values) == texts
    else:
        assert value.values == (format(min(numbers), "f"), format(max(numbers), "f"))
        assert value.conditions == f"smallest and largest of {len(texts)} values"


def test_the_form_begins_with_the_records_and_the_last_certificate() -> None:
    begun = beginnings(SOURCES)
    assert (begun["delivery"], begun["delivered_on"], begun["quantity"]) == ("S", "2026-11-25", "2")
    given = replace(
        GIVEN, material="42CrMo4", standards=("EN 10250-3:2022",), place="Changzhou", delivery_condition="+QT"
    )
    document = metals_document(drafted(given=given).certificate)
    again = remembered(document, customer=True, product=True)
    assert (again["customer_city"], again["material"], again["standards"], again["role"], again["place"]) == (
        "C",
        "42CrMo4",
        "EN 10250-3:2022",
        "Head",
        "Changzhou",
    )
    assert "customer_city" not in remembered(document, customer=False, product=False)
