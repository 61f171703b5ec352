"""A witness outside: it cosigns what continues, keeps what it signed, and ends where the history was changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from gaugeblock.apps import witness as witness_module
from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.opening import bind_key, open_log
from gaugeblock.apps.plant import running_services
from gaugeblock.apps.witness import WitnessFiles, witness_command
from gaugeblock.connectors.log_http import RemoteLog
from gaugeblock.ledger.checkpoint import Checkpoint, sign_checkpoint
from gaugeblock.ledger.cosignature import witness_key
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.stores.keyring import Keyring
from gaugeblock.web.app import create_app

NAME = "customer.example/witness"


@pytest.fixture
def witnessed_plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any, Path]]:
    """A plant that knows the witness; the witness's requests go through the real application."""
    directory = tmp_path / "witness"
    key = witness_key(NAME, WitnessFiles(directory).key()).vkey
    settings = f'[enterprise]\nname = "示例"\n[[witnesses]]\nid = "W1"\nname = "客户"\nkey = "{key}"\n'
    (tmp_path / "plant.toml").write_text(settings, "utf-8")
    installation = load_installation(tmp_path / "plant.toml")
    with open_log(installation) as log:
        log.sign_checkpoint()
    with running_services(installation) as services, TestClient(create_app(services)) as client:
        opened = RemoteLog.__init__

        def over_the_client(self: RemoteLog, url: str, headers: dict[str, str] | None = None) -> None:
            opened(self, url, headers)
            self._client = client

        monkeypatch.setattr(RemoteLog, "__init__", over_the_client)
        monkeypatch.setattr(RemoteLog, "__exit__", lambda *_: None)
        yield installation, services, directory


def run(services: Any, directory: Path, **options: Any) -> int:
    given = {"every_s": None, **options}
    return witness_command(
        "http://testserver.local/log", services.settings.log_key, NAME, directory, Console("en"), **given
    )


def state_something(services: Any, number: int) -> int:
    desk = services.desks.reviews
    kinds = desk.catalogue().kinds
    desk.save_catalogue("person:li.wei", None, kinds[number:] + kinds[:number], desk.catalogue().index)
    return int(services.log.size) - 1


def test_evidence_carries_the_witness(witnessed_plant: tuple[Any, Any, Path]) -> None:
    _, services, directory = witnessed_plant
    key = witness_key(NAME, WitnessFiles(directory).key()).vkey
    before = services.log.evidence(0)
    assert verify_evidence(before, services.settings.log_key, [key]).failed is not None
    assert run(services, directory) == 0
    assert verify_evidence(services.log.evidence(0), services.settings.log_key, [key]).ok
    for number in (1, 2):
        index = state_something(services, number)
        assert run(services, directory) == 0
        assert verify_evidence(services.log.evidence(index), services.settings.log_key, [key]).ok
    # A record after the witnessed checkpoint is proven under the latest one, without the witness.
    last = state_something(services, 3)
    result = verify_evidence(_evidence_when_covered(services, last), services.settings.log_key)
    assert result.ok
    assert json.loads(services.log.evidence(0))["checkpoint"].count("— ") == 2


def _evidence_when_covered(services: Any, index: int) -> bytes:
    import time

    from gaugeblock.stores.errors import CheckpointPendingError

    end = time.monotonic() + 10
    while True:
        try:
            return bytes(services.log.evidence(index))
        except CheckpointPendingError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_the_latest_witnessed_checkpoint_is_served(witnessed_plant: tuple[Any, Any, Path]) -> None:
    _, services, directory = witnessed_plant
    with TestClient(create_app(services)) as client:
        missing = client.get("/log/checkpoint/witnessed")
        assert missing.status_code == 404
        assert run(services, directory) == 0
        note = client.get("/log/checkpoint/witnessed")
        assert note.status_code == 200
        assert NAME in note.text
        again = client.post("/log/cosignatures", content=note.content)
        assert (again.status_code, again.text) == (200, f"{NAME}\n")


