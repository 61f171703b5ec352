"""Private key files: made once, whole, and only for their owner."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gaugeblock.ledger.keys import SigningKey
from gaugeblock.stores.errors import (
    EntityNameError,
    KeyFileDamagedError,
    KeyFileExistsError,
    KeyFileMissingError,
    KeyFileOpenError,
)
from gaugeblock.stores.keyring import Keyring

STATION = "station:L1-ST10"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys")


def test_a_key_is_kept_for_its_owner_only(keyring: Keyring, tmp_path: Path) -> None:
    key = keyring.create(STATION)
    assert keyring.load(STATION).public == key.public
    assert Keyring(tmp_path / "keys").list() == [STATION]
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE(keyring.path(STATION).stat().st_mode) == 0o600
    assert keyring.path(STATION).read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_a_key_is_never_overwritten(keyring: Keyring) -> None:
    key = keyring.create(STATION)
    with pytest.raises(KeyFileExistsError):
        keyring.create(STATION)
    assert keyring.load_or_create(STATION).public == key.public
    assert keyring.load_or_create("person:li.wei").public != key.public
    assert keyring.list() == ["person:li.wei", STATION]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(keyring: Keyring, mode: int) -> None:
    keyring.create(STATION)
    keyring.path(STATION).chmod(mode)
    with pytest.raises(KeyFileOpenError) as caught:
        keyring.load(STATION)
    assert caught.value.facts["mode"] == f"{mode:04o}"
    assert "chmod 600" in caught.value.remedy("en")


def test_a_directory_that_others_may_read_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    keyring.create(STATION)
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(KeyFileOpenError):
        keyring.load(STATION)
    with pytest.raises(KeyFileOpenError):
        Keyring(tmp_path / "keys")


def test_what_is_no_key_is_named(keyring: Keyring) -> None:
    with pytest.raises(KeyFileMissingError):
        keyring.load(STATION)
    keyring.create(STATION)
    keyring.path(STATION).write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(KeyFileDamagedError):
        keyring.load(STATION)
    for entity in ("", "station", "station:", "station:../x", "station:a/b", "Station:a", "station:a\n"):
        with pytest.raises(EntityNameError):
            keyring.path(entity)


def test_replaced_and_retired_keys_are_set_aside(keyring: Keyring, tmp_path: Path) -> None:
    old, new = keyring.create(STATION), SigningKey.generate()
    keyring.replace(STATION, new)
    assert keyring.load(STATION).public == new.public
    aside = list((tmp_path / "keys").glob("*.retired"))
    assert [SigningKey.from_pem(path.read_bytes()).public for path in aside] == [old.public]
    assert stat.S_IMODE(aside[0].stat().st_mode) == 0o600
    keyring.retire(STATION)
    assert keyring.list() == []
    assert len(list((tmp_path / "keys").glob("*.retired"))) == 2
