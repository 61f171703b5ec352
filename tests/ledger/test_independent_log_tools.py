"""Logs we wrote, laid out as files, checked by aics-tlog (Python) and by Go's sumdb packages.

Each tool must accept every sound log and refuse every altered one.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.ledger.checkpoint import Checkpoint, sign_checkpoint
from gaugeblock.ledger.cosignature import cosign, witness_key
from gaugeblock.ledger.merkle import consistency_proof, inclusion_proof, leaf_hash, root
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.tiles import TILE_WIDTH, GrowingTiles, Tile, TileReader, encode_bundle

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".envs" / "aics-tlog"
GO_PATH = Path("/usr/share/gocode")
SIZES = (0, 1, 2, 255, 256, 257, 600, 65_537, 70_000)
SMALL = (1, 257, 600)
WITNESSES = ("w1.example", "w2.example")
ORIGIN = "plant.example/log"

Checker = Callable[[list[Path]], list[dict[str, Any]]]


def lay_out(folder: Path, kit: Any, entries: list[bytes], steps: int = 777) -> None:
    """A log as files: what a static web server would serve, and our proofs beside it."""
    size = len(entries)
    tiles = GrowingTiles()
    files: dict[tuple[int, int], bytes] = {}
    leaves = [leaf_hash(entry) for entry in entries]
    for start in range(0, size, steps):
        for tile, data in tiles.append(leaves[start : start + steps]):
            files[tile.level, tile.index] = data
    for (level, index), data in files.items():
        write(folder / Tile(level, index, len(data) // 32).path, data)
    for start in range(0, size, TILE_WIDTH):
        bundle = entries[start : start + TILE_WIDTH]
        write(folder / Tile(-1, start // TILE_WIDTH, len(bundle)).path, encode_bundle(bundle))
    note = sign_checkpoint(Checkpoint(ORIGIN, size, tiles.root()), kit.key("log"))
    for number, name in enumerate(WITNESSES):
        note = cosign(note, name, kit.key(name), 1_795_323_600 + number)
    write(folder / "checkpoint", note)
    reader = TileReader(lambda tile: files[tile.level, tile.index][: 32 * tile.width], size)
    indices = sorted({index for index in (0, 1, 254, 255, 256, size // 2, size - 1) if 0 <= index < size})
    olds = sorted({old for old in (0, 1, 2, 255, 256, 257, size // 2, size - 1, size) if 0 <= old <= size})
    claims = {
        "origin": ORIGIN,
        "log_key": NoteKey(ORIGIN, kit.key("log").public).vkey,
        "witnesses": [witness_key(name, kit.key(name)).vkey for name in WITNESSES],
        "inclusion": [{"index": i, "proof": texts(inclusion_proof(reader, i, size))} for i in indices],
        "consistency": [
            {
                "old_size": old,
                "old_root": texts([root(reader, old)])[0],
                "proof": texts(consistency_proof(reader, old, size)),
            }
            for old in olds
        ],
    }
    write(folder / "claims.json", json.dumps(claims).encode())


def texts(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(h).decode() for h in hashes]


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture(scope="module")
def logs(kit: Any, small_log: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    base = tmp_path_factory.mktemp("logs")
    real = [record.jws for record in small_log.records]
    for size in SIZES:
        entries = [real[n] if n < len(real) else b"entry %d" % n for n in range(size)]
        lay_out(base / str(size), kit, entries)
    return {size: base / str(size) for size in SIZES}


@pytest.fixture(scope="module")
def altered(logs: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each log with one bit flipped in one of its files; by what was altered."""
    base = tmp_path_factory.mktemp("altered")
    result: dict[str, Path] = {}
    for size in SMALL:
        for path in sorted(p for p in logs[size].rglob("*") if p.is_file() and p.name != "claims.json"):
            relative = path.relative_to(logs[size])
            name = f"{size}:{relative}"
            folder = base / str(len(result))
            shutil.copytree(logs[size], folder)
            data = bytearray(path.read_bytes())
            # In a checkpoint: the root's line. In tiles and bundles: the middle of the file.
            position = data.index(b"\n", data.index(b"\n") + 1) + 5 if path.name == "checkpoint" else len(data) // 2
            data[position] ^= 1
            (folder / relative).write_bytes(bytes(data))
            result[name] = folder
        folder = base / str(len(result))
        shutil.copytree(logs[size], folder)
        note = (folder / "checkpoint").read_bytes()
        lines = note.split(b"\n")
        lines[1] = str(size + 1).encode()
        (folder / "checkpoint").write_bytes(b"\n".join(lines))
        result[f"{size}: size in the checkpoint"] = folder
        if size > 1:
            folder = base / str(len(result))
            shutil.copytree(logs[size], folder)
            claims = json.loads((folder / "claims.json").read_text())
            claims["inclusion"][1]["proof"][0] = texts([bytes(32)])[0]
            (folder / "claims.json").write_text(json.dumps(claims))
            result[f"{size}: inclusion proof"] = folder
            folder = base / str(len(result))
            shutil.copytree(logs[size], folder)
            claims = json.loads((folder / "claims.json").read_text())
            claims["consistency"][1]["old_root"] = texts([bytes(32)])[0]
            (folder / "claims.json").write_text(json.dumps(claims))
            result[f"{size}: old root"] = folder
    return result


