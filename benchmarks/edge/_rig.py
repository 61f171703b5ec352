"""A rig around one station process: PLC and camera over TCP, a plant over HTTP, and a hand that kills the station.

Used by the chaos benchmark and by the station's tests. Everything is drawn from one seed; who is defective is
known here and nowhere in the frames' digests or the protocol.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import random
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gaugeblock.ledger.keys import SigningKey

DEADLINE_MS = 300.0
CHILD = "gaugeblock.edge.twin_child"
LAUNCH = (
    "import sys\n"
    "from pathlib import Path\n"
    "from gaugeblock.apps.station import read_config, run_station\n"
    f"sys.exit(run_station(read_config(Path(sys.argv[1])), (sys.executable, '-m', {CHILD!r})))\n"
)


class Plc:
    """Triggers at a pace whether a station listens or not, and rejects what is not answered OK in time."""

    def __init__(self, interval_s: float, deadline_ms: float = DEADLINE_MS) -> None:
        self.interval_s, self.deadline_ms = interval_s, deadline_ms
        self.number = 0
        self.sent: dict[int, float] = {}
        self.answers: dict[int, list[tuple[str, float]]] = {}
        self.passed: set[int] = set()
        self.connected = threading.Event()
        self.running = threading.Event()
        self._lock = threading.Lock()
        self._peer: socket.socket | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._closed = False
        for target in (self._accept, self._pace):
            threading.Thread(target=target, daemon=True).start()

    def close(self) -> None:
        self._closed = True
        self._server.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                hello = {"type": "hello", "plc": "RIG", "last_trigger": self.number}
                peer.sendall(json.dumps(hello).encode() + b"\n")
                self._peer = peer
            self.connected.set()
            threading.Thread(target=self._listen, args=(peer,), daemon=True).start()

    def _listen(self, peer: socket.socket) -> None:
        try:
            for line in peer.makefile("rb"):
                message = json.loads(line)
                now = time.monotonic()
                with self._lock:
                    number, verdict = message["number"], message["verdict"]
                    self.answers.setdefault(number, []).append((verdict, now))
                    late = (now - self.sent[number]) * 1000 > self.deadline_ms
                    if verdict == "OK" and not late and len(self.answers[number]) == 1:
                        self.passed.add(number)
        except (OSError, ValueError):
            pass
        with self._lock:
            if self._peer is peer:
                self._peer = None
                self.connected.clear()

    def _pace(self) -> None:
        while not self._closed:
            time.sleep(self.interval_s)
            if not self.running.is_set():
                continue
            with self._lock:
                self.number += 1
                trigger = {
                    "type": "trigger",
                    "number": self.number,
                    "unit": f"U{self.number}",
                    "product": None,
                    "order": None,
                    "deadline_ms": self.deadline_ms,
                }
                self.sent[self.number] = time.monotonic()
                try:
                    if self._peer is not None:
                        self._peer.sendall(json.dumps(trigger).encode() + b"\n")
                except OSError:
                    self._peer = None


class Camera:
    """Gives a frame for each trigger: its score by the seed, now and then a hang, a crash or a refusal."""

    def __init__(self, seed: int, fault_rate: float, pad: int) -> None:
        self.seed, self.fault_rate, self.pad = seed, fault_rate, pad
        camera = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                for line in self.rfile:
                    number = json.loads(line)["trigger"]
                    data = camera.frame(number)
                    head = {
                        "type": "frame",
                        "trigger": number,
                        "captured_at": "2026-01-01T00:00:00.000000Z",
                        "bytes": len(data),
                    }
                    try:
                        self.wfile.write(json.dumps(head).encode() + b"\n" + data)
                    except OSError:
                        return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A station killed in the middle of a grab is what this rig is for."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def defective(self, number: int) -> bool:
        return random.Random(f"{self.seed}/{number}").random() < 0.3

    def frame(self, number: int) -> bytes:
        draw = random.Random(f"{self.seed}/{number}")
        score = 1.2 + draw.random() if draw.random() < 0.3 else 0.8 * draw.random()
        fault = random.Random(f"{self.seed}/fault/{number}")
        does = fault.choice(["hang", "crash", "refuse", "blank"]) if fault.random() < self.fault_rate else "inspect"
        return f"unit={number};score={score:.4f};do={does};pad={'x' * self.pad}".encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Plant:
    """Takes each record once by (author, identity); is busy, drops receipts and goes away as the seed says."""

    def __init__(self, seed: int, fault_rate: float) -> None:
        self.records: list[dict[str, Any]] = []
        self.index: dict[tuple[str, str], int] = {}
        self.jws: list[str] = []
        self.blobs: set[str] = set()
        self.conflicts = 0
        self.second_deliveries = 0
        self.missing_images = 0
        self.fault_rate = fault_rate
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        plant = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fault = plant.fault()
                if fault == "busy":
                    return self.reply(503, {}, {"Retry-After": "0.05"})
                receipts = plant.take(json.loads(body)["records"])
                if fault == "lost":
                    self.close_connection = True
                    return None
                return self.reply(200, {"receipts": receipts})

            def do_PUT(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                sha256 = self.path.rsplit("/", 1)[1]
                if plant.fault() == "busy":
                    return self.reply(503, {}, {"Retry-After": "0.05"})
                if hashlib.sha256(data).hexdigest() != sha256 or "Gaugeblock-Key" not in self.headers["Authorization"]:
                    return self.reply(400, {})
                with plant._lock:
                    plant.blobs.add(sha256)
                return self.reply(201, {})

            def reply(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
                text = json.dumps(body).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nobody reads it."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A station killed in the middle of a request is what this rig is for."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def fault(self) -> str | None:
        with self._lock:
            return self._random.choice(["busy", "lost"]) if self._random.random() < self.fault_rate else None

    def take(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        receipts = []
        with self._lock:
            for record in records:
                payload = _json_part(record["jws"].split(".")[1])
                facets = {name: _json_part(text)[2] for name, text in record["disclosures"].items()}
                identity = (payload["iss"], payload["jti"])
                if identity in self.index:
                    self.second_deliveries += 1
                    self.conflicts += self.jws[self.index[identity]] != record["jws"]
                    receipts.append({"index": self.index[identity], "leaf_hash": "", "duplicate": True})
                    continue
                inputs = facets.get("inputs", {})
                wanted = {inputs.get("image_sha256"), inputs.get("heatmap_sha256")} - {None}
                self.missing_images += len(wanted - self.blobs)
                self.index[identity] = len(self.records)
                self.jws.append(record["jws"])
                self.records.append({"identity": payload["jti"], "type": payload["record_type"], **facets})
                receipts.append({"index": self.index[identity], "leaf_hash": "", "duplicate": False})
        return receipts

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _json_part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@dataclass
class Tally:
    """What a run showed. ``lost``: answered and not in the plant; ``unrecorded``: triggered and not in the plant."""

    kills: int = 0
    triggers: int = 0
    answered_in_deadline: int = 0
    acknowledged: int = 0
    late_ok_accepted: int = 0
    wrong_ok: int = 0
    answered_twice: int = 0
    lost: int = 0
    unrecorded: int = 0
    duplicates: int = 0
    conflicts: int = 0
    contradicted: int = 0
    missing_images: int = 0
    second_deliveries: int = 0
    sequence_gaps: int = 0
    latencies_ms: list[float] = field(default_factory=list)


class Rig:
    """One station with everything around it."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        interval_s: float = 0.02,
        frame_faults: float = 0.0,
        plant_faults: float = 0.0,
        pad: int = 20_000,
    ) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.plc = Plc(interval_s)
        self.camera = Camera(seed, frame_faults, pad)
        self.plant = Plant(seed, plant_faults)
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "module").write_bytes(b"module")
        key = folder / "key.pem"
        key.write_bytes(SigningKey.from_seed(bytes(32)).to_pem())
        key.chmod(0o600)
        self.data = folder / "station"
        self.config = {
            "station": "RIG",
            "data": str(self.data),
            "key_file": str(key),
            "log_origin": "rig.example/log",
            "module": str(folder / "module"),
            "module_sha256": hashlib.sha256(b"module").hexdigest(),
            "plant_url": self.plant.url,
            "ports": {"kind": "virtual", "plc_port": self.plc.port, "camera_port": self.camera.port},
            "disk_reserve_bytes": 0,
            "language": "en",
        }

    def start(self) -> None:
        """Start the station and wait until it holds the PLC's line."""
        (self.folder / "station.json").write_text(json.dumps(self.config))
        self.plc.connected.clear()
        with (self.folder / "station.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(self.folder / "station.json")],
                stdin=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        if not self.plc.connected.wait(30):
            raise RuntimeError(f"the station did not come up: {(self.folder / 'station.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """kill -9, at once."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self._reap()

    def _reap(self) -> int:
        assert self.process is not None
        code = self.process.wait(20)
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None
        return code

    def status(self) -> dict[str, Any]:
        """The station's status file."""
        status: dict[str, Any] = json.loads((self.data / "status.json").read_text())
        return status

    def play(self, kills: int) -> Tally:
        """Kill the station ``kills`` times at drawn moments under load, let it finish, and count."""
        for _ in range(kills):
            self.start()
            self.plc.running.set()
            # Drawn over the whole life: while starting up, in its first triggers, and in its stride.
            time.sleep(self.random.choice([0.05, 0.3, 0.8]) * self.random.random())
            self.kill()
        self.start()
        self.plc.running.set()
        time.sleep(1.0)
        self.plc.running.clear()
        self.drain()
        self.stop()
        return self.tally(kills)

    def drain(self, timeout_s: float = 60.0) -> None:
        """Wait until the station has handed over everything."""
        self.plant.fault_rate = 0.0
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            time.sleep(0.3)
            if (self.data / "status.json").exists():
                status = self.status()
                handled = (status["last_trigger"] or 0) >= self.plc.number
                if status["state"] == "running" and handled and status["spool_backlog"] == 0:
                    return
        raise RuntimeError(f"not drained: {self.status()}")

    def tally(self, kills: int) -> Tally:
        """Compare what the PLC saw with what the plant holds."""
        plc, records = self.plc, self.plant.records
        verdicts = [r for r in records if r["type"] == "inspection.verdict"]
        by_number: dict[int, list[str]] = {}
        for record in verdicts:
            by_number.setdefault(record["process"]["trigger"], []).append(record["statement"]["verdict"])
        tally = Tally(kills=kills, triggers=plc.number, acknowledged=len(plc.answers))
        for number, said in plc.answers.items():
            tally.answered_twice += len(said) > 1
            verdict, at = said[0]
            latency_ms = (at - plc.sent[number]) * 1000
            tally.latencies_ms.append(latency_ms)
            tally.answered_in_deadline += latency_ms <= plc.deadline_ms
            tally.lost += number not in by_number
            tally.contradicted += number in by_number and by_number[number] != [verdict]
        tally.late_ok_accepted = sum((plc.answers[n][0][1] - plc.sent[n]) * 1000 > plc.deadline_ms for n in plc.passed)
        tally.wrong_ok = sum(self.camera.defective(n) for n in plc.passed)
        first = min(by_number, default=1)
        tally.unrecorded = sum(n not in by_number for n in range(first, plc.number + 1))
        tally.duplicates = sum(len(found) - 1 for found in by_number.values())
        tally.conflicts = self.plant.conflicts
        tally.missing_images = self.plant.missing_images
        tally.second_deliveries = self.plant.second_deliveries
        epochs: dict[int, set[int]] = {}
        for record in records:
            epoch, sequence = map(int, record["identity"].split("/"))
            epochs.setdefault(epoch, set()).add(sequence)
        tally.sequence_gaps = sum(max(found) + 1 - len(found) for found in epochs.values())
        return tally

    def close(self) -> None:
        """End everything."""
        if self.process is not None:
            self.kill()
        self.plc.close()
        self.camera.close()
        self.plant.close()
