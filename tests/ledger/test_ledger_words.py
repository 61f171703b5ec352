"""Every refusal of the ledger, and every step of a verification, has words in both languages."""

from __future__ import annotations

import inspect
import re

import pytest

from gaugeblock.apps import evidence as evidence_command
from gaugeblock.ledger import errors
from gaugeblock.ledger.verify import STEPS
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import LANGUAGES, catalogue

CLASSES = [
    value
    for module in (errors, evidence_command)
    for value in vars(module).values()
    if inspect.isclass(value) and issubclass(value, GaugeblockError) and value.__module__ == module.__name__
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.code)
def test_every_error_can_be_said(error: type[GaugeblockError]) -> None:
    assert error.code.startswith("ledger.")
    documented = set(re.findall(r"``(\w+)``", (error.__doc__ or "").partition("Facts:")[2]))
    for language in LANGUAGES:
        for part in ("text", "remedy"):
            sentence = catalogue(language)[error.code.replace("ledger.", "ledger.error.", 1) + "." + part]
            assert set(re.findall(r"{(\w+)}", sentence)) <= documented
    sample = error(**dict.fromkeys(documented, "x"))
    assert sample.text("zh") != sample.text("en")
    assert sample.remedy("zh") != sample.remedy("en")


def test_no_words_without_use() -> None:
    used = {error.code.removeprefix("ledger.") for error in CLASSES}
    for language in LANGUAGES:
        keys = [key.split(".") for key in catalogue(language) if key.startswith("ledger.")]
        assert {key[2] for key in keys if key[1] == "error"} == used
        assert {key[2] for key in keys if key[1] == "verify" and len(key) == 4} == set(STEPS)
