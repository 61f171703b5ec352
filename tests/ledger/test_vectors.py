from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from gaugeblock.ledger.verify import verify_evidence


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_vectors", Path(__file__).with_name("make_vectors.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_published_vectors_are_what_the_code_makes(maker: ModuleType) -> None:
    made = maker.vectors()
    published = {path.name: path.read_bytes() for path in maker.FOLDER.iterdir() if path.name != "README.md"}
    assert sorted(published) == sorted(made)
    for name, content in made.items():
        assert published[name] == content, f"{name} differs: is the change of the form meant?"


def test_the_published_evidence_verifies_and_the_altered_ones_do_not(maker: ModuleType) -> None:
    keys = json.loads((maker.FOLDER / "keys.json").read_text())
    seen = 0
    for path in maker.FOLDER.glob("evidence*.json"):
        result = verify_evidence(path.read_bytes(), keys["log_vkey"], [keys["witness_vkey"]])
        failed = result.failed
        expected = path.stem.partition("-refused-at-")[2]
        assert (failed.name if failed else "") == expected
        seen += 1
    assert seen == 5
