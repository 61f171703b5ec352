"""What is in the sandbox: two made-up orders with dates, lots, inspections, a certificate, a message and a contract.

Every record is stated by whoever would state it at a plant, over three days that end now; nothing of it is a plant's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Protocol

from gaugeblock.exchange.document_errors import PrintingMissingError
from gaugeblock.exchange.material_certificate.building import metals_document
from gaugeblock.exchange.material_certificate.certificate import (
    Certificate,
    CertificateOrder,
    CertificateParty,
    CertificateValidator,
    CertifiedProduct,
    Heat,
    InspectionSummary,
    MeasuredValue,
)
from gaugeblock.exchange.material_certificate.metals_json import digest, write_metals
from gaugeblock.exchange.material_certificate.pdf import certificate_pdf
from gaugeblock.exchange.sandbox_pictures import plate
from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    CustomerProcess,
    FootprintStatement,
    FootprintSubject,
    MessageInputs,
    MessageStatement,
    MessageSubject,
    Permission,
)
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
)
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
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    OrderStatement,
    OrderSubject,
    Quantile,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from gaugeblock.plant.times import to_rfc3339

CUSTOMER = "sandbox"
CONTRACT = "C-SANDBOX"
PLANNER, QUALITY = "person:li.wei", "person:zhao.min"
STATION, EXCHANGE, SERVER = "station:L1-ST10", "exchange:main", "server:plant"
OPEN_ORDER, DONE_ORDER = "WO-2611", "WO-2598"
PRODUCT, HEAT = "bracket-7", "H-77310"
UNITS = 24
_WHOLE = ("subject", "statement")

PERMISSIONS: tuple[Permission, ...] = (
    *(
        Permission(record_type, _WHOLE)
        for record_type in (
            "production.order",
            "production.lot",
            "production.genealogy",
            "production.result",
            "production.shipment",
            "production.forecast",
            "inspection.review",
            "exchange.footprint",
            "exchange.document",
        )
    ),
    Permission("production.certificate", (*_WHOLE, "inputs")),
    Permission("inspection.verdict", (*_WHOLE, "measurement", "inputs"), images=True),
)


class Author(Protocol):
    """States a record as somebody; the clock is where the story put it."""

    def __call__(self, author: str, record_type: str, facets: Mapping[str, Facet]) -> int: ...


def tell(
    state: Author, keep: Callable[[bytes], str], move: Callable[[timedelta], datetime], customer: str = CUSTOMER
) -> None:
    """The whole story.

    Parameters
    ----------
    state
        Takes each record; its index.
    keep
        Takes each file; its digest.
    move
        Lets time pass; the moment it then is.
    customer
        Whose orders they are.
    """
    begun = move(timedelta())
    _contract(state, begun, customer)
    first = move(timedelta(minutes=5))
    _order(state, customer, DONE_ORDER, 8, "PO-4500017", first, "completed", days=(-2, -1))
    records = [state(PLANNER, "production.lot", _lot("LOT-0412", DONE_ORDER, "closed", 1, 9))]
    records.append(_chemistry(state))
    records.append(_mechanics(state))
    verdicts = [_inspect(state, keep, DONE_ORDER, number, move) for number in range(1, 9)]
    certificate = _certificate(state, customer, keep, move(timedelta(hours=2)), (*records, *verdicts), verdicts)
    shipped = to_rfc3339(move(timedelta(hours=3)))
    state(
        PLANNER,
        "production.shipment",
        {
            "subject": ShipmentSubject("S-0098", DONE_ORDER, customer),
            "statement": ShipmentStatement(shipped, 8, ("LOT-0412",), (), "sea freight"),
        },
    )
    second = move(timedelta(hours=6))
    for promised in (8, 6, 7):
        _order(state, customer, OPEN_ORDER, UNITS, "PO-4500018", second, "released", days=(9, promised))
        move(timedelta(hours=4))
    state(PLANNER, "production.lot", _lot("LOT-0413", OPEN_ORDER, "open", 101, 101 + UNITS))
    for number in range(101, 117):
        _inspect(state, keep, OPEN_ORDER, number, move)
    _forecast(state, customer, move(timedelta(minutes=10)), second)
    _first_article(state, customer)
    _footprint(state, begun)
    assert certificate >= 0


def _contract(state: Author, begun: datetime, customer: str) -> None:
    subject = ContractSubject(CONTRACT, customer)
    terms = ContractStatement(
        version=1,
        purpose="trying out the interface with made-up data",
        products=(PRODUCT,),
        permissions=PERMISSIONS,
        valid_from=to_rfc3339(begun - timedelta(days=1)),
        valid_until=to_rfc3339(begun + timedelta(days=3650)),
        recipient_country="DE",
        classification="general",
        personal_information=True,
        basis="names of people who state records; all of them made up",
    )
    state(PLANNER, "exchange.contract", {"subject": subject, "statement": terms})
    approved: dict[str, Facet] = {"subject": subject, "statement": ContractStepStatement(1, "approved", "made up")}
    state(QUALITY, "exchange.contract_step", approved)
    step: dict[str, Facet] = {
        "subject": subject,
        "statement": ContractStepStatement(1, "accepted"),
        "process": CustomerProcess("sandbox"),
    }
    state(EXCHANGE, "exchange.contract_step", step)


def _order(
    state: Author,
    customer: str,
    order: str,
    quantity: int,
    reference: str,
    at: datetime,
    stage: str,
    days: tuple[int, int],
) -> None:
    due, promised = ((at + timedelta(days=count)).date().isoformat() for count in days)
    statement = OrderStatement(
        product=PRODUCT,
        quantity=quantity,
        customer=customer,
        customer_reference=reference,
        due=due,
        promised=promised,
        line="L1",
        state=stage,  # type: ignore[arg-type]  # one of the two above
    )
    state(PLANNER, "production.order", {"subject": OrderSubject(order), "statement": statement})


def _unit(number: int) -> str:
    return f"U-2611-{number:05d}"


def _lot(lot: str, order: str, stage: str, first: int, end: int) -> dict[str, Facet]:
    statement = LotOfUnitsStatement(
        product=PRODUCT,
        order=order,
        heat=HEAT,
        units=tuple(_unit(number) for number in range(first, end)),
        state=stage,  # type: ignore[arg-type]  # open or closed
    )
    return {"subject": LotOfUnitsSubject(lot), "statement": statement}


def _chemistry(state: Author) -> int:
    values = tuple(
        Characteristic("chemistry", name, value, "%", None, upper, "GB/T 4336")
        for name, value, upper in (("C", "0.16", "0.20"), ("Si", "0.22", "0.55"), ("Mn", "1.31", "1.60"))
    )
    subject = ResultSubject(product=PRODUCT, lot="LOT-0412", heat=HEAT)
    return state(
        QUALITY, "production.result", {"subject": subject, "statement": ResultStatement(values, True, "Lab 1")}
    )


def _mechanics(state: Author) -> int:
    values = (
        Characteristic("mechanical", "Rm", "512", "MPa", "470", "630", "ISO 6892-1"),
        Characteristic("mechanical", "ReH", "371", "MPa", "355", None, "ISO 6892-1"),
    )
    subject = ResultSubject(product=PRODUCT, lot="LOT-0412", heat=HEAT)
    return state(
        QUALITY, "production.result", {"subject": subject, "statement": ResultStatement(values, True, "Lab 1")}
    )


def _inspect(
    state: Author, keep: Callable[[bytes], str], order: str, number: int, move: Callable[[timedelta], datetime]
) -> int:
    move(timedelta(minutes=4))
    bad = number % 100 == 11
    unit = _unit(number)
    state(
        STATION,
        "production.genealogy",
        {
            "subject": UnitSubject(unit, PRODUCT, order),
            "statement": GenealogyStatement((Component("heat", HEAT, supplier="Example Steel"),), "L1-ST10"),
        },
    )
    return state(
        STATION,
        "inspection.verdict",
        {
            "subject": InspectionSubject(station="L1-ST10", unit=unit, product=PRODUCT, order=order),
            "statement": InspectionStatement(verdict=Verdict.NOK if bad else Verdict.OK),
            "measurement": InspectionMeasurement(score=2.31 if bad else 0.6 + 0.02 * (number % 17), threshold=1.85),
            "process": InspectionProcess(
                boot_epoch=1, sequence=number, trigger=number, deadline_ms=300.0, latency_ms=58.0
            ),
            "inputs": InspectionInputs(image_sha256=keep(plate(number, scratched=bad)), module_sha256="ab" * 32),
        },
    )


def _forecast(state: Author, customer: str, at: datetime, second: datetime) -> None:
    done = second + timedelta(days=6)
    quantiles = tuple(
        Quantile(probability, to_rfc3339(done + timedelta(hours=hours)))
        for probability, hours in ((0.05, -30), (0.25, -10), (0.5, 0), (0.75, 9), (0.95, 26))
    )
    statement = ForecastStatement(quantiles, UNITS - 15, (second + timedelta(days=7)).date().isoformat(), 0.94)
    state(
        SERVER,
        "production.forecast",
        {
            "subject": ForecastSubject(OPEN_ORDER, "L1", PRODUCT, customer),
            "statement": statement,
            "process": ForecastProcess("sandbox", 2000, 1, "cd" * 32),
        },
    )
    assert at >= second


def _first_article(state: Author, customer: str) -> None:
    state(
        QUALITY,
        "exchange.message",
        {
            "subject": MessageSubject("T-0001", customer, PRODUCT, OPEN_ORDER),
            "statement": MessageStatement(
                "first_article_submitted", "Unit U-2611-00101 is submitted as the first article.", units=(_unit(101),)
            ),
            "inputs": MessageInputs(),
        },
    )


def _footprint(state: Author, begun: datetime) -> None:
    subject = FootprintSubject(PRODUCT, to_rfc3339(begun - timedelta(days=365)), to_rfc3339(begun))
    statement = FootprintStatement(
        "1.83562",
        primary_data_share_percent="79.5",
        energy_kwh_per_unit="0.7",
        grid_kg_co2e_per_kwh="0.5366",
        grid_factor_source="Invented grid factor",
        grid_factor_version="1",
        material_kg_co2e_per_unit="1.46",
        material_primary=True,
        mass_kg_per_unit="0.82",
        fossil_carbon_content_kg_per_unit="0.004",
        exempted_emissions_percent="0",
        biogenic_uptake_kg_co2e_per_unit="0",
        methods=("ISO 14067",),
        characterization=("AR6",),
    )
    state(QUALITY, "exchange.footprint", {"subject": subject, "statement": statement})


def _certificate(
    state: Author,
    customer: str,
    keep: Callable[[bytes], str],
    at: datetime,
    records: tuple[int, ...],
    verdicts: list[int],
) -> int:
    document = metals_document(_content(at.date(), records, verdicts))
    raw = write_metals(document)
    try:
        pdf: str | None = keep(certificate_pdf(document, digest(raw)))
    except PrintingMissingError:
        pdf = None  # the typesetter is an extra
    return state(
        QUALITY,
        "production.certificate",
        {
            "subject": CertificateSubject("MC-2026-0412", customer, PRODUCT, DONE_ORDER, "LOT-0412", HEAT),
            "statement": CertificateStatement("3.1", keep(raw), pdf),
            "inputs": CertificateInputs(records),
        },
    )


def _content(today: date, records: tuple[int, ...], verdicts: list[int]) -> Certificate:
    def value(symbol: str, unit: str, result: str, minimum: str | None, maximum: str | None) -> MeasuredValue:
        return MeasuredValue(symbol=symbol, unit=unit, values=(result,), minimum=minimum, maximum=maximum)

    return Certificate(
        number="MC-2026-0412",
        issued_on=today,
        validated_on=today,
        manufacturer=CertificateParty(
            name="Example Castings Co., Ltd.",
            street=("1 Foundry Road",),
            postal_code="350000",
            city="Fuzhou",
            country="CN",
            email="quality@castings.example",
        ),
        customer=CertificateParty(
            name="Example Machines GmbH",
            street=("Musterstr. 1",),
            postal_code="70173",
            city="Stuttgart",
            country="DE",
            email="incoming@machines.example",
        ),
        order=CertificateOrder(order="PO-4500017", delivery="S-0098", quantity="8", quantity_unit="pcs"),
        product=CertifiedProduct(
            name="Bracket 7", lot="LOT-0412", standards=("EN 10025-2:2019",), material="S355JR", quantity="8"
        ),
        heat=Heat(
            number=HEAT,
            elements=(
                value("C", "%", "0.16", None, "0.20"),
                value("Si", "%", "0.22", None, "0.55"),
                value("Mn", "%", "1.31", None, "1.60"),
            ),
        ),
        mechanical=(value("Rm", "MPa", "512", "470", "630"), value("ReH", "MPa", "371", "355", None)),
        inspections=(
            InspectionSummary(
                name="Visual inspection",
                units=8,
                conforming=8,
                rejected=0,
                stations=("L1-ST10",),
                records=tuple(verdicts),
            ),
        ),
        validators=(CertificateValidator(name="Zhao Min", role="Quality engineer"),),
        log_origin="sandbox",
        records=records,
    )
