"""The official AAS test engines against a real exchange beside a real plant, as a customer limited by a contract.

The contract shares one document, an AAS environment, and permits nothing else: what the suites see is that document,
in its own order, through the gate, every answer recorded.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.exchange._rig import CONTRACT, PERSON, Rig, running
from gaugeblock.plant.exchange_facets import ContractStatement, ContractStepStatement, ContractSubject, Permission
from gaugeblock.plant.times import to_rfc3339
from tests.apps.test_exchange import ask, entries, soon
from tests.web.customer.aas_server import ENVIRONMENT
from tests.web.customer.test_aas_conformance import SHELL, SUBMODEL, _tests_passed

NEEDS_SUITES = pytest.mark.skipif(
    not ENVIRONMENT.is_file(), reason="../shared/conformance/aas/environment_full.json is not there"
)


def encoded(identifier: str) -> str:
    return urlsafe_b64encode(identifier.encode()).decode().rstrip("=")


def contract(rig: Rig, version: int, permissions: tuple[Permission, ...], documents: tuple[str, ...]) -> None:
    """A version with these permissions and documents alone, offered and accepted."""
    now = datetime.now(UTC)
    subject = ContractSubject(CONTRACT, "acme")
    statement = ContractStatement(
        version=version,
        purpose="digital twins",
        permissions=permissions,
        valid_from=to_rfc3339(now - timedelta(days=1)),
        valid_until=to_rfc3339(now + timedelta(days=30)),
        recipient_country="DE",
        documents=documents,
        quota_per_day=1_000_000,
        classification="general",
        basis="contract",
    )
    rig.state(PERSON, "exchange.contract", {"subject": subject, "statement": statement})
    step = ContractStepStatement(version, "accepted")
    rig.state("customer:acme", "exchange.contract_step", {"subject": subject, "statement": step})


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("exchange") / "plant") as made:
        yield made


@pytest.fixture(scope="module")
def limited(rig: Rig) -> str:
    """The key of a customer who may see the published environment and nothing else."""
    shared = rig.share(ENVIRONMENT.read_bytes(), "environment_full.json")
    contract(rig, 1, (), (shared,))
    key = rig.issue_key()
    answer = soon(rig, f"/aas/shells/{encoded(SHELL)}", key, 200)
    assert answer.status_code == 200, answer.text
    return key


@NEEDS_SUITES
@pytest.mark.parametrize(
    ("suite", "base", "prefix", "all_of_them"),
    [
        ("AssetAdministrationShellRepository", "", "", 112),
        ("SubmodelRepository", "", "", 106),
        ("AssetAdministrationShell", f"/services/shells/{encoded(SHELL)}/aas", "/aas", 94),
        ("Submodel", f"/services/submodels/{encoded(SUBMODEL)}/submodel", "/submodel", 76),
    ],
)
def test_every_test_of_the_official_suite_passes(
    rig: Rig,
    limited: str,
    suite: str,
    base: str,
    prefix: str,
    all_of_them: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed, failed, said = _tests_passed(suite, f"{rig.url}/aas{base}", prefix, limited, monkeypatch)
    assert (passed, failed) == (all_of_them, 0), said


@NEEDS_SUITES
def test_each_answer_was_recorded_with_the_document_it_was_derived_from(rig: Rig, limited: str) -> None:
    answer = ask(rig, f"/aas/submodels/{encoded(SUBMODEL)}", limited)
    identity, entry = entries(rig)[answer.headers["x-request-id"]]
    assert answer.headers["gaugeblock-transfer"] == identity
    assert entry["derived_from"]
    assert soon(rig, "/aas/shells", rig.issue_key("beta"), 200).json()["result"] == []


def test_shells_of_records_stand_beside_documents_and_none_stands_in_their_place(rig: Rig) -> None:
    rig.order("WO-1")
    rig.order("WO-2", "beta")
    base = "https://plant.example/exchange-rig/aas/"
    taken = '{{"submodels": [{{"modelType": "Submodel", "id": "{}"}}]}}'
    false = rig.share(taken.format(base + "product/P100/TechnicalData").encode(), "false.json")
    theirs = rig.share(taken.format("urn:example:theirs").encode(), "theirs.json")
    contract(rig, 2, (Permission("production.order", ("subject", "statement")),), (false, theirs))
    key = rig.issue_key()
    shell = soon(rig, f"/aas/shells/{encoded(base + 'product/P100')}", key, 200).json()
    assert shell["assetInformation"]["specificAssetIds"] == [{"name": "productNumber", "value": "P100"}]
    listed = ask(rig, "/aas/submodels", key).json()["result"]
    assert [each["id"] for each in listed] == [base + "product/P100/TechnicalData", "urn:example:theirs"]
    assert listed[0]["semanticId"]["keys"][0]["value"] == "0173-1#01-AHX837#002"
    answer = ask(rig, f"/aas/submodels/{encoded(base + 'product/P100/TechnicalData')}/$value", key)
    assert answer.json()["GeneralInformation"]["ManufacturerName"] == "Example Precision"
    assert entries(rig)[answer.headers["x-request-id"]][1]["derived_from"]
