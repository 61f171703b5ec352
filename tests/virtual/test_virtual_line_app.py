"""The process: starts from a file, serves both ports, hands the truth to the plant, and ends when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import open_facets, verify_signature
from gaugeblock.plant.record_types import ReferenceStatement, Verdict, read_facet
from gaugeblock.stores.keyring import Keyring
from gaugeblock.virtual.config import VirtualLineConfig
from gaugeblock.virtual.line import VirtualLine
from gaugeblock.virtual.link import VirtualPlcLink

WAIT_S = 30.0
LINE = {"seed": 3, "image_size_px": 96, "cycle_time_s": 0.02, "deadline_ms": 15.0, "defect_rate": 0.5}


class PlantStandIn:
    """The plant's address, with answers that a test chooses; keeps what it was sent."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.refusals: list[int] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = stand_in.take(self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path != "/api/v1/records":
            return 404, {}
        if self.refusals:
            return self.refusals.pop(0), {}
        start = len(self.records)
        self.records += body["records"]
        receipts = [{"index": start + i, "leaf_hash": "00", "duplicate": False} for i in range(len(body["records"]))]
        return 200, {"receipts": receipts}


@pytest.fixture
def plant() -> Iterator[PlantStandIn]:
    stand_in = PlantStandIn()
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return Keyring(tmp_path / "keys").create("virtual:truth")


class Process:
    """The line as a child, its standard error read line by line."""

    def __init__(self, folder: Path, **settings: object) -> None:
        file = folder / "line.json"
        file.write_text(json.dumps({"line": LINE, "log_origin": "plant.example/log", **settings}))
        self.child = subprocess.Popen(
            [sys.executable, "-m", "gaugeblock.apps.virtual_line", "--config", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.events: list[dict[str, Any]] = []
        self.strays: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stderr is not None
        for line in self.child.stderr:
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.strays.append(line)

    def wait_event(self, name: str) -> dict[str, Any]:
        until(lambda: any(e["event"] == name for e in self.events) or self.child.poll() is not None)
        self._settle()
        return next(e for e in self.events if e["event"] == name)

    def _settle(self) -> None:
        if self.child.poll() is not None:
            self._reader.join(WAIT_S)

    def wait_end(self) -> int:
        code = self.child.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return code

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self._reader.join(WAIT_S)
        assert not self.strays, "standard error carries JSON lines only"
        for stream in (self.child.stdin, self.child.stderr):
            assert stream is not None
            stream.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


def test_truth_reaches_the_plant_signed_and_right(tmp_path: Path, plant: PlantStandIn, key: SigningKey) -> None:
    plant.refusals = [503, 500]  # the plant is busy, then broken, then well: nothing may be lost
    with Process(tmp_path, plant_url=plant.url, units=12) as line:
        assert line.wait_end() == 0
        stopped = line.wait_event("stopped")
    assert (stopped["truth_accepted"], stopped["truth_not_sent"]) == (12, 0)
    assert stopped["units"] == 12
    assert len(plant.records) == 12
    seeded = VirtualLine(VirtualLineConfig(seed=3, image_size_px=96, defect_rate=0.5))
    identities = set()
    for number, record in enumerate(plant.records, start=1):
        payload = verify_signature(record["jws"].encode(), key.public)
        assert (payload.author, payload.record_type) == ("virtual:truth", "inspection.reference")
        assert payload.log == "plant.example/log"
        facets = open_facets(payload, record["disclosures"])
        assert facets["subject"] == {
            "station": "L1-ST10",
            "unit": f"P100-{number:06d}",
            "product": "P100",
            "order": "A-1001",
            "camera": "L1-CAM10",
        }
        statement = read_facet("inspection.reference", 1, "statement", facets["statement"])
        assert isinstance(statement, ReferenceStatement)
        truth = seeded.prepare(number).truth
        assert statement.condition == truth.condition
        assert set(statement.defects) == {d.kind for d in truth.defects}
        assert payload.observed_at <= payload.stated_at
        identities.add(payload.identity)
    assert len(identities) == 12


def test_refused_requests_do_not_stop_the_rest(tmp_path: Path, plant: PlantStandIn, key: SigningKey) -> None:
    plant.refusals = [400, 400]  # a batch, then its first record by itself; everything after is taken
    with Process(tmp_path, plant_url=plant.url, units=8) as line:
        assert line.wait_end() == 0
        stopped = line.wait_event("stopped")
    # When the first batch held one record only, each refusal cost one.
    assert stopped["truth_refused"] in (1, 2)
    assert stopped["truth_accepted"] == 8 - stopped["truth_refused"] == len(plant.records)
    assert any(e["event"] == "error" and e["code"] == "virtual.truth_refused" for e in line.events)


def test_a_plant_that_stays_away_costs_the_oldest_records_by_name(tmp_path: Path, key: SigningKey) -> None:
    with Process(tmp_path, plant_url="http://127.0.0.1:9", units=10, queue_max=4) as line:
        assert line.wait_end() == 0
        stopped = line.wait_event("stopped")
    assert stopped["units"] == 10
    assert stopped["truth_dropped"] >= 4
    assert stopped["truth_not_sent"] == 10 - stopped["truth_dropped"] <= 5
    assert any(e.get("code") == "virtual.truth_queue_full" for e in line.events)
    assert any(e["event"] == "plant_away" for e in line.events)


def remembered_unit(folder: Path) -> int:
    file = folder / "line-state.json"
    return int(json.loads(file.read_text())["next_unit"]) if file.exists() else 0


@pytest.mark.parametrize("way", ["sigterm", "stdin"])
def test_it_ends_when_told_and_goes_on_with_new_serials(tmp_path: Path, way: str) -> None:
    serials: list[int] = []
    for _ in range(2):
        with Process(tmp_path, state="line-state.json") as line:
            ready = line.wait_event("ready")
            link = VirtualPlcLink("127.0.0.1", ready["plc_port"])
            trigger = None
            while trigger is None:
                trigger = link.wait_trigger(5.0)
            link.answer(trigger.number, Verdict.NOK)
            assert trigger.unit is not None
            serial = int(trigger.unit.removeprefix("P100-"))
            serials.append(serial)
            until(lambda unit=serial: remembered_unit(tmp_path) > unit)  # type: ignore[misc]
            if way == "sigterm":
                os.kill(line.child.pid, signal.SIGTERM)
            else:
                assert line.child.stdin is not None
                line.child.stdin.close()
            assert line.wait_end() == 0
            assert line.wait_event("stopped")["units"] >= 1
            link.close()
    assert serials[1] > serials[0]


def test_bad_settings_are_named(tmp_path: Path) -> None:
    with Process(tmp_path, unknown_key=1) as line:
        assert line.wait_end() == 2
        (event,) = line.events
    assert event["code"] == "virtual.line_settings"
    assert "unknown_key" in event["text"]


def test_missing_key_is_named(tmp_path: Path, plant: PlantStandIn) -> None:
    with Process(tmp_path, plant_url=plant.url, keys="nowhere") as line:
        assert line.wait_end() == 2
        assert any(event.get("code", "").startswith("stores.key_file") for event in line.events)
