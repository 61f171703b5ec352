"""The exchange as a process beside a plant: served, revoked, killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.exchange._rig import CONTRACT, Client, Rig, environment, running, submodel_path
from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.up import plant_specs
from tests.apps.conftest import gaugeblock

SUBMODEL = submodel_path(7)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("exchange") / "plant") as made:
        sha256 = made.share(environment(20))
        made.order("WO-1")
        made.order("WO-2", "beta")
        made.contract(documents=(sha256,))
        yield made


def ask(rig: Rig, path: str, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(rig.url + path, headers=headers, timeout=30, trust_env=False)


def soon(rig: Rig, path: str, key: str, status: int) -> httpx.Response:
    """Until the view has moved."""
    end = time.monotonic() + 15
    while True:
        answer = ask(rig, path, key)
        if answer.status_code == status or time.monotonic() > end:
            return answer
        time.sleep(0.1)


def entries(rig: Rig) -> dict[str, tuple[str, dict[str, Any]]]:
    """All recorded answers by request: identity of the record, and the entry."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for _, identity, facets in rig.transfers():
        for entry in facets["statement"]["entries"]:
            assert entry["request"] not in found, "an answer is recorded twice"
            found[entry["request"]] = identity, entry
    return found


def test_an_answer_and_its_record(rig: Rig) -> None:
    key = rig.issue_key()
    answer = soon(rig, SUBMODEL, key, 200)
    assert answer.json()["id"] == "urn:example:submodel:00007"
    identity, entry = entries(rig)[answer.headers["x-request-id"]]
    assert answer.headers["gaugeblock-transfer"] == identity
    assert (entry["status"], entry["size_bytes"]) == (200, len(answer.content))
    assert entry["resource"] == SUBMODEL
    assert entry["derived_from"]


def test_a_customer_sees_their_own_orders(rig: Rig) -> None:
    mine, other = rig.issue_key("acme"), rig.issue_key("beta")
    answer = soon(rig, "/api/v1/orders/WO-1", mine, 200)
    assert answer.status_code == 200
    foreign, absent = ask(rig, "/api/v1/orders/WO-2", mine), ask(rig, "/api/v1/orders/WO-9", mine)
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.text.replace("WO-2", "WO-9") == absent.text
    assert ask(rig, "/api/v1/orders/WO-2", other).status_code == 404  # no contract


def test_the_command_line_issues_and_revokes_at_once(rig: Rig) -> None:
    said = gaugeblock("customer", "key", "create", "acme", "--name", "cli", "--plant", rig.file)
    assert said.returncode == 0, said.stderr
    key = next(word for word in (said.stdout + said.stderr).split() if word.startswith("gbk_"))
    assert soon(rig, SUBMODEL, key, 200).status_code == 200
    listed = gaugeblock("customer", "key", "list", "acme", "--plant", rig.file)
    identifier = key.split("_")[1]
    assert identifier in listed.stdout
    assert key not in listed.stdout
    client = Client(rig, key)
    time.sleep(0.5)
    revoked = gaugeblock("customer", "key", "revoke", identifier, "--plant", rig.file)
    acknowledged_s = time.monotonic()
    assert revoked.returncode == 0, revoked.stderr
    seen = client.end(1.5)
    late = [one for one in seen.answers if one.begun_s > acknowledged_s and one.status == 200]
    assert late == []
    assert seen.statuses.get(401, 0) > 0
    assert seen.statuses.get(200, 0) > 0


def test_no_answer_begins_after_a_revocation_is_acknowledged(rig: Rig) -> None:
    """The contract is revoked under load; then another version is accepted, and the customer is served again."""
    key = rig.issue_key()
    assert soon(rig, SUBMODEL, key, 200).status_code == 200
    client = Client(rig, key)
    time.sleep(1.0)
    index = rig.revoke(CONTRACT)
    acknowledged_s = time.monotonic()
    seen = client.end(1.5)
    served = [one for one in seen.answers if one.status == 200]
    assert served
    assert [one for one in served if one.begun_s > acknowledged_s] == []
    recorded = entries(rig)
    assert all(one.request in recorded for one in served)
    # In the log no transfer under the contract stands behind its end.
    for position, _, facets in rig.transfers():
        if facets["subject"].get("contract") == CONTRACT:
            assert position < index
    sha256 = rig.share(environment(20), "again.json")
    rig.contract(version=2, documents=(sha256,))
    assert soon(rig, SUBMODEL, key, 200).status_code == 200


def test_a_killed_exchange_leaves_no_answer_unrecorded(rig: Rig) -> None:
    key = rig.issue_key()
    assert soon(rig, SUBMODEL, key, 200).status_code == 200
    client = Client(rig, key)
    time.sleep(1.0)
    rig.kill("exchange")
    rig.start("exchange")
    seen = client.end(1.5)
    recorded = entries(rig)
    served = [one for one in seen.answers if one.status == 200]
    assert seen.errors > 0
    assert {one.transfer.split("/")[0] for one in served} > {served[0].transfer.split("/")[0]}, "no two epochs"
    assert [one for one in served if recorded.get(one.request, ("",))[0] != one.transfer] == []


def test_a_killed_plant_costs_answers_and_nothing_else(rig: Rig) -> None:
    key = rig.issue_key()
    assert soon(rig, SUBMODEL, key, 200).status_code == 200
    client = Client(rig, key)
    time.sleep(1.0)
    rig.kill("plant")
    time.sleep(0.5)
    rig.start("plant")
    seen = client.end(1.5)
    assert set(seen.statuses) <= {200, 503}
    recorded = entries(rig)
    served = [one for one in seen.answers if one.status == 200]
    assert [one for one in served if recorded.get(one.request, ("",))[0] != one.transfer] == []


def test_it_stops_in_order_and_answers_what_was_asked(rig: Rig) -> None:
    key = rig.issue_key()
    assert soon(rig, SUBMODEL, key, 200).status_code == 200
    process = rig.processes.pop("exchange")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    rig.start("exchange")
    assert soon(rig, SUBMODEL, key, 200).status_code == 200


def test_the_supervisor_starts_it_where_it_is_configured(rig: Rig, tmp_path: Path) -> None:
    assert [spec.name for spec in plant_specs(load_installation(rig.file))] == ["plant", "exchange"]
    other = tmp_path / "plant.toml"
    other.write_text(rig.file.read_text().split("[exchange]")[0])
    assert [spec.name for spec in plant_specs(load_installation(other))] == ["plant"]
