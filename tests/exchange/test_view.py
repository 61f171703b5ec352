"""The customer's view over real records, projections and a real database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from gaugeblock.exchange.contract_errors import EvidenceNotPermittedError
from gaugeblock.exchange.view_model import InspectionFilter
from gaugeblock.exchange.view_source import ViewSource
from gaugeblock.ledger.evidence import Evidence
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.exchange_facets import (
    DocumentStatement,
    DocumentSubject,
    FootprintStatement,
    FootprintSubject,
    MessageInputs,
    MessageStatement,
    MessageSubject,
    Permission,
    SharedDocument,
)
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.nonconformity_facets import NonconformityStatement, NonconformitySubject, StepStatement
from gaugeblock.plant.production_facets import (
    CertificateInputs,
    CertificateStatement,
    CertificateSubject,
    Characteristic,
    Component,
    ForecastProcess,
    ForecastStatement,
    ForecastSubject,
    GenealogyStatement,
    Quantile,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from gaugeblock.plant.record_types import AuthorKindError
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from tests.exchange.exchange_plant import APPROVER, DRAFTER, LOTS, ORDERS, STATION, VERDICTS, ExchangePlant

WHOLE = ("subject", "statement")
EVERYTHING = (
    *(
        Permission(record_type, WHOLE)
        for record_type in (
            "production.order",
            "production.forecast",
            "production.lot",
            "production.genealogy",
            "production.result",
            "production.shipment",
            "inspection.review",
            "nonconformity.opened",
            "nonconformity.step",
            "exchange.footprint",
            "exchange.document",
        )
    ),
    Permission("production.certificate", (*WHOLE, "inputs")),
    Permission("inspection.verdict", (*WHOLE, "measurement"), images=True),
)


@pytest.fixture
def plant() -> Iterator[ExchangePlant]:
    made = ExchangePlant()
    yield made
    made.close()


def test_nothing_without_a_contract_in_force(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.inspect("A1", "U1")
    assert plant.view().records().items == ()
    plant.draft(VERDICTS, ORDERS)
    view = plant.view()
    assert (view.contract, view.orders().items, view.order("A1")) == (None, (), None)
    assert [(known.contract, known.state) for known in view.contracts()] == [("C-1", "offered")]
    plant.step("accepted")
    assert [order.order for order in plant.view().orders().items] == ["A1"]
    assert plant.view("beta").contracts() == ()


def test_a_foreign_order_is_never_seen(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.order("B1", "beta")
    mine, theirs = plant.inspect("A1", "U1"), plant.inspect("B1", "U2")
    plant.contract(VERDICTS, ORDERS, products=("P1",), orders=("A1",))
    view = plant.view()
    assert [inspection.record_index for inspection in view.inspections().items] == [mine]
    assert view.inspection(theirs) is view.inspection(10_000) is view.record(theirs) is view.evidence(theirs) is None
    assert view.unit("U2") is None
    assert view.inspections(InspectionFilter(order="B1")).items == ()


def test_only_permitted_facets_and_fields_are_there(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    index = plant.inspect("A1", "U1", image="cd" * 32)
    plant.contract(Permission("inspection.verdict", ("subject", "statement", "measurement"), ("measurement.score",)))
    view = plant.view()
    found = view.inspection(index)
    assert found is not None
    assert (found.verdict, found.score, found.threshold, found.image_sha256) == ("OK", 0.5, None, None)
    assert found.proven_facets == ("subject", "statement")
    assert view.record(index).facets["measurement"] == {"score": 0.5}  # type: ignore[union-attr]
    assert view.file("cd" * 32) is None
    assert view.orders().items == ()


def test_evidence_opens_permitted_facets_and_verifies(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    index = plant.inspect("A1", "U1")
    order = plant.order("A1", "acme", promised="2026-12-01")
    plant.contract(VERDICTS, ORDERS)
    view = plant.view()
    evidence = view.evidence(index)
    assert evidence is not None
    assert set(Evidence.from_bytes(evidence).record.disclosures) == {"subject", "statement", "measurement"}
    assert verify_evidence(evidence, plant.log.log_key).ok
    # It would name the person who stated it, and the contract does not permit personal information.
    with pytest.raises(EvidenceNotPermittedError):
        view.evidence(order)
    contract = view.contract
    assert contract is not None
    assert verify_evidence(view.evidence(contract.record_index) or b"", plant.log.log_key).ok


def test_personal_information_permits_to_prove_what_people_state(plant: ExchangePlant) -> None:
    order = plant.order("A1", "acme")
    plant.draft(ORDERS, personal_information=True, basis="consent")
    assert plant.view().contracts() == ()
    plant.step("accepted")
    assert plant.view().contract is None, "accepted before it was approved"
    plant.step("approved", author=DRAFTER)
    assert plant.view().contracts() == (), "approved by its drafter"
    plant.step("approved", author=APPROVER)
    plant.step("accepted")
    assert verify_evidence(plant.view().evidence(order) or b"", plant.log.log_key).ok


def test_revocation_ends_all_and_a_new_version_begins_anew(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.contract(ORDERS)
    plant.draft(ORDERS, VERDICTS, version=2)
    plant.step("accepted", version=2)
    held = plant.view()
    plant.step("revoked", author=DRAFTER, version=1)
    view = plant.view()
    assert view.contract is None
    assert view.orders().items == ()
    assert {known.state for known in view.contracts()} == {"revoked"}
    assert held.version != view.version
    plant.step("accepted", version=2)
    assert plant.view().contract is None, "what was revoked cannot be accepted again"
    plant.draft(ORDERS, version=3)
    plant.step("accepted", version=3)
    assert plant.view().contract.version == 3  # type: ignore[union-attr]


def test_validity_is_half_open(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.contract(ORDERS, valid_from="2026-11-25T09:00:00Z", valid_until="2026-11-25T10:00:00Z")
    seen = []
    for minute in (59, 60, 119, 120):
        plant.clock.moment = plant.clock.moment.replace(hour=8, minute=0, second=0, microsecond=0)
        plant.clock.moment += timedelta(minutes=minute)
        seen.append(plant.source.view("acme", plant.clock.moment).contract is not None)
    assert seen == [False, True, True, False]


def test_everything_about_an_order(plant: ExchangePlant) -> None:
    plant.contract(*EVERYTHING, products=("P1",), documents=("dd" * 32,))
    plant.order("A1", "acme", due="2026-12-01", promised="2026-12-02")
    plant.order("A1", "acme", due="2026-12-01", promised="2026-12-02", note="same promise")
    plant.order("A1", "acme", due="2026-12-01", promised="2026-12-05")
    lot = plant.lot("L1", "A1", ("U1", "U2"), heat="H1")
    quantiles = tuple(Quantile(p, f"2026-12-0{d}T00:00:00Z") for p, d in ((0.05, 1), (0.5, 3), (0.95, 6)))
    forecast = plant.say(
        "server:plant",
        "production.forecast",
        subject=ForecastSubject("A1", customer="acme"),
        statement=ForecastStatement(completion=quantiles, remaining=8, on_time=0.2),
        process=ForecastProcess(software="x", replications=10, seed=1, model_sha256="ab" * 32),
    )
    first = plant.inspect("A1", "U1", Verdict.NOK, image="cd" * 32)
    second = plant.inspect("A1", "U1", Verdict.OK)
    plant.inspect("A1", None, Verdict.UNDECIDED)
    review = plant.say(
        DRAFTER,
        "inspection.review",
        subject=ReviewSubject("ST10", first, "U1", "P1", "A1"),
        statement=ReviewStatement("defective", "first", ("scratch",)),
    )
    plant.say(
        DRAFTER,
        "production.genealogy",
        subject=UnitSubject("U1"),
        statement=GenealogyStatement((Component("lot", "RAW-1"),)),
    )
    plant.say(
        DRAFTER,
        "production.result",
        subject=ResultSubject(heat="H1"),
        statement=ResultStatement((Characteristic("chemistry", "C", "0.21", "%"),), conforms=True),
    )
    plant.say(
        DRAFTER,
        "production.shipment",
        subject=ShipmentSubject("S1", "A1", "acme"),
        statement=ShipmentStatement("2026-11-25T08:00:00Z", 4, ("L1",)),
    )
    plant.say(
        DRAFTER,
        "production.certificate",
        subject=CertificateSubject("Z1", "acme", "P1", "A1", "L1", "H1"),
        statement=CertificateStatement("3.1", "11" * 32, "22" * 32),
        inputs=CertificateInputs((first,)),
    )
    plant.say(
        DRAFTER,
        "nonconformity.opened",
        subject=NonconformitySubject("NC-1", "P1", "ST10", "A1"),
        statement=NonconformityStatement("major", "scratch"),
    )
    plant.say(
        DRAFTER,
        "nonconformity.step",
        subject=NonconformitySubject("NC-1"),
        statement=StepStatement(step="closure", text="done"),
    )
    plant.say(
        DRAFTER,
        "exchange.footprint",
        subject=FootprintSubject("P1", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        statement=FootprintStatement("1.25"),
    )
    document = SharedDocument("dd" * 32, "plate.aasx", "application/aasx", 5, "aas")
    plant.say(DRAFTER, "exchange.document", subject=DocumentSubject(), statement=DocumentStatement(document))
    plant.say(
        "exchange:main",
        "exchange.message",
        subject=MessageSubject("T1", "acme", order="A1"),
        statement=MessageStatement("date_requested", "sooner?", "2026-12-01"),
        inputs=MessageInputs((SharedDocument("ee" * 32, "drawing.pdf", "application/pdf", 9, "drawing"),)),
    )
    plant.say(
        DRAFTER,
        "exchange.message",
        subject=MessageSubject("T1", "acme", order="A1"),
        statement=MessageStatement("date_refused", "no"),
    )
    view = plant.view()
    order = view.order("A1")
    assert order is not None
    assert [promise.promised for promise in order.promises] == ["2026-12-02", "2026-12-05"]
    assert order.state == "released"
    assert order.progress is not None
    assert (order.progress.inspected, order.progress.ok, order.progress.nok) == (2, 1, 0)
    assert (order.progress.undecided, order.progress.shipped) == (1, 4)
    assert order.delivery is not None
    assert (order.delivery.record_index, order.delivery.earliest) == (forecast, "2026-12-01T00:00:00Z")
    assert order.delivery.latest == "2026-12-06T00:00:00Z"
    assert view.lot("L1").record_index == lot  # type: ignore[union-attr]
    inspection = view.inspection(first)
    assert inspection is not None
    assert (inspection.lot, inspection.decision, inspection.defects) == ("L1", "defective", ("scratch",))
    assert inspection.review_index == review
    unit = view.unit("U1")
    assert unit is not None
    assert (unit.order, unit.lot, unit.verdict, unit.verdict_index) == ("A1", "L1", "OK", second)
    assert [found.unit for found in view.units(lot="L1").items] == ["U1"]
    assert [found.unit for found in view.units(order="A1").items] == ["U1"]
    assert view.genealogy("U1")[0].components[0].quantity == "1"
    assert view.results(heat="H1").items[0].characteristics[0].value == "0.21"
    assert view.shipment("S1").quantity == 4  # type: ignore[union-attr]
    certificate = view.certificate("Z1")
    assert certificate is not None
    assert (certificate.state, certificate.record_indices) == ("issued", (first,))
    assert view.file("22" * 32).media_type == "application/pdf"  # type: ignore[union-attr]
    assert view.file("cd" * 32).record_indices == (first,)  # type: ignore[union-attr]
    nonconformity = view.nonconformity("NC-1")
    assert nonconformity is not None
    assert nonconformity.closed
    assert view.footprints("P1").items[0].geography == "CN"
    assert view.document("dd" * 32).name == "plate.aasx"  # type: ignore[union-attr]
    thread = view.thread("T1")
    assert thread is not None
    assert [message.by for message in thread.messages] == ["customer", "plant"]
    assert view.file("ee" * 32).name == "drawing.pdf"  # type: ignore[union-attr]
    assert view.health()[0].last_verdict_at is not None
    first_page = view.changes(limit=5)
    rest = view.changes(int(first_page.next or 0), 500)
    assert [change.record_index for change in (*first_page.items, *rest.items)] == sorted(
        found.record_index for found in view.records(limit=500).items
    )
    # What was read bit by bit equals what is read at once.
    assert _told(plant.fresh_view()) == _told(view)


def _told(view) -> bytes:  # type: ignore[no-untyped-def]
    return msgspec.json.encode(
        [
            view.version,
            view.orders(),
            view.lots(),
            view.units(),
            view.records(limit=500),
            view.inspections(limit=500),
            view.certificates(),
            view.documents(),
            view.threads(),
            view.nonconformities(),
            view.footprints(),
            view.shipments(),
            view.results(),
        ]
    )


def test_a_withdrawn_document_is_gone(plant: ExchangePlant) -> None:
    document = SharedDocument("dd" * 32, "manual.pdf", "application/pdf", 5)
    plant.contract(ORDERS, documents=("dd" * 32,))
    plant.say(DRAFTER, "exchange.document", subject=DocumentSubject(), statement=DocumentStatement(document))
    before = plant.view()
    assert before.file("dd" * 32) is not None
    plant.say(
        DRAFTER, "exchange.document", subject=DocumentSubject(), statement=DocumentStatement(document, withdrawn=True)
    )
    view = plant.view()
    assert (view.document("dd" * 32), view.file("dd" * 32), view.documents().items) == (None, None, ())
    assert view.version != before.version
    assert plant.fresh_view().documents().items == ()


def test_units_of_a_lot_and_a_unit_listed_twice(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.order("B1", "beta")
    plant.contract(Permission("production.genealogy", WHOLE), LOTS)
    early = plant.say(DRAFTER, "production.genealogy", subject=UnitSubject("U1"), statement=GenealogyStatement(()))
    assert plant.view().genealogy("U1") == ()
    plant.lot("L1", "A1", ("U1", "U2"))
    assert [found.record_index for found in plant.view().genealogy("U1")] == [early]
    plant.lot("L2", "B1", ("U1",))
    assert plant.view().genealogy("U1") == (), "another customer's lot lists the same number"
    plant.lot("L2", "B1", ())
    assert [found.record_index for found in plant.view().genealogy("U1")] == [early]
    plant.lot("L1", "A1", ("U2",))
    assert plant.view().genealogy("U1") == ()


def test_an_order_that_comes_late_or_changes_hands(plant: ExchangePlant) -> None:
    plant.contract(VERDICTS, ORDERS)
    index = plant.inspect("A1", "U1")
    assert plant.view().inspection(index) is None
    plant.order("A1", "acme")
    assert plant.view().inspection(index) is not None
    plant.order("A1", "beta")
    view = plant.view()
    assert (view.inspection(index), view.order("A1")) == (None, None)
    plant.order("A1", "acme")
    assert len(plant.view().order("A1").promises) == 1  # type: ignore[union-attr]


def test_challenge_parts_are_nobodys(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.contract(VERDICTS)
    assert plant.view().inspection(plant.inspect("A1", "CH1", purpose="challenge")) is None


def test_a_second_opening_of_a_number_does_not_show_the_firsts_steps(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.order("B1", "beta")
    permissions = [Permission("nonconformity.opened", WHOLE), Permission("nonconformity.step", WHOLE)]
    plant.contract(*permissions)
    for order in ("B1", "A1"):
        plant.say(
            DRAFTER,
            "nonconformity.opened",
            subject=NonconformitySubject("NC-1", order=order),
            statement=NonconformityStatement("major"),
        )
    plant.say(
        DRAFTER,
        "nonconformity.step",
        subject=NonconformitySubject("NC-1"),
        statement=StepStatement(step="note", text="of beta"),
    )
    assert plant.view().nonconformities().items == ()
    assert plant.fresh_view().nonconformities().items == ()


def test_pages_and_filters(plant: ExchangePlant) -> None:
    plant.contract(VERDICTS, ORDERS)
    for number in range(7):
        plant.order(f"A{number}", "acme")
    indices = [plant.inspect("A1", f"U{n}", Verdict.NOK if n % 3 == 0 else Verdict.OK) for n in range(9)]
    view = plant.view()
    names: list[str] = []
    after: str | None = None
    while True:
        page = view.orders(after, 3)
        names += [order.order for order in page.items]
        if page.next is None:
            break
        after = str(page.next)
    assert names == [f"A{number}" for number in range(7)]
    first = view.inspections(limit=4)
    second = view.inspections(before=int(first.next or 0), limit=500)
    assert [found.record_index for found in (*first.items, *second.items)] == indices[::-1]
    assert len(view.inspections(InspectionFilter(verdict="NOK")).items) == 3
    assert [found.unit for found in view.inspections(InspectionFilter(unit="U4", order="A1")).items] == ["U4"]
    moment = view.inspection(indices[4]).stated_at  # type: ignore[union-attr]
    assert len(view.inspections(InspectionFilter(since=moment)).items) == 5
    assert len(view.inspections(InspectionFilter(until=moment)).items) == 4


def test_a_view_stays_as_it_is_and_a_quiet_log_costs_nothing(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.contract(VERDICTS)
    plant.inspect("A1", "U1")
    held = plant.view()
    assert plant.source.refresh() is False
    assert plant.source.view("acme", plant.clock.now()) is held
    plant.inspect("B9", "U2")
    assert plant.view() is held, "nothing that this customer can see has changed"
    later = plant.inspect("A1", "U3")
    view = plant.view()
    assert view is not held
    assert (held.inspection(later), len(held.inspections().items), len(held.changes().items)) == (None, 1, 1)
    assert held.unit("U3") is None
    assert len(view.inspections().items) == 2


def test_views_are_read_while_records_come(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.contract(VERDICTS)
    plant.view()
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            view = plant.source.view("acme", plant.clock.now())
            count = len(view.inspections(limit=500).items)
            if count != len(view.changes(limit=500).items) or count != len(view.units(limit=500).items):
                wrong.append(count)
            time.sleep(0.001)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(30):
        plant.inspect("A1", f"U{number}")
        plant.source.refresh()
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(plant.view().inspections(limit=500).items) == 30


def test_a_rebuilt_projection_is_read_anew(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.contract(VERDICTS)
    index = plant.inspect("A1", "U1")
    assert plant.view().inspection(index) is not None
    plant.runner.rebuild("exchange_items", upto=1)
    assert plant.view().inspection(index) is None
    plant.runner.catch_up()
    assert plant.view().inspection(index) is not None


def test_an_own_key_speaks_for_its_customer_only(plant: ExchangePlant) -> None:
    plant.contract(ORDERS)
    plant.say(
        "customer:beta",
        "exchange.message",
        subject=MessageSubject("T1", "acme"),
        statement=MessageStatement("note", "I am acme"),
    )
    assert plant.view().threads().items == ()


def test_stations_state_no_contract_steps(plant: ExchangePlant) -> None:
    plant.draft(ORDERS)
    with pytest.raises(AuthorKindError):
        plant.step("accepted", author=STATION)


def test_of_verdicts_the_newest_are_kept_and_everything_else(plant: ExchangePlant) -> None:
    plant.source = ViewSource(plant.database, plant.log, most=8)
    for number in range(6):
        plant.order(f"A{number}", "acme")
    plant.contract(VERDICTS, ORDERS)
    indices = [plant.inspect("A1", f"U{number}") for number in range(12)]
    view = plant.view()
    assert [found.record_index for found in view.inspections().items] == indices[:-9:-1]
    assert len(view.orders().items) == 6
    assert view.inspection(indices[0]) is None
    for number in range(12, 40):
        plant.inspect("A1", f"U{number}")
        kept = len(plant.view().records(limit=500).items)
        assert kept <= 8 + 8 + 8, number
    assert len(plant.view().orders().items) == 6
