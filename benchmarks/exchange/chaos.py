"""Revocation and kill -9 under load: what was served after its time, and what was served without its record.

Plant and exchange as real processes; a client of many connections asks all the while. Again and again the contract is
revoked (and another version accepted), a key is revoked, the exchange is killed, the plant is killed. Each answer the
client had is looked up in the log.

Run with ``python -m benchmarks exchange.chaos``.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.exchange._rig import Answered, Client, Load, Rig, environment, running
from benchmarks.harness import Figure
from gaugeblock.apps.customers import opened

ROUNDS = 4
ROUND_S = 1.5
SERVED_WAIT_S = 20.0
CONNECTIONS = 20
SHELLS = 20


@dataclass
class Chaos:
    """What all rounds gave."""

    served: int = 0
    unavailable: int = 0
    refused: int = 0
    broken: int = 0
    late: int = 0
    unrecorded: int = 0
    twice: int = 0
    revocations: int = 0
    kills: int = 0
    answers: list[Answered] = field(default_factory=list)

    def count(self, load: Load) -> None:
        """Take in what one client saw."""
        self.served += load.statuses.get(200, 0)
        self.unavailable += load.statuses.get(503, 0)
        self.refused += load.statuses.get(401, 0) + load.statuses.get(404, 0)
        self.broken += load.errors
        self.answers += [answer for answer in load.answers if answer.status == 200]


def _wait_served(rig: Rig, key: str) -> None:
    """Until the customer is served (again)."""
    end = time.monotonic() + SERVED_WAIT_S
    while time.monotonic() < end:
        if Client(rig, key, 1).end(0.3).statuses.get(200):
            return
    raise RuntimeError("the customer is not served")


def run_chaos(rounds: int, directory: Path, round_s: float = ROUND_S) -> Chaos:
    """All rounds."""
    chaos = Chaos()
    with running(directory) as rig:
        version = 1
        rig.contract(version=version, documents=(rig.share(environment(SHELLS)),))
        key = rig.issue_key()
        for number in range(rounds):
            _wait_served(rig, key)
            client = Client(rig, key, CONNECTIONS)
            time.sleep(round_s)
            rig.revoke(version=version)
            _late(chaos, client, time.monotonic())
            version += 1
            rig.contract(version=version, documents=(rig.share(environment(SHELLS), f"{number}.json"),))
            _wait_served(rig, key)

            extra = rig.issue_key()
            _wait_served(rig, extra)
            client = Client(rig, extra, CONNECTIONS)
            time.sleep(round_s)
            with opened(rig.file) as at:
                at.desk.revoke(extra.split("_")[1])
            _late(chaos, client, time.monotonic())

            for name in ("exchange", "plant"):
                client = Client(rig, key, CONNECTIONS)
                time.sleep(round_s)
                rig.kill(name)
                rig.start(name)
                chaos.kills += 1
                chaos.count(client.end(round_s))
        _compare(chaos, rig)
    return chaos


def _late(chaos: Chaos, client: Client, acknowledged_s: float) -> None:
    load = client.end(1.0)
    chaos.revocations += 1
    chaos.late += sum(1 for answer in load.answers if answer.status == 200 and answer.begun_s > acknowledged_s)
    chaos.count(load)


def _compare(chaos: Chaos, rig: Rig) -> None:
    recorded: dict[str, str] = {}
    for _, identity, facets in rig.transfers():
        for entry in facets["statement"]["entries"]:
            chaos.twice += entry["request"] in recorded
            recorded[entry["request"]] = identity
    chaos.unrecorded = sum(1 for answer in chaos.answers if recorded.get(answer.request) != answer.transfer)


def run() -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        chaos = run_chaos(ROUNDS, Path(folder) / "plant")
    protocol = (
        f"{ROUNDS} rounds, {CONNECTIONS} connections: contract revoked, key revoked, exchange kill -9, plant kill -9"
    )
    return [
        Figure("answers_served", chaos.served, "", protocol),
        Figure("answers_unavailable", chaos.unavailable, "503", protocol),
        Figure("answers_refused", chaos.refused, "401, 404", protocol),
        Figure("connections_broken", chaos.broken, "", protocol),
        Figure("revocations", chaos.revocations, "", protocol),
        Figure("kills", chaos.kills, "", protocol),
        Figure("answers_begun_after_revocation_acknowledged", chaos.late, "", f"{protocol}; must be 0"),
        Figure("answers_without_transfer_record", chaos.unrecorded, "", f"{protocol}; must be 0"),
        Figure("answers_recorded_twice", chaos.twice, "", f"{protocol}; must be 0"),
    ]
