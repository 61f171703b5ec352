"""The demo's line: a model that can be read, orders in the log once, and a process whose events are its own records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gaugeblock.apps.demo_line import demo_orders, register_demo_orders, write_demo_model
from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.line_models import line_models
from gaugeblock.apps.opening import open_log
from gaugeblock.ledger.record import open_facets, verify_signature
from gaugeblock.plant.record_types import read_facet
from gaugeblock.production.line_model import LineModel, zero_of
from gaugeblock.production.line_state import LineFold
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.projections import open_record
from gaugeblock.virtual.production import demo_production
from gaugeblock.virtual.production_model import model_of
from tests.virtual.test_virtual_line_app import PlantStandIn, Process

PLANT = """
[enterprise]
name = "x"
[server]
log_origin = "plant.example/log"
[[sites]]
id = "S1"
timezone = "Asia/Shanghai"
[[lines]]
id = "L1"
site = "S1"
shifts = ["08:00", "20:00"]
model = "line.toml"
"""


def test_the_model_is_read_and_orders_are_stated_once(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(PLANT, "utf-8")
    write_demo_model(tmp_path / "line.toml", demo_production(), "机加工一线", "P100")
    installation = load_installation(tmp_path / "plant.toml")
    (model,) = line_models(installation)
    assert model.line == model_of(demo_production(), "机加工一线", "P100", 0.14)
    assert model.zero == zero_of("Asia/Shanghai", "08:00")
    for _ in range(2):
        register_demo_orders(installation, "L1", "P100", 1.0)
    with open_log(installation) as log:
        stated = [open_record(stored) for stored in log.records(0, log.size)]
    orders = [record.facets["subject"].order for record in stated if record.record_type == "production.order"]  # type: ignore[attr-defined]
    assert orders == list(demo_orders())


@pytest.fixture
def plant() -> Any:
    stand_in = PlantStandIn()
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()


def test_the_process_states_its_events_by_an_author_of_their_own(tmp_path: Path, plant: PlantStandIn) -> None:
    keyring = Keyring(tmp_path / "keys")
    keyring.create("virtual:truth")
    key = keyring.create("virtual:line")
    production = json.loads(msgspec.json.encode(demo_production("L1-ST10", cycle_s=0.02)))
    with Process(tmp_path, plant_url=plant.url, keys="keys", units=30, production=production) as line:
        line.wait_event("ready")
        assert line.wait_end() == 0, line.events
    events: list[dict[str, Any]] = []
    for sent in plant.records:
        payload = verify_signature(sent["jws"].encode(), key.public) if _author(sent) == "virtual:line" else None
        if payload is not None:
            facets = open_facets(payload, sent["disclosures"])
            events.append({n: read_facet("production.events", 1, n, v) for n, v in facets.items()})
    assert events
    model = LineModel("L1", model_of(demo_production("L1-ST10", cycle_s=0.02), "L1", "P100", 0.1))
    fold = LineFold(model)
    for said in events:
        fold.batch(said["subject"].source, said["statement"])
    assert not fold.oddities
    began = {c.unit for c in fold.completions} | set(fold.units)
    # 30 units were inspected, each by its number, and the truth about each came by its own author.
    assert {f"P100-{number:06d}" for number in range(1, 31)} <= began
    assert sum(_author(sent) == "virtual:truth" for sent in plant.records) == 30


def _author(sent: dict[str, Any]) -> str:
    from gaugeblock.ledger.record import parse

    return parse(sent["jws"].encode()).author
