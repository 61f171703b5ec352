"""Portal, pages and webhooks of a real exchange beside a real plant: what leaves is in the log before it leaves."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from benchmarks.exchange._rig import CONTRACT, Rig
from gaugeblock.apps.customers import opened
from gaugeblock.exchange.webhooks import verify


class Receiver:
    """Takes webhooks on this machine; what came, in order."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.received: list[tuple[dict[str, str], bytes]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                stream.readline()
                headers = {}
                while line := stream.readline().strip():
                    name, _, value = line.decode().partition(": ")
                    headers[name.lower()] = value
                body = stream.read(int(headers["content-length"]))
                self.received.append((headers, body))
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    def wait(self, count: int, within_s: float = 20.0) -> None:
        end = time.monotonic() + within_s
        while len(self.received) < count:
            assert time.monotonic() < end, f"{len(self.received)} of {count}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("portal") / "plant")
    text = made.file.read_text()
    made.file.write_text(text.replace("[exchange]\n", '[exchange]\nwebhook_private_networks = ["127.0.0.0/8"]\n'))
    try:
        made.start("plant")
        made.start("exchange")
        made.order("WO-1")
        made.contract()
        yield made
    finally:
        made.stop()


def test_a_webhook_is_in_the_log_before_it_is_sent_and_ends_with_the_contract(rig: Rig) -> None:
    receiver = Receiver()
    with httpx.Client(base_url=rig.url, headers={"Authorization": f"Bearer {rig.issue_key()}"}, timeout=30) as api:
        end = time.monotonic() + 15
        while not api.get("/api/v1/orders").json().get("orders"):
            assert time.monotonic() < end
            time.sleep(0.1)
        made = api.post("/api/v1/webhooks", json={"url": f"http://127.0.0.1:{receiver.port}/in?token=t0p"}).json()
        index = rig.order("WO-3")
        receiver.wait(1)
        headers, body = receiver.received[0]
        verify(made["secret"], headers, body, time.time())
        assert "v1a," in headers["webhook-signature"]
        event = msgspec.json.decode(body)
        assert (event["type"], event["data"]["index"]) == ("order.updated", index)
        assert api.get(event["data"]["link"].removeprefix(rig.url)).json()["order"] == "WO-3"
        ((_, identity, entry),) = entries(rig, made["id"])
        assert (entry["sha256"], entry["size_bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
        assert entry["derived_from"] == [[index, index]]
        assert "t0p" not in entry["resource"]
        end = time.monotonic() + 10
        while (found := api.get(f"/api/v1/webhooks/{made['id']}/deliveries").json()["deliveries"][0])[
            "state"
        ] == "pending":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert found["history"][0]["transfer"] == identity
        rig.revoke(CONTRACT)
        rig.order("WO-4")
        time.sleep(3.0)
        assert len(receiver.received) == 1
        assert len(entries(rig, made["id"])) == 1
    receiver.listener.close()


def entries(rig: Rig, endpoint: str) -> list[tuple[int, str, dict[str, Any]]]:
    return [
        (index, identity, entry)
        for index, identity, facets in rig.transfers()
        for entry in facets["statement"]["entries"]
        if entry["credential"] == f"webhook:{endpoint}"
    ]


def test_a_test_key_verifies_made_up_evidence_and_leaves_no_trace_in_the_plant(rig: Rig, tmp_path: Path) -> None:
    key = rig.issue_test_key()
    before = len(rig.transfers())
    sample = tmp_path / "first_evidence.py"
    sample.write_bytes(httpx.get(f"{rig.url}/portal/samples/first_evidence.py").content)
    line = [sys.executable, str(sample), rig.url, key]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED: record" in done.stdout
    assert len(rig.transfers()) == before
    assert "sandbox" in httpx.get(f"{rig.url}/api/v1/me", headers={"Authorization": f"Bearer {key}"}).text


def test_a_person_signs_in_and_sees_pages_that_are_recorded(rig: Rig) -> None:
    with opened(rig.file) as at:
        at.users.create("acme", "anna", "correct horse battery")
    with httpx.Client(base_url=rig.url, headers={"Accept": "text/html", "Accept-Language": "en"}, timeout=30) as person:
        form = {"customer": "acme", "name": "anna", "password": "correct horse battery"}
        assert person.post("/sign-in", data=form, headers={"Origin": rig.url}).status_code == 303
        answer = person.get("/my/contract")
        assert answer.status_code == 200
        assert CONTRACT in answer.text
        assert person.get("/my/orders/WO-0000").status_code == 404
    resources = {entry["resource"] for _, _, facets in rig.transfers() for entry in facets["statement"]["entries"]}
    assert {"/my/contract", "/my/orders/WO-0000"} <= resources
    assert httpx.get(f"{rig.url}/portal/api").status_code == 200
