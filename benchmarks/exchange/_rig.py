"""A plant with an exchange as real processes, and a load client that costs little: raw HTTP/1.1 on asyncio streams."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from gaugeblock.apps.clock import clock_synchronisation
from gaugeblock.apps.customers import opened
from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.opening import prepare
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, open_facets, parse, sign_record
from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    DocumentStatement,
    DocumentSubject,
    Permission,
    SharedDocument,
)
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.production_facets import OrderStatement, OrderSubject
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.blobs import BlobStore
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.log_reader import LogReader

PERSON, SECOND_PERSON = "person:li.wei", "person:wang.fang"
CUSTOMER = "customer:acme"
CONTRACT = "K-1"
START_S = 60.0

PLANT = """[enterprise]
name = "示例精密"
name_en = "Example Precision"

[server]
port = {plant_port}
log_origin = "plant.example/exchange-rig"

[exchange]
port = {exchange_port}
rate_per_s = {rate_per_s}
burst = {burst}

[[customers]]
id = "acme"
name = "ACME"
country = "DE"

[[customers]]
id = "beta"
name = "Beta"
country = "FR"
"""


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def submodel_path(number: int) -> str:
    """Where a submodel of :func:`environment` is."""
    name = base64.urlsafe_b64encode(f"urn:example:submodel:{number:05d}".encode()).decode().rstrip("=")
    return f"/aas/submodels/{name}"


def environment(shells: int) -> bytes:
    """An AAS environment: each shell with a nameplate of some properties."""
    made: dict[str, list[dict[str, Any]]] = {"assetAdministrationShells": [], "submodels": []}
    for number in range(shells):
        shell, submodel = f"urn:example:aas:{number:05d}", f"urn:example:submodel:{number:05d}"
        made["assetAdministrationShells"].append(
            {
                "modelType": "AssetAdministrationShell",
                "id": shell,
                "idShort": f"Unit{number:05d}",
                "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:example:unit:{number:05d}"},
                "submodels": [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": submodel}]}],
            }
        )
        elements = [
            {
                "modelType": "Property",
                "idShort": f"Characteristic{position:02d}",
                "valueType": "xs:double",
                "value": f"{number + position / 100:.2f}",
                "semanticId": {
                    "type": "ExternalReference",
                    "keys": [{"type": "GlobalReference", "value": f"urn:example:characteristic:{position}"}],
                },
            }
            for position in range(12)
        ]
        made["submodels"].append(
            {
                "modelType": "Submodel",
                "id": submodel,
                "idShort": "Results",
                "kind": "Instance",
                "submodelElements": elements,
            }
        )
    return msgspec.json.encode(made)


@dataclass
class Rig:
    """Directory, processes, keys."""

    directory: Path
    plant_port: int = 0
    exchange_port: int = 0
    rate_per_s: float = 100_000.0
    burst: int = 100_000
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.plant_port, self.exchange_port = self.plant_port or free_port(), self.exchange_port or free_port()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file = self.directory / "plant.toml"
        self.file.write_text(
            PLANT.format(
                plant_port=self.plant_port,
                exchange_port=self.exchange_port,
                rate_per_s=self.rate_per_s,
                burst=self.burst,
            )
        )
        prepare(load_installation(self.file), (PERSON, SECOND_PERSON, CUSTOMER, "customer:beta"))

    @property
    def url(self) -> str:
        """Where customers call."""
        return f"http://127.0.0.1:{self.exchange_port}"

    @property
    def plant_url(self) -> str:
        """Where the plant process listens."""
        return f"http://127.0.0.1:{self.plant_port}"

    # ── processes ───────────────────────────────────────────────────────────────────────────────────────

    def start(self, name: str) -> None:
        """Start ``plant`` or ``exchange`` and wait until it answers."""
        log = (self.directory / f"{name}.log").open("ab")
        arguments = [sys.executable, "-m", f"gaugeblock.apps.{name}", "--plant", str(self.file)]
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with log:
            self.processes[name] = subprocess.Popen(
                arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **one}
            )
        url = f"{self.plant_url if name == 'plant' else self.url}/healthz"
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self.processes[name].poll() is not None:
                break
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url, timeout=2.0, trust_env=False).status_code == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{name} did not start: {(self.directory / f'{name}.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End all, in order."""
        for name in ("exchange", "plant"):
            process = self.processes.pop(name, None)
            if process is not None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def kill(self, name: str) -> None:
        """As a power cut would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def cpu_s(self, name: str) -> float:
        """CPU seconds of a process, with its children that have ended."""
        fields = Path(f"/proc/{self.processes[name].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # ── records ─────────────────────────────────────────────────────────────────────────────────────────

    def key(self, entity: str) -> SigningKey:
        """A key that :func:`prepare` made."""
        return Keyring(load_installation(self.file).keys).load(entity)

    def signed(self, author: str, record_type: str, facets: Mapping[str, Facet]) -> dict[str, Any]:
        """A record as the plant takes it."""
        self.numbers += 1
        now = to_rfc3339(datetime.now(UTC))
        draft = Draft(
            record_type=record_type,
            version=LATEST[record_type],
            author=author,
            identity=f"rig/{time.time_ns()}/{self.numbers}",
            log="plant.example/exchange-rig",
            stated_at=now,
            observed_at=now,
            clock=ClockState(*clock_synchronisation()),
            facets=facets,
        )
        record = sign_record(draft, self.key(author), os.urandom)
        return {"jws": record.jws.decode(), "disclosures": dict(record.disclosures)}

    def state(self, author: str, record_type: str, facets: Mapping[str, Facet]) -> int:
        """Submit a record; its index."""
        body = {"records": [self.signed(author, record_type, facets)]}
        answer = httpx.post(f"{self.plant_url}/api/v1/records", json=body, timeout=30.0, trust_env=False)
        answer.raise_for_status()
        (receipt,) = answer.json()["receipts"]
        if receipt.get("error"):
            raise RuntimeError(receipt["error"])
        return int(receipt["index"])

    def contract(
        self,
        contract: str = CONTRACT,
        customer: str = "acme",
        version: int = 1,
        documents: tuple[str, ...] = (),
        quota_per_day: int = 100_000_000,
    ) -> None:
        """A contract version, offered and accepted."""
        now = datetime.now(UTC)
        subject = ContractSubject(contract, customer)
        statement = ContractStatement(
            version=version,
            purpose="incoming goods",
            permissions=(Permission("production.order", ("subject", "statement")),),
            valid_from=to_rfc3339(now - timedelta(days=1)),
            valid_until=to_rfc3339(now + timedelta(days=30)),
            recipient_country="DE",
            documents=documents,
            quota_per_day=quota_per_day,
            classification="general",
            basis="contract",
        )
        self.state(PERSON, "exchange.contract", {"subject": subject, "statement": statement})
        step = ContractStepStatement(version, "accepted")
        self.state(f"customer:{customer}", "exchange.contract_step", {"subject": subject, "statement": step})

    def revoke(self, contract: str = CONTRACT, customer: str = "acme", version: int = 1, by: str = PERSON) -> int:
        """Revoke; returns when the plant acknowledges it."""
        facets: dict[str, Facet] = {
            "subject": ContractSubject(contract, customer),
            "statement": ContractStepStatement(version, "revoked"),
        }
        return self.state(by, "exchange.contract_step", facets)

    def order(self, order: str, customer: str = "acme") -> int:
        """An order."""
        return self.state(
            PERSON,
            "production.order",
            {"subject": OrderSubject(order), "statement": order_statement(customer)},
        )

    def share(self, content: bytes, name: str = "units.json") -> str:
        """Share a document of kind ``aas``; its digest."""
        BlobStore(load_installation(self.file).blobs)
        installation = load_installation(self.file)
        store = BlobStore(installation.blobs)
        sha256 = store.put(content)
        document = SharedDocument(sha256, name, "application/json", len(content), "aas")
        facets: dict[str, Facet] = {"subject": DocumentSubject(), "statement": DocumentStatement(document)}
        self.state(PERSON, "exchange.document", facets)
        return sha256

    def issue_key(self, customer: str = "acme", **options: Any) -> str:
        """An API key."""
        with opened(self.file) as at:
            return at.desk.issue_key(customer, **options)[0]

    def issue_test_key(self, customer: str = "acme") -> str:
        """A key of the sandbox that the exchange knows: it reads credentials some times a second."""
        key, end_s = self.issue_key(customer, test=True), time.monotonic() + 30
        while httpx.get(f"{self.url}/api/v1/me", headers={"Authorization": f"Bearer {key}"}).status_code == 401:
            if time.monotonic() >= end_s:
                raise TimeoutError("the exchange does not take the new key")
            time.sleep(0.05)
        return key

    def transfers(self) -> list[tuple[int, str, dict[str, Any]]]:
        """All transfer records: index, identity, facets."""
        found = []
        with LogReader.connect(load_installation(self.file).database_url("log")) as reader:
            for stored in reader.records(0, reader.size):
                payload = parse(stored.jws)
                if payload.record_type == "exchange.transfer":
                    found.append((stored.index, payload.identity, dict(open_facets(payload, stored.disclosures))))
        return found


def order_statement(customer: str) -> OrderStatement:
    """Some order."""
    return msgspec.convert({"product": "P100", "quantity": 100, "customer": customer}, OrderStatement)


@contextlib.contextmanager
def running(directory: Path, **options: Any) -> Iterator[Rig]:
    """Plant and exchange; ended in any case."""
    rig = Rig(directory, **options)
    try:
        rig.start("plant")
        rig.start("exchange")
        yield rig
    finally:
        rig.stop()


# ── the load client ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Answered:
    """One answer, as a client sees it; times are monotonic seconds."""

    request: str
    status: int
    sent_s: float
    begun_s: float
    transfer: str = ""


@dataclass
class Load:
    """What a run of the client gave."""

    count: int = 0
    bytes: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    errors: int = 0


async def one_connection(
    port: int,
    requests: Callable[[int], bytes],
    go_on: Callable[[], bool],
    load: Load,
    keep: bool,
    number: int,
    stagger: int,
) -> None:
    """Ask again and again on one connection; a connection that breaks is opened again until the time is up."""
    turn = number
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while go_on():
        try:
            if reader is None or writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
            sent_s = time.monotonic()
            writer.write(requests(turn))
            turn += stagger
            head = await reader.readuntil(b"\r\n\r\n")
            begun_s = time.monotonic()
            status = int(head[9:12])
            place = head.find(b"content-length: ")
            length = int(head[place + 16 : head.index(b"\r", place)]) if place >= 0 else 0
            if length:
                await reader.readexactly(length)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            load.errors += 1
            if writer is not None:
                writer.close()
            reader = writer = None
            await asyncio.sleep(0.02)
            continue
        load.count += 1
        load.bytes += length
        load.statuses[status] = load.statuses.get(status, 0) + 1
        load.latencies_s.append(time.monotonic() - sent_s)
        if keep:
            load.answers.append(
                Answered(_header(head, b"x-request-id"), status, sent_s, begun_s, _header(head, b"gaugeblock-transfer"))
            )
    if writer is not None:
        writer.close()


def _header(head: bytes, name: bytes) -> str:
    place = head.find(b"\r\n" + name + b": ")
    if place < 0:
        return ""
    begin = place + len(name) + 4
    return head[begin : head.index(b"\r", begin)].decode()


async def drive(
    port: int,
    requests: Callable[[int], bytes],
    seconds: float,
    connections: int,
    *,
    keep: bool = False,
    enough: Callable[[], bool] = lambda: False,
) -> Load:
    """Load from some connections for some seconds, or until it is enough."""
    load = Load()
    end_s = time.monotonic() + seconds

    def go_on() -> bool:
        return time.monotonic() < end_s and not enough()

    await asyncio.gather(
        *(one_connection(port, requests, go_on, load, keep, number, connections) for number in range(connections))
    )
    return load


class Client:
    """Load in a thread of its own, until it is told that it is enough."""

    MOST_S = 90.0

    def __init__(self, rig: Rig, key: str, connections: int = 10, *, paths: tuple[str, ...] = ()) -> None:
        lines = [
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
            for path in paths or (submodel_path(7),)
        ]
        self._enough = threading.Event()
        self._load = Load()
        self._work = drive(
            rig.exchange_port,
            lambda turn: lines[turn % len(lines)],
            self.MOST_S,
            connections,
            keep=True,
            enough=self._enough.is_set,
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._load = asyncio.run(self._work)

    def end(self, after_s: float = 0.0) -> Load:
        """What it saw."""
        time.sleep(after_s)
        self._enough.set()
        self._thread.join()
        return self._load


def percentile(values: list[float], share: float) -> float:
    """The value at that share of the sorted values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
