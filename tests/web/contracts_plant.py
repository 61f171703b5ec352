"""A sample plant with customers, orders, contracts in several states, and transfers."""

from __future__ import annotations

from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    CustomerProcess,
    Permission,
    TransferEntry,
    TransferStatement,
    TransferSubject,
)
from gaugeblock.plant.production_facets import OrderStatement, OrderSubject
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.settings import Customer, Enterprise, Exchange, PlantSettings, Review
from tests.web.conftest import SamplePlant

OWNER = PlantSettings(
    enterprise=Enterprise(name="示例工厂", name_en="Example Works"),
    review=Review(second_opinion_share=0.0),
    exchange=Exchange(),
    customers=[
        Customer(id="acme", name="阿克米机械", name_en="Acme Machines", country="DE"),
        Customer(id="beta", name="贝塔汽车", name_en="Beta Motors", country="FR"),
    ],
)
PERMISSIONS = (
    Permission("production.order", ("subject", "statement")),
    Permission("inspection.verdict", ("subject", "statement", "measurement"), ("measurement.score",), images=True),
)


def terms(version: int = 1, **more: object) -> ContractStatement:
    values: dict[str, object] = {
        "purpose": "incoming goods inspection",
        "permissions": PERMISSIONS,
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2036-01-01T00:00:00Z",
        "recipient_country": "DE",
        "classification": "general",
        **more,
    }
    return ContractStatement(version=version, **values)  # type: ignore[arg-type]


def accept(sample: SamplePlant, contract: str, customer: str, version: int = 1) -> int:
    """As the exchange states it for the customer."""
    return sample.plant.statements.state(
        "exchange:main",
        "exchange.contract_step",
        f"{contract}/{version}/accepted",
        {
            "subject": ContractSubject(contract, customer),
            "statement": ContractStepStatement(version=version, step="accepted"),
            "process": CustomerProcess(credential="abcdefghijklmnop", request="r-1"),
        },
    )


def transfer(sample: SamplePlant, number: int, contract: str | None = "C-2026-1", count: int = 3) -> int:
    """Answers of some milliseconds."""
    entries = tuple(
        TransferEntry(
            request=f"r-{number}-{at}",
            at=f"2026-11-{10 + number:02d}T08:00:00.{at:06d}Z",
            credential="abcdefghijklmnop",
            method="GET",
            resource=f"/api/v1/orders/WO-{1040 + at}",
            status=200 if at else 404,
            sha256=f"{number * 100 + at:064x}",
            size_bytes=1200 * at,
            log_size=40,
            derived_from=((3, 5), (9, 9)),
        )
        for at in range(count)
    )
    return sample.plant.statements.state(
        "exchange:main",
        "exchange.transfer",
        f"1/{number}",
        {
            "subject": TransferSubject("acme", contract, 1 if contract else None),
            "statement": TransferStatement(entries),
        },
    )


def contracts_plant() -> tuple[SamplePlant, dict[str, str]]:
    """The plant, and the pages by name."""
    sample = SamplePlant(OWNER)
    desk = sample.plant.services.exchange
    for order, customer in (("WO-1042", "acme"), ("WO-1043", "beta")):
        sample.plant.statements.state(
            "person:quality",
            "production.order",
            order,
            {
                "subject": OrderSubject(order),
                "statement": OrderStatement("bracket-7", 200, customer, due="2026-12-01", promised="2026-12-03"),
            },
        )
    for verdict in (Verdict.OK, Verdict.NOK, Verdict.OK):
        sample.inspect(verdict, None)
    desk.contracts.draft("person:quality", "C-2026-1", "acme", terms(), "token0001")
    accept(sample, "C-2026-1", "acme")
    second = terms(2, classification="important", basis="Assessment 2026-17", personal_information=True)
    desk.contracts.draft("person:quality", "C-2026-1", "acme", second, "token0002")
    desk.contracts.draft("person:quality", "C-2026-2", "beta", terms(recipient_country="FR"), "token0003")
    desk.contracts.draft("person:quality", "C-2025-9", "beta", terms(recipient_country="FR"), "token0004")
    desk.contracts.revoke("person:quality", "C-2025-9", 1, "The project has ended.")
    assert desk.credentials is not None
    desk.credentials.issue_key("acme", "ERP")
    desk.credentials.issue_key("acme", "trial", test=True, days=30)
    first, *_ = [transfer(sample, number) for number in range(3)]
    transfer(sample, 3, None, 1)
    sample.log.sign_checkpoint()
    return sample, {
        "customers": "/customers",
        "customer": "/customers/acme",
        "contracts": "/contracts",
        "contract": "/contracts/C-2026-1",
        "new": "/contracts/new?typical=true&customer=acme",
        "version": "/contracts/new?contract=C-2026-1",
        "transfers": "/transfers",
        "transfer": f"/transfers/{first}",
    }