def newer_python() -> str | None:
    """An interpreter of 3.12 or newer, which aics-tlog needs."""
    candidates = [sys.executable, "python3.14", "python3.13", "python3.12"]
    versions = Path.home() / ".pyenv" / "versions"
    candidates += [str(path) for path in sorted(versions.glob("3.1[2-9]*/bin/python"))]
    for candidate in candidates:
        found = shutil.which(candidate)
        if found is None:
            continue
        probe = subprocess.run(
            [found, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"], capture_output=True, check=False
        )
        if probe.returncode == 0:
            return found
    return None


@pytest.fixture(scope="module")
def aics() -> Checker:
    """aics-tlog in an environment of its own, made once."""
    python = ENVIRONMENT / "bin" / "python"
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with (ENVIRONMENT.parent / "aics-tlog.lock").open("w") as lock:
        # Test processes run side by side; one makes the environment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = [str(python), "-c", "import aics_tlog"]
        if not python.exists() or subprocess.run(ready, capture_output=True, check=False).returncode:
            newer = newer_python()
            if newer is None:
                pytest.skip("aics-tlog needs Python 3.12 or newer, and there is none")
            made = subprocess.run([newer, "-m", "venv", "--clear", str(ENVIRONMENT)], capture_output=True, check=False)
            if made.returncode:
                pytest.skip(f"{newer} cannot make a virtual environment")
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "aics-tlog==0.2.1"]
            try:
                installed = subprocess.run(pip, capture_output=True, check=False, timeout=120)
            except subprocess.TimeoutExpired:
                pytest.skip("pip did not install aics-tlog within two minutes")
            if installed.returncode:
                pytest.skip("pip cannot install aics-tlog")

    def check(folders: list[Path]) -> list[dict[str, Any]]:
        return run([str(python), str(Path(__file__).with_name("aics_check.py"))], folders)

    return check


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    """Go's own packages, as the distribution ships them."""
    compiler = shutil.which("go")
    if compiler is None or not (GO_PATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("Go and its golang.org/x/mod package are not installed")
    folder = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOCACHE": str(folder / "cache")}
    subprocess.run(
        [compiler, "build", "-o", str(folder / "logcheck"), "."],
        cwd=Path(__file__).with_name("go"),
        env=environment,
        check=True,
        capture_output=True,
    )
    yield lambda folders: run([str(folder / "logcheck")], folders)
    shutil.rmtree(folder, ignore_errors=True)


def run(command: list[str], folders: list[Path]) -> list[dict[str, Any]]:
    done = subprocess.run([*command, *map(str, folders)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(folders)
    return answers


def accepts(checker: Checker, logs: dict[int, Path]) -> None:
    answers = dict(zip(logs, checker(list(logs.values())), strict=True))
    assert {size: answer.get("error") for size, answer in answers.items() if not answer["ok"]} == {}
    assert all(answer["size"] == size for size, answer in answers.items())


def refuses(checker: Checker, altered: dict[str, Path]) -> None:
    answers = dict(zip(altered, checker(list(altered.values())), strict=True))
    assert len(answers) > 15
    assert [name for name, answer in answers.items() if answer["ok"]] == []


def test_aics_tlog_accepts_our_logs(aics: Checker, logs: dict[int, Path]) -> None:
    accepts(aics, logs)


def test_aics_tlog_refuses_altered_logs(aics: Checker, altered: dict[str, Path]) -> None:
    refuses(aics, altered)


def test_aics_tlog_refuses_altered_cosignatures(aics: Checker, kit: Any, logs: dict[int, Path], tmp_path: Path) -> None:
    folder = tmp_path / "log"
    shutil.copytree(logs[1], folder)
    note = (folder / "checkpoint").read_bytes()
    own, _, _ = note.partition("— w2.example".encode())
    impostor = cosign(own, "w2.example", kit.key("impostor"), 1_795_323_600)
    (folder / "checkpoint").write_bytes(impostor)
    assert not aics([folder])[0]["ok"]
    (folder / "checkpoint").write_bytes(own)
    assert not aics([folder])[0]["ok"]
    (folder / "checkpoint").write_bytes(note)
    assert aics([folder])[0]["ok"]


def test_go_accepts_our_logs(go: Checker, logs: dict[int, Path]) -> None:
    accepts(go, logs)


def test_go_refuses_altered_logs(go: Checker, altered: dict[str, Path]) -> None:
    refuses(go, altered)
