"""The demo's overseas customer: a contract in force, a key, a person who may sign in, and the material of its order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from gaugeblock.apps.customers import opened
from gaugeblock.apps.layout import Installation
from gaugeblock.apps.opening import append_one, bind_key, new_password, open_log, state_at, usable_key
from gaugeblock.exchange.credentials import SCOPES
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    FootprintStatement,
    FootprintSubject,
    Permission,
)
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.production_facets import (
    Characteristic,
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    ResultStatement,
    ResultSubject,
)
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.log import Log

CUSTOMER, CONTRACT, PERSON = "ACME", "K-2026-001", "quality@acme.example"
SALES = "person:sales"
LOT, HEAT = "LOT-1001", "H-4711"
KEY_NAME = "demo"
VALID_DAYS = 365
WHOLE = ("subject", "statement", "measurement")

PERMISSIONS = (
    Permission("production.order", ("subject", "statement")),
    Permission("production.forecast", ("subject", "statement")),
    Permission("production.lot", ("subject", "statement")),
    Permission("production.result", ("subject", "statement")),
    Permission("production.genealogy", ("subject", "statement")),
    Permission("production.shipment", ("subject", "statement")),
    Permission("production.certificate", ("subject", "statement")),
    Permission("inspection.verdict", WHOLE, images=True),
    Permission("exchange.footprint", ("subject", "statement")),
)
"""What the customer may see. How the answer was made, and with which model, stays in."""

RESULTS: tuple[tuple[ResultSubject, ResultStatement], ...] = (
    (
        ResultSubject(heat=HEAT),
        ResultStatement(
            (
                Characteristic("chemistry", "C", "0.17", "%", upper="0.20"),
                Characteristic("chemistry", "Mn", "1.32", "%", upper="1.60"),
                Characteristic("chemistry", "P", "0.012", "%", upper="0.025"),
                Characteristic("chemistry", "S", "0.006", "%", upper="0.020"),
            ),
            conforms=True,
            laboratory="演示化验室 · demo laboratory",
        ),
    ),
    (
        ResultSubject(lot=LOT, heat=HEAT),
        ResultStatement(
            (
                Characteristic("mechanical", "ReH", "372", "MPa", lower="355", method="ISO 6892-1"),
                Characteristic("mechanical", "Rm", "521", "MPa", lower="470", upper="630", method="ISO 6892-1"),
                Characteristic("mechanical", "A", "27", "%", lower="22", method="ISO 6892-1"),
            ),
            conforms=True,
            laboratory="演示化验室 · demo laboratory",
        ),
    ),
)


FOOTPRINT = (
    FootprintSubject("P100", "2025-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    FootprintStatement(
        "5.06588",
        primary_data_share_percent="80.9",
        energy_kwh_per_unit="1.8",
        grid_kg_co2e_per_kwh="0.5366",
        mass_kg_per_unit="2.35",
        methods=("ISO 14067",),
        material_kg_co2e_per_unit="4.1",
        material_primary=True,
        grid_factor_source="演示电网因子 · demo grid factor",
        grid_factor_version="1",
        fossil_carbon_content_kg_per_unit="0.0106",
        exempted_emissions_percent="0",
        biogenic_uptake_kg_co2e_per_unit="0",
        characterization=("AR6",),
    ),
)
"""Invented, as all of the demo is: 1.8 kWh × 0.5366 kg/kWh + 4.1 kg."""


@dataclass(frozen=True)
class DemoCustomer:
    """What the person at the demo is told once."""

    url: str
    key: str
    test_key: str
    user: str
    password: str


def register_demo_customer(installation: Installation, order: str, product: str) -> DemoCustomer:
    """Contract, acceptance by the customer's own key, material results, credentials; the plant process must not run.

    Doing it again states nothing twice, and gives fresh credentials.

    Raises
    ------
    LogLockedError
    """
    with open_log(installation) as log:
        server, begin = Keyring(installation.keys).load(SERVER), datetime.now(UTC)
        keys: dict[str, SigningKey] = {SERVER: server}
        for entity in (SALES, f"customer:{CUSTOMER}"):
            keys[entity] = usable_key(log, Keyring(installation.keys), entity)
            bind_key(log, server, entity, keys[entity])
        subject = ContractSubject(CONTRACT, CUSTOMER)
        terms = ContractStatement(
            version=1,
            purpose="验收与进度查询 · acceptance and progress of orders",
            permissions=PERMISSIONS,
            valid_from=to_rfc3339(begin - timedelta(minutes=5)),
            valid_until=to_rfc3339(begin + timedelta(days=VALID_DAYS)),
            recipient_country="DE",
            products=(product,),
            classification="general",
            basis="演示数据，一般数据 · demo data, general",
        )
        _once(log, keys, SALES, "exchange.contract", "demo/contract/1", {"subject": subject, "statement": terms})
        accepted = ContractStepStatement(1, "accepted")
        facets: dict[str, Facet] = {"subject": subject, "statement": accepted}
        _once(log, keys, f"customer:{CUSTOMER}", "exchange.contract_step", "demo/contract/1/accepted", facets)
        lot = LotOfUnitsStatement(product, order=order, heat=HEAT)
        _once(log, keys, SERVER, "production.lot", "demo/lot", {"subject": LotOfUnitsSubject(LOT), "statement": lot})
        for number, (of, result) in enumerate(RESULTS):
            named = msgspec.structs.replace(of, product=product, order=order)
            _once(
                log, keys, SERVER, "production.result", f"demo/result/{number}", {"subject": named, "statement": result}
            )
        footprint: dict[str, Facet] = {"subject": FOOTPRINT[0], "statement": FOOTPRINT[1]}
        _once(log, keys, SERVER, "exchange.footprint", "demo/footprint", footprint)
        log.sign_checkpoint()
    with opened(installation.file) as at:
        for row in at.desk.list(CUSTOMER):
            if row.name == KEY_NAME and row.revoked_at is None:
                at.desk.revoke(row.id)
        key, _ = at.desk.issue_key(CUSTOMER, KEY_NAME, SCOPES)
        test_key, _ = at.desk.issue_key(CUSTOMER, KEY_NAME, SCOPES, test=True)
        password = new_password()
        if PERSON in [user.name for user in at.users.list(CUSTOMER)]:
            at.users.remove(CUSTOMER, PERSON)
        at.users.create(CUSTOMER, PERSON, password)
        return DemoCustomer(at.url, key, test_key, PERSON, password)


def _once(
    log: Log,
    keys: Mapping[str, SigningKey],
    author: str,
    record_type: str,
    identity: str,
    facets: Mapping[str, Facet],
) -> None:
    if log.find(author, identity) is not None:
        return

    def draft(stated_at: str, clock: ClockState) -> Draft:
        return Draft(
            record_type=record_type,
            version=LATEST[record_type],
            author=author,
            identity=identity,
            log=log.origin,
            stated_at=stated_at,
            observed_at=stated_at,
            clock=clock,
            facets=facets,
        )

    append_one(log, state_at(draft, keys[author]))


@dataclass(frozen=True)
class CustomerSaw:
    """What the customer got, asking as its own program would."""

    orders: int
    inspections: int
    verified: bool
    seconds: float


def ask_as_customer(customer: DemoCustomer, log_key: str, timeout_s: float = 20.0) -> CustomerSaw | None:
    """Orders, the newest inspection, its evidence, verified with the log's key; ``None`` where nothing came in time."""
    begun_s = time.monotonic()
    headers = {"Authorization": f"Bearer {customer.key}"}
    with httpx.Client(base_url=customer.url, headers=headers, timeout=5.0, trust_env=False) as client:
        while time.monotonic() < begun_s + timeout_s:
            try:
                orders = client.get("/api/v1/orders")
                inspections = client.get("/api/v1/inspections", params={"limit": 10})
                if orders.status_code == inspections.status_code == 200 and inspections.json()["inspections"]:
                    newest = inspections.json()["inspections"]
                    evidence = client.get(f"/api/v1/records/{newest[0]['record_index']}/evidence")
                    if evidence.status_code == 200:
                        return CustomerSaw(
                            len(orders.json()["orders"]),
                            len(newest),
                            verify_evidence(evidence.content, log_key).ok,
                            time.monotonic() - begun_s,
                        )
            except httpx.HTTPError:
                pass
            time.sleep(0.3)
    return None
