"""The catalogue: two languages, one set of keys, and words for every error there is."""

from __future__ import annotations

import importlib
import pkgutil
import string

import pytest

import gaugeblock
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import LANGUAGES, catalogue, language_of, say


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def _all_errors() -> list[type[GaugeblockError]]:
    for module in pkgutil.walk_packages(gaugeblock.__path__, "gaugeblock."):
        if not any(part in module.name for part in ("__main__", "migrations")):
            importlib.import_module(module.name)
    found: list[type[GaugeblockError]] = []
    todo = [GaugeblockError]
    while todo:
        for cls in todo.pop().__subclasses__():
            if cls.__module__.startswith("gaugeblock."):
                found.append(cls)
            todo.append(cls)
    return found


def test_both_languages_hold_the_same_keys() -> None:
    zh, en = (set(catalogue(language)) for language in ("zh", "en"))
    assert zh - en == set(), "keys that only zh has"
    assert en - zh == set(), "keys that only en has"


def test_both_languages_name_the_same_facts() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    differing = {key: (_fields(zh[key]), _fields(en[key])) for key in zh if _fields(zh[key]) != _fields(en[key])}
    assert differing == {}


def test_no_sentence_is_empty_and_chinese_is_not_english() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert [key for key in zh if not zh[key].strip() or not en[key].strip()] == []
    long_same = [key for key in zh if zh[key] == en[key] and len(zh[key].split()) > 3]
    assert long_same == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_text_and_remedy(language: str) -> None:
    words = catalogue(language)  # type: ignore[arg-type]
    missing = []
    for error in _all_errors():
        room, name = error.code.split(".", 1)
        missing += [
            f"{error.__name__}: {room}.error.{name}.{part}"
            for part in ("text", "remedy")
            if f"{room}.error.{name}.{part}" not in words
        ]
    assert missing == []


def test_every_error_code_is_its_rooms_and_its_own() -> None:
    seen: dict[str, type[GaugeblockError]] = {}
    for error in _all_errors():
        if "code" not in vars(error):
            continue  # a branch of the tree that leaves share
        room = error.__module__.split(".")[1]
        assert error.code.split(".")[0] == room or room == "apps", error
        assert seen.setdefault(error.code, error) is error, (error, seen[error.code])


def test_say_fills_facts_that_are_called_like_its_parameters() -> None:
    assert "a.b" in say("plant.error.unknown_key.text", "en", file="f", key="a.b", nearest="")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("zh_CN.UTF-8", "zh"), ("en-US,zh;q=0.8", "en"), ("fr,en", "en"), ("", "zh"), (None, "zh"), ("de", "zh")],
)
def test_language_of(asked: str | None, expected: str) -> None:
    assert language_of(asked) == expected
