"""A sample plant with orders in several states, their lots and results, and conversations with customers."""

from __future__ import annotations

from gaugeblock.plant.exchange_facets import CustomerProcess, MessageInputs, MessageStatement, MessageSubject
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
from gaugeblock.plant.settings import Customer, Enterprise, PlantSettings, Review
from tests.web.conftest import SamplePlant

OWNER = PlantSettings(
    enterprise=Enterprise(name="示例工厂", name_en="Example Works"),
    review=Review(second_opinion_share=0.0),
    customers=[
        Customer(id="acme", name="Acme GmbH", country="DE"),
        Customer(id="nordic", name="Nordic AB", country="SE"),
    ],
)
PERSON = "person:quality"
IMPORT = "订单号,产品,数量,客户,要求交期\nWO-2001,bracket-7,40,acme,2026/12/24\nWO-2002,bracket-8,1000,,\n"
FAULTY = "order,product,quantity,customer\nWO-3001,bracket-7,many,acme\nWO-3002,bracket-7,4,nobody\n"


def say(sample: SamplePlant, thread: str, kind: str, customer: str = "acme", **more: object) -> int:
    """A customer's message, as the exchange states it."""
    facets = {
        "subject": MessageSubject(thread, customer, order="WO-1042", lot=None),
        "statement": MessageStatement(kind, **more),  # type: ignore[arg-type]
        "process": CustomerProcess("gbk_1", "r1"),
        "inputs": MessageInputs(),
    }
    identity = f"m{sample.log.size}"
    return sample.plant.statements.state("exchange:main", "exchange.message", identity, facets)  # type: ignore[arg-type]


def trading_plant() -> tuple[SamplePlant, dict[str, str]]:
    """The plant, and where its pages are."""
    sample = SamplePlant(OWNER, heartbeat_s=1.0)
    desk = sample.plant.services.production.orders
    order = OrderStatement(
        "bracket-7",
        40,
        "acme",
        "PO 4711/3",
        due="2026-12-24",
        promised="2026-12-20",
        line="L1",
        note="表面不得有划痕。",
    )
    index = desk.open(PERSON, "token01", "WO-1042", order)
    later = OrderStatement("bracket-7", 40, "acme", "PO 4711/3", due="2026-12-24", promised="2026-12-23", line="L1")
    desk.change(PERSON, "token02", "WO-1042", later, index)
    desk.open(PERSON, "token03", "WO-1043", OrderStatement("bracket-8", 500))
    for number in range(11):
        sample.inspect(Verdict.NOK if number == 4 else Verdict.OK, "good", f"U-{number:03d}")
    sample.inspect(Verdict.UNDECIDED, None, None)
    units = tuple(f"U-{number:03d}" for number in range(11))
    desk.lot(PERSON, "token04", "L-2611-1", LotOfUnitsStatement("bracket-7", "WO-1042", "H-7731", 11, units))
    parts = (
        Component("unit", "B-17"),
        Component("lot", "L-2611-1", "2.5", "KGM", "Stahl AG"),
        Component("heat", "H-1"),
    )
    desk.joined(PERSON, "token05", UnitSubject("U-000"), GenealogyStatement(parts, "ST10"))
    desk.joined(PERSON, "token06", UnitSubject("B-17"), GenealogyStatement((Component("unit", "B-18"),)))
    values = (
        Characteristic("chemistry", "C", "0.12", "%", None, "0.20", "ISO 15350"),
        Characteristic("mechanical", "Rm", "512", "MPa", "470", "630", "ISO 6892-1"),
    )
    about = ResultSubject("bracket-7", "WO-1042", "L-2611-1", "H-7731", "U-000")
    desk.result(PERSON, "token07", about, ResultStatement(values, True, "Prüflabor"))
    shipped = ShipmentStatement("2026-12-01T08:00:00Z", 5, ("L-2611-1",), units[:5], "DHL")
    desk.shipment(PERSON, "token08", "S-1", "WO-1042", shipped)
    digest = desk.keep_document(b"{}")
    desk.certificate(
        PERSON, "token09", CertificateSubject("C-1", "acme", None, "WO-1042"), CertificateStatement("3.1", digest)
    )
    quantiles = tuple(Quantile(p, f"2026-12-{d}T00:00:00Z") for p, d in ((0.05, 18), (0.5, 20), (0.95, 23)))
    facets = {
        "subject": ForecastSubject("WO-1042"),
        "statement": ForecastStatement(quantiles, 29, "2026-12-24", 0.97),
        "process": ForecastProcess("twin", 100, 7, "ab" * 32),
    }
    sample.plant.statements.state("server:plant", "production.forecast", "f1", facets)
    desk.take_file(PERSON, IMPORT.encode())
    say(sample, "T-date", "date_requested", date="2026-12-18", text="Could you ship earlier?")
    say(
        sample,
        "T-complaint",
        "complaint_opened",
        text="Scratches on two parts.",
        severity="major",
        units=("U-000", "U-001"),
    )
    for keeper in sample.plant.services.desks.keepers:
        if keeper.name == "complaints":
            keeper.step()
    thread = sample.plant.services.exchange.messages.open(
        PERSON, "token10", "acme", MessageStatement("first_article_submitted", "五件首件，附检测记录。"), "WO-1042"
    )
    return sample, {
        "orders": "/orders?standing=all",
        "orders-none": "/orders?standing=completed",
        "order-new": "/orders/new",
        "order": "/orders/WO-1042",
        "order-stock": "/orders/WO-1043",
        "unit": "/orders/units/U-000",
        "unit-unknown": "/orders/units/U-999",
        "import": "/orders/import",
        "messages": "/messages",
        "messages-customer": "/messages?customer=nordic",
        "thread-date": "/messages/T-date",
        "thread-complaint": "/messages/T-complaint",
        "thread-plant": f"/messages/{thread}",
    }
