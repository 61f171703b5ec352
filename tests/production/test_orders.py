"""The order desk over a real log: what is stated, what is refused, what is read back."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.inspection_facets import InspectionStatement, InspectionSubject
from gaugeblock.plant.production_facets import (
    CertificateStatement,
    CertificateSubject,
    Characteristic,
    Component,
    ForecastProcess,
    ForecastStatement,
    ForecastSubject,
    GenealogyStatement,
    LotOfUnitsStatement,
    OrderStatement,
    Quantile,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    UnitSubject,
)
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from gaugeblock.production.checks import check_number, within
from gaugeblock.production.errors import (
    CertificateExistsError,
    CertificateMissingError,
    ConformityError,
    CustomerUnknownError,
    DateFormError,
    DocumentMissingError,
    GenealogyCycleError,
    LotOrderError,
    NumberFormError,
    OrderChangedError,
    OrderCustomerError,
    OrderEndedError,
    OrderExistsError,
    OrderMissingError,
    OrderProductError,
    ProductUnknownError,
    QuantityError,
    ResultSubjectError,
    UnitTwiceError,
)
from gaugeblock.production.orders_projection import OrdersProjection
from gaugeblock.stores.changes import ChangeFold
from gaugeblock.stores.projections import OpenRecord
from tests.production.making import PERSON, Works


@pytest.fixture
def works() -> Works:
    return Works()


def test_an_order_and_the_history_of_its_promises(works: Works) -> None:
    first = works.order(promised="2026-12-20")
    changed = OrderStatement("P1", 10, "acme", promised="2026-12-24", state="released")
    second = works.desk.change(PERSON, "again1", "WO-1", changed, first)
    assert works.desk.change(PERSON, "again1", "WO-1", changed, first) == second
    case = works.reader.case("WO-1")
    assert case.head.index == second
    assert [version.promised for version in case.versions] == ["2026-12-20", "2026-12-24"]
    with pytest.raises(OrderChangedError):
        works.desk.change(PERSON, "other1", "WO-1", changed, first)


def test_the_same_number_twice_is_refused_and_the_same_statement_twice_is_not(works: Works) -> None:
    statement = OrderStatement("P1", 5)
    index = works.desk.open(PERSON, "once11", "WO-1", statement)
    assert works.desk.open(PERSON, "once11", "WO-1", statement) == index
    with pytest.raises(OrderExistsError):
        works.desk.open(PERSON, "twice1", "WO-1", statement)


@pytest.mark.parametrize(
    ("number", "values", "error"),
    [
        ("a/b", {}, NumberFormError),
        ("", {}, NumberFormError),
        ("x" * 65, {}, NumberFormError),
        ("WO-2", {"quantity": 0}, QuantityError),
        ("WO-2", {"quantity": 2_000_000_000}, QuantityError),
        ("WO-2", {"due": "tomorrow"}, DateFormError),
        ("WO-2", {"due": "20261224"}, DateFormError),
        ("WO-2", {"product": "P9"}, ProductUnknownError),
        ("WO-2", {"customer": "nobody"}, CustomerUnknownError),
    ],
)
def test_what_is_no_order_is_refused_and_not_stated(
    works: Works, number: str, values: dict[str, object], error: type[GaugeblockError]
) -> None:
    before = works.plant.log.size
    with pytest.raises(error):
        works.order(number, **values)
    assert works.plant.log.size == before


def test_an_order_never_passes_to_another_customer(works: Works) -> None:
    index = works.order()
    with pytest.raises(OrderCustomerError):
        works.desk.change(PERSON, works.token, "WO-1", OrderStatement("P1", 10, "bolt"), index)
    stock = works.order("WO-2", customer=None)
    works.desk.change(PERSON, works.token, "WO-2", OrderStatement("P1", 10, "bolt"), stock)
    assert works.reader.order("WO-2").customer == "bolt"


def test_a_cancelled_order_takes_nothing_more(works: Works) -> None:
    index = works.order()
    cancelled = OrderStatement("P1", 10, "acme", state="cancelled")
    index = works.desk.change(PERSON, works.token, "WO-1", cancelled, index)
    with pytest.raises(OrderEndedError):
        works.desk.change(PERSON, works.token, "WO-1", OrderStatement("P1", 11, "acme"), index)
    with pytest.raises(OrderEndedError):
        works.desk.lot(PERSON, works.token, "L-1", LotOfUnitsStatement("P1", "WO-1"))
    with pytest.raises(OrderMissingError):
        works.desk.lot(PERSON, works.token, "L-1", LotOfUnitsStatement("P1", "WO-9"))


def test_lots_hold_each_unit_once_and_a_later_record_takes_the_whole_place(works: Works) -> None:
    works.order()
    works.order("WO-2", product="P2")
    lot = LotOfUnitsStatement("P1", "WO-1", "H-7", 2, ("U1", "U2"))
    works.desk.lot(PERSON, works.token, "L-1", lot)
    with pytest.raises(UnitTwiceError):
        works.desk.lot(PERSON, works.token, "L-2", LotOfUnitsStatement("P1", "WO-1", units=("U2",)))
    works.desk.lot(PERSON, works.token, "L-1", msgspec.structs.replace(lot, units=("U1",)))
    assert works.reader.lots_of_unit("U2") == []
    works.desk.lot(PERSON, works.token, "L-2", LotOfUnitsStatement("P1", "WO-1", units=("U2",)))
    assert works.reader.lots_of_unit("U2") == ["L-2"]
    with pytest.raises(OrderProductError):
        works.desk.lot(PERSON, works.token, "L-3", LotOfUnitsStatement("P1", "WO-2"))
    with pytest.raises(LotOrderError):
        works.desk.lot(PERSON, works.token, "L-1", LotOfUnitsStatement("P2", "WO-2"))


def test_progress_counts_what_was_last_said(works: Works) -> None:
    works.order()

    # Verdicts are stations' to state; here the rows are made as the projection makes them.
    projection, rows = OrdersProjection(), []
    for index, (unit, said) in enumerate(
        [("U1", Verdict.NOK), ("U1", Verdict.OK), ("U2", Verdict.OK), (None, Verdict.NOK), ("U4", Verdict.UNDECIDED)]
    ):
        subject = InspectionSubject(station="ST10", unit=unit, product="P1", order="WO-1")
        facets = {"subject": subject, "statement": InspectionStatement(said)}
        rows += projection.changes(OpenRecord(1000 + index, "inspection.verdict", 2, "s", "i", "t", "t", facets))
    review = {
        "subject": ReviewSubject("ST10", 1002, "U2", "P1", "WO-1"),
        "statement": ReviewStatement("defective", "first", ("scratch",)),
    }
    rows += projection.changes(OpenRecord(1010, "inspection.review", 1, "p", "i", "t", "t", review))
    fold = ChangeFold(projection.metadata.tables)
    fold.add(rows)
    with works.plant.projections.database.writing() as connection:
        fold.write(connection)
    progress = works.reader.order("WO-1").progress
    assert (progress.good, progress.rejected, progress.undecided) == (1, 2, 1)


def test_shipments(works: Works) -> None:
    works.order()
    works.desk.lot(PERSON, works.token, "L-1", LotOfUnitsStatement("P1", "WO-1", units=("U1", "U2")))
    shipped = ShipmentStatement("2026-12-01T08:00:00Z", 2, ("L-1",), ("U1", "U2"))
    works.desk.shipment(PERSON, works.token, "S-1", "WO-1", shipped)
    assert works.reader.order("WO-1").progress.shipped == 2
    with pytest.raises(UnitTwiceError):
        works.desk.shipment(PERSON, works.token, "S-2", "WO-1", shipped)
    works.order("WO-2", customer=None)
    with pytest.raises(CustomerUnknownError):
        works.desk.shipment(PERSON, works.token, "S-3", "WO-2", ShipmentStatement("2026-12-01T08:00:00Z", 2))
    works.order("WO-3")
    with pytest.raises(LotOrderError):
        works.desk.shipment(PERSON, works.token, "S-4", "WO-3", ShipmentStatement("2026-12-01T08:00:00Z", 2, ("L-1",)))


def test_genealogy_both_ways_and_no_unit_is_a_part_of_itself(works: Works) -> None:
    works.order()
    works.desk.lot(PERSON, works.token, "L-1", LotOfUnitsStatement("P1", "WO-1", "H-7"))

    def join(unit: str, *parts: Component, station: str | None = None) -> None:
        works.desk.joined(PERSON, works.token, UnitSubject(unit), GenealogyStatement(parts, station))

    join("A", Component("unit", "B"), Component("lot", "L-1", "2.5", "KGM"), station="ST10")
    join("B", Component("unit", "C"))
    join("A", Component("unit", "D"), station="ST20")
    tree = works.desk.genealogy.tree("A")
    assert [(part.kind, part.id) for part in tree.parts] == [("unit", "B"), ("lot", "L-1"), ("unit", "D")]
    assert [part.id for part in tree.parts[0].parts] == ["C"]
    assert [part.id for part in tree.parts[1].parts] == ["H-7"]
    with pytest.raises(GenealogyCycleError):
        join("C", Component("unit", "A"))
    join("A", Component("unit", "E"), station="ST10")
    assert [part.id for part in works.desk.genealogy.tree("A").parts] == ["D", "E"]
    assert works.desk.genealogy.used_in("unit", "B") == []
    assert [unit for unit, _ in works.desk.genealogy.used_in("unit", "D")] == ["A"]
    # What came another way may say what it likes: the tree ends.
    works.state(
        "production.genealogy", subject=UnitSubject("C"), statement=GenealogyStatement((Component("unit", "A"),))
    )
    works.state(
        "production.genealogy", subject=UnitSubject("E"), statement=GenealogyStatement((Component("unit", "A"),))
    )
    assert works.desk.genealogy.tree("A").parts[1].parts[0].cut


def test_results_are_checked_against_their_limits(works: Works) -> None:
    about = ResultSubject(lot="L-1", heat="H-7")
    carbon = Characteristic("chemistry", "C", "0.25", "%", upper="0.20")
    with pytest.raises(ConformityError):
        works.desk.result(PERSON, works.token, about, ResultStatement((carbon,), conforms=True))
    with pytest.raises(ResultSubjectError):
        works.desk.result(PERSON, works.token, ResultSubject(), ResultStatement((carbon,)))
    index = works.desk.result(PERSON, works.token, about, ResultStatement((carbon,), conforms=False))
    assert [result.index for result in works.reader.results_of(lot="L-1")] == [index]
    works.order()
    works.desk.lot(PERSON, works.token, "L-5", LotOfUnitsStatement("P1", "WO-1", "H-7"))
    assert [result.index for result in works.reader.case("WO-1").results] == [index]


def test_certificates_name_documents_that_are_there_and_are_never_rewritten(works: Works) -> None:
    works.order()
    digest = works.desk.keep_document(b'{"certificate":1}')
    subject = CertificateSubject("C-1", "acme", "P1", "WO-1")
    issued = CertificateStatement("3.1", digest)
    index = works.desk.certificate(PERSON, works.token, subject, issued, (1, 2))
    assert works.desk.certificate(PERSON, works.token, subject, issued) == index
    with pytest.raises(DocumentMissingError):
        works.desk.certificate(PERSON, works.token, CertificateSubject("C-2"), CertificateStatement("3.1", "0" * 64))
    other = works.desk.keep_document(b"{}")
    with pytest.raises(CertificateExistsError):
        works.desk.certificate(PERSON, works.token, subject, CertificateStatement("3.1", other))
    with pytest.raises(CertificateMissingError):
        works.desk.certificate(
            PERSON, works.token, CertificateSubject("C-2"), CertificateStatement("3.1", other, replaces="C-0")
        )
    works.desk.certificate(PERSON, works.token, subject, CertificateStatement("3.1", digest, state="withdrawn"))
    assert works.reader.case("WO-1").certificates[0].state == "withdrawn"


def test_the_newest_forecast_is_shown(works: Works) -> None:
    works.order()
    process = ForecastProcess("twin", 100, 7, "ab" * 32)
    for day in (20, 22):
        quantiles = tuple(Quantile(p, f"2026-12-{day + i}T00:00:00Z") for i, p in enumerate((0.05, 0.5, 0.95)))
        works.state(
            "production.forecast",
            subject=ForecastSubject("WO-1"),
            statement=ForecastStatement(quantiles, 7, "2026-12-24", 0.9),
            process=process,
        )
    forecast = works.reader.order("WO-1").forecast
    assert forecast is not None
    assert (forecast.at(0.05), forecast.at(0.95)) == ("2026-12-22T00:00:00Z", "2026-12-24T00:00:00Z")
    assert len(works.reader.case("WO-1").forecasts) == 2


def test_lists_by_state_customer_and_text(works: Works) -> None:
    for number in range(5):
        works.order(f"WO-{number}", customer="bolt" if number % 2 else "acme", customer_reference=f"PO%{number}")
    assert [order.order for order in works.reader.listed(customer="bolt")] == ["WO-3", "WO-1"]
    assert [order.order for order in works.reader.listed(text="po%3")] == ["WO-3"]
    first = works.reader.listed(limit=2)
    assert [order.order for order in works.reader.listed(limit=2, before=first[-1].index)] == ["WO-2", "WO-1"]
    assert works.reader.listed(states=("completed",)) == []


@given(st.text(max_size=70))
@settings(max_examples=200, deadline=None)
def test_a_number_goes_into_an_address_as_it_is(text: str) -> None:
    try:
        check_number(text)
    except NumberFormError:
        return
    assert 1 <= len(text) <= 64
    assert not set(text) & set("/\\?#% \t\n<>\"'&")


_decimals = st.decimals(-1000, 1000, places=3).map(str)


@given(_decimals, _decimals, _decimals)
@settings(deadline=None)
def test_within_is_between_the_limits(value: str, one: str, other: str) -> None:
    lower, upper = sorted((one, other), key=Decimal)
    characteristic = Characteristic("other", "x", value, "mm", lower, upper)
    assert within(characteristic) == (Decimal(lower) <= Decimal(value) <= Decimal(upper))
