"""The contract desk over a real log and database: drafts, approval by a second person, revocation, preview."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from gaugeblock.exchange.contract_desk import ContractDesk
from gaugeblock.exchange.contract_errors import (
    ContractChangedError,
    ContractCustomerError,
    ContractForeignOrderError,
    ContractFourEyesError,
    ContractMissingError,
    ContractNumberError,
    ContractReasonError,
    ContractStepError,
)
from gaugeblock.plant.exchange_facets import ContractStatement, Permission
from gaugeblock.plant.settings import Customer
from tests.exchange.exchange_plant import APPROVER, DRAFTER, ORDERS, VERDICTS, ExchangePlant

CUSTOMERS = [Customer(id="acme", name="阿克米", country="DE"), Customer(id="beta", name="贝塔", country="FR")]
TERMS = ContractStatement(
    version=1,
    purpose="incoming goods",
    permissions=(ORDERS, VERDICTS),
    valid_from="2026-01-01T00:00:00Z",
    valid_until="2027-01-01T00:00:00Z",
    recipient_country="DE",
    classification="general",
)


@pytest.fixture
def plant() -> Iterator[ExchangePlant]:
    made = ExchangePlant()
    yield made
    made.close()


@pytest.fixture
def desk(plant: ExchangePlant) -> ContractDesk:
    return ContractDesk(plant, plant.database, plant.clock, CUSTOMERS)


def _with(**values: object) -> ContractStatement:
    return msgspec.structs.replace(TERMS, **values)


def test_a_version_is_drafted_once_and_the_next_follows_it(plant: ExchangePlant, desk: ContractDesk) -> None:
    first = desk.draft(DRAFTER, "C-1", "acme", TERMS, "token1")
    assert desk.draft(DRAFTER, "C-1", "acme", TERMS, "token1") == first, "sent twice"
    assert desk.contract("C-1").latest.stage == "offered"
    with pytest.raises(ContractChangedError):
        desk.draft(APPROVER, "C-1", "acme", _with(purpose="other"), "token2")
    desk.draft(APPROVER, "C-1", "acme", _with(version=2), "token3")
    assert [state.statement.version for state in desk.contract("C-1").versions] == [1, 2]
    with pytest.raises(ContractNumberError):
        desk.draft(DRAFTER, "C-1", "beta", _with(version=3), "token4")
    with pytest.raises(ContractNumberError):
        desk.draft(DRAFTER, "C 1/2", "acme", TERMS, "token5")
    with pytest.raises(ContractCustomerError):
        desk.draft(DRAFTER, "C-2", "gamma", TERMS, "token6")
    with pytest.raises(ContractMissingError):
        desk.contract("C-9")


def test_orders_of_others_cannot_be_named(plant: ExchangePlant, desk: ContractDesk) -> None:
    plant.order("B1", "beta")
    plant.lot("LB", "B1")
    plant.order("S1", None)
    for names in ({"orders": ("B1",)}, {"lots": ("LB",)}):
        with pytest.raises(ContractForeignOrderError):
            desk.draft(DRAFTER, "C-1", "acme", _with(**names), "token1")
    desk.draft(DRAFTER, "C-1", "acme", _with(orders=("S1",)), "token1")


def test_what_needs_an_approval_waits_for_another_person(plant: ExchangePlant, desk: ContractDesk) -> None:
    desk.draft(DRAFTER, "C-1", "acme", _with(classification="unclassified"), "token1")
    assert desk.contract("C-1").latest.stage == "awaiting_approval"
    with pytest.raises(ContractFourEyesError):
        desk.approve(DRAFTER, "C-1", 1, "it is fine")
    with pytest.raises(ContractReasonError):
        desk.approve(APPROVER, "C-1", 1, "  ")
    assert plant.view().contracts() == ()
    desk.approve(APPROVER, "C-1", 1, "general data after all")
    assert [known.state for known in plant.view().contracts()] == ["offered"]
    with pytest.raises(ContractStepError):
        desk.approve(APPROVER, "C-1", 1, "again")


def test_revocation_takes_a_reason_and_ends_what_is_in_force(plant: ExchangePlant, desk: ContractDesk) -> None:
    plant.order("A1", "acme")
    desk.draft(DRAFTER, "C-1", "acme", TERMS, "token1")
    plant.step("accepted")
    assert desk.in_force("acme") is not None
    assert plant.view().order("A1") is not None
    with pytest.raises(ContractReasonError):
        desk.revoke(APPROVER, "C-1", 1, "")
    desk.revoke(APPROVER, "C-1", 1, "the project has ended")
    assert desk.in_force("acme") is None
    assert plant.view().order("A1") is None
    with pytest.raises(ContractStepError):
        desk.revoke(APPROVER, "C-1", 1, "once more")
    desk.draft(DRAFTER, "C-1", "acme", _with(version=2), "token2")
    plant.step("accepted", version=2)
    assert plant.view().order("A1") is not None


def test_the_preview_is_what_the_customer_then_sees(plant: ExchangePlant, desk: ContractDesk) -> None:
    plant.order("A1", "acme")
    plant.order("B1", "beta")
    for number in range(3):
        plant.inspect("A1", f"U{number}", image="cd" * 32)
    plant.inspect("B1", "U9")
    scored = Permission("inspection.verdict", ("subject", "statement", "measurement"), ("measurement.score",), True)
    statement = _with(permissions=(ORDERS, scored))
    before = plant.log.size
    preview = desk.preview("acme", statement)
    assert plant.log.size == before, "a preview states nothing"
    told = {seen.record_type: seen for seen in preview.types}
    assert (preview.orders, preview.capped) == (1, False)
    assert (told["production.order"].count, told["inspection.verdict"].count) == (1, 3)
    assert told["inspection.verdict"].images == 3
    desk.draft(DRAFTER, "C-1", "acme", statement, "token1")
    plant.step("accepted")
    view = plant.view()
    sample = told["inspection.verdict"].sample
    assert sample is not None
    assert view.record(sample.record_index) == sample
    assert sample.facets["measurement"] == {"score": 0.5}
    assert len(view.records().items) == sum(seen.count for seen in preview.types)
