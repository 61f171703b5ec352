"""plant.toml: what is wrong is named by file, key and remedy."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.apps.project import TEMPLATE
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.identifiers import (
    IdentifierError,
    SocialCreditCodeError,
    check_social_credit_code,
    social_credit_check_character,
)
from gaugeblock.plant.settings import (
    DuplicateIdentifierError,
    FolderCamera,
    SettingsSyntaxError,
    SettingsValueError,
    UnknownKeyError,
    UnknownReferenceError,
    VirtualCamera,
    parse_settings,
)

BASE = """
[enterprise]
name = "示例"
[[sites]]
id = "S1"
[[lines]]
id = "L1"
site = "S1"
"""

STATION = """
[[stations]]
id = "ST1"
line = "L1"
module = "m.gbm"
[stations.camera]
kind = "watched_folder"
folder = "in"
"""


def test_the_template_of_init_is_valid() -> None:
    settings = parse_settings(TEMPLATE.format(origin="gaugeblock.invalid/x"))
    assert settings.stations[0].id == "L1-ST10"
    assert isinstance(settings.stations[0].camera, FolderCamera)


def test_cameras_are_told_by_kind() -> None:
    text = BASE + STATION.replace('"watched_folder"\nfolder = "in"', '"virtual"\ncamera_port = 1\nplc_port = 2')
    assert parse_settings(text).stations[0].camera == VirtualCamera(camera_port=1, plc_port=2)


@pytest.mark.parametrize(
    ("extra", "key", "nearest"),
    [
        ("[serverr]\nport = 1\n", "serverr", "server"),
        ("[server]\nprot = 1\n", "server.prot", "server.port"),
        (STATION.replace("folder =", "foldr ="), "stations[0].camera.foldr", "stations[0].camera.folder"),
        (STATION.replace("line =", "lnie ="), "stations[0].lnie", "stations[0].line"),
    ],
)
def test_unknown_keys_are_refused_by_path_with_the_nearest(extra: str, key: str, nearest: str) -> None:
    with pytest.raises(UnknownKeyError) as caught:
        parse_settings(BASE + extra, "my.toml")
    assert caught.value.facts == {"file": "my.toml", "key": key, "nearest": nearest}
    assert key in caught.value.text("zh")
    assert nearest in caught.value.remedy("zh")


@pytest.mark.parametrize(
    ("extra", "error", "named"),
    [
        ("[server]\nport = 99999\n", SettingsValueError, "server.port"),
        ('[server]\nport = "x"\n', SettingsValueError, "server.port"),
        ('[storage]\ndatabase = "postgresql://user:secret@h/db"\n', SettingsValueError, "storage.database"),
        (STATION.replace('"L1"', '"L9"'), UnknownReferenceError, "stations[0].line"),
        (STATION + "deadline_ms = 5\n", UnknownKeyError, "stations[0].camera.deadline_ms"),
        ('[[sites]]\nid = "S1"\n', DuplicateIdentifierError, "sites[1].id"),
        ('[[sites]]\nid = "../x"\n', IdentifierError, "../x"),
        ("[[[", SettingsSyntaxError, "plant.toml"),
    ],
)
def test_faults_are_named(extra: str, error: type[GaugeblockError], named: str) -> None:
    with pytest.raises(error) as caught:
        parse_settings(BASE + extra)
    assert named in str(caught.value)


def test_a_secret_never_enters_a_message() -> None:
    with pytest.raises(SettingsValueError) as caught:
        parse_settings(BASE + '[storage]\ndatabase = "postgresql://user:secret@h/db"\n')
    assert "secret@" not in str(caught.value)


@given(st.text(alphabet="0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=17, max_size=17), st.data())
def test_social_credit_code_finds_every_single_wrong_character(body: str, data: st.DataObject) -> None:
    code = body + social_credit_check_character(body)
    assert check_social_credit_code(code) == code
    position = data.draw(st.integers(0, 17))
    other = data.draw(st.sampled_from([c for c in "0123456789ABCDEFGHJKLMNPQRTUWXY" if c != code[position]]))
    with pytest.raises(SocialCreditCodeError):
        check_social_credit_code(code[:position] + other + code[position + 1 :])


@given(st.dictionaries(st.text(string.ascii_lowercase, min_size=1), st.integers(), min_size=1, max_size=3))
def test_no_unknown_table_ever_passes(table: dict[str, int]) -> None:
    lines = "\n".join(f"{key} = {value}" for key, value in table.items())
    with pytest.raises(GaugeblockError):
        parse_settings(BASE + f"[zz_unknown]\n{lines}\n")