def test_what_is_not_a_known_witness_on_our_checkpoint_is_refused(witnessed_plant: tuple[Any, Any, Path]) -> None:
    from gaugeblock.ledger.cosignature import cosign

    _, services, _ = witnessed_plant
    stranger = SigningKey.generate()
    ours = services.log.checkpoint()
    with TestClient(create_app(services)) as client:
        assert client.post("/log/cosignatures", content=b"nonsense").status_code == 400
        unknown = client.post("/log/cosignatures", content=cosign(ours, "s.example", stranger, 1))
        assert unknown.status_code == 403
        forged = client.post("/log/cosignatures", content=cosign(ours, NAME, stranger, 1))
        assert forged.status_code == 403
        other = sign_checkpoint(Checkpoint(services.settings.origin, 1, b"\1" * 32), stranger)
        assert client.post("/log/cosignatures", content=cosign(other, NAME, stranger, 1)).status_code == 409
        assert client.post("/log/cosignatures", content=b"x" * 70_000).status_code == 413


def test_a_changed_history_ends_the_witness(
    witnessed_plant: tuple[Any, Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, services, directory = witnessed_plant
    state_something(services, 1)
    assert run(services, directory) == 0
    kept = (directory / witness_module.SEEN_FILE).read_bytes()
    # The owner signs another history of the same size, and a shorter one.
    owner = Keyring(installation.keys).load("log:checkpoint")
    size = services.log.size
    for forged in (
        Checkpoint(services.settings.origin, size + 5, b"\2" * 32),
        Checkpoint(services.settings.origin, 1, b"\3" * 32),
    ):
        note = sign_checkpoint(forged, owner)
        monkeypatch.setattr(RemoteLog, "checkpoint", lambda _, note=note: note)
        monkeypatch.setattr(RemoteLog, "tile", lambda _, tile: b"\0" * (tile.width * 32))
        assert run(services, directory, every_s=1.0, wait=lambda _: None) == 1
        assert (directory / witness_module.SEEN_FILE).read_bytes() == kept


def test_a_log_that_is_away_is_waited_for(
    witnessed_plant: tuple[Any, Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaugeblock.connectors.errors import LogUnreachableError

    _, services, directory = witnessed_plant
    answers = iter([LogUnreachableError(url="u", detail="d"), None])
    real = RemoteLog.checkpoint
    waits: list[float] = []

    def sometimes(self: RemoteLog) -> bytes:
        error = next(answers, None)
        if error is not None:
            raise error
        return real(self)

    def stop_at_the_second(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RemoteLog, "checkpoint", sometimes)
    with pytest.raises(KeyboardInterrupt):
        run(services, directory, every_s=7.0, wait=stop_at_the_second)
    assert waits == [7.0, 7.0]
    assert WitnessFiles(directory).seen(NoteKey.from_vkey(services.settings.log_key)) is not None


def test_a_witness_whose_state_is_damaged_says_so(witnessed_plant: tuple[Any, Any, Path]) -> None:
    _, services, directory = witnessed_plant
    (directory / witness_module.SEEN_FILE).write_bytes(b"not a note")
    with pytest.raises(witness_module.WitnessStateError) as caught:
        run(services, directory)
    assert witness_module.SEEN_FILE in str(caught.value)


def test_an_older_log_is_upgraded_when_the_plant_opens_it(tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "plant.toml").write_text('[enterprise]\nname = "示例"\n', "utf-8")
    installation = load_installation(tmp_path / "plant.toml")
    with open_log(installation) as log:
        bind_key(log, Keyring(installation.keys).load(SERVER), "person:li.wei", SigningKey.generate())
        size = log.size
    with sqlite3.connect(installation.data / "log.sqlite") as database:
        database.execute("DROP TABLE log_cosignatures")
        database.execute("UPDATE log_schema SET version_num = 'log_0001'")
    with open_log(installation) as log:
        assert log.size == size
        assert log.witnessed_checkpoint() is None
