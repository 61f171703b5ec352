"""``gaugeblock customer``: credentials and people, without a plant that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from tests.apps.conftest import gaugeblock

PLANT = """[enterprise]
name = "示例精密"
[exchange]
public_url = "https://exchange.example"
[[customers]]
id = "acme"
name = "ACME"
"""


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    file = tmp_path / "plant.toml"
    file.write_text(PLANT, "utf-8")
    return file


def test_a_key_is_shown_once_and_listed_without_its_secret(plant: Path) -> None:
    made = gaugeblock("customer", "key", "create", "acme", "--scope", "read", "--days", "1", "--plant", plant)
    assert made.returncode == 0, made.stderr
    key = next(word for word in (made.stdout + made.stderr).split() if word.startswith("gbk_"))
    listed = gaugeblock("customer", "key", "list", "--plant", plant).stdout
    assert key.split("_")[1] in listed
    assert key not in listed
    assert "until" in listed
    assert gaugeblock("customer", "key", "revoke", key.split("_")[1], "--plant", plant).returncode == 0
    assert "revoked" in gaugeblock("customer", "key", "list", "acme", "--plant", plant).stdout
    assert (plant.parent / "data" / "exchange").stat().st_mode & 0o077 == 0


def test_clients_and_people_are_added(plant: Path) -> None:
    jwk = plant.parent / "client.jwk"
    private = OKPKey.generate_key("Ed25519")
    jwk.write_text(json.dumps(private.as_dict(private=False)))
    made = gaugeblock("customer", "client", "add", "acme", jwk, "--plant", plant)
    assert made.returncode == 0, made.stderr
    assert "https://exchange.example/oauth/token" in made.stdout + made.stderr
    person = gaugeblock("customer", "user", "add", "acme", "anna", "--plant", plant)
    assert person.returncode == 0, person.stderr
    assert gaugeblock("customer", "user", "remove", "acme", "anna", "--plant", plant).returncode == 0


def test_mistakes_are_named(plant: Path) -> None:
    jwk = plant.parent / "client.jwk"
    jwk.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)))
    for arguments, word in (
        (("key", "create", "gamma"), "gamma"),
        (("key", "create", "acme", "--scope", "all"), "all"),
        (("key", "revoke", "nothing"), "nothing"),
        (("client", "add", "acme", jwk), "public key"),
        (("client", "add", "acme", plant), "JWK"),
        (("user", "add", "gamma", "anna"), "gamma"),
    ):
        said = gaugeblock("customer", *arguments, "--plant", plant)
        assert said.returncode == 2
        assert word in said.stderr
        assert "Traceback" not in said.stderr
