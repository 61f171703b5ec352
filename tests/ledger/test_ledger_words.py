"""Every refusal of the ledger, and every step of a verification, has words in both languages."""

from __future__ import annotations

import base64
import inspect
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.apps import evidence as evidence_command
from gaugeblock.ledger import detail, errors
from gaugeblock.ledger.detail import LedgerError, because, in_words, reason, visible
from gaugeblock.ledger.evidence import Evidence
from gaugeblock.ledger.record import parse
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
    assert {key[2] for key in map(_split, catalogue("en")) if key[:2] == ["ledger", "step"]} == set(STEPS)


def _split(key: str) -> list[str]:
    return key.split(".")


def test_every_reason_in_the_code_has_words_and_every_word_is_used() -> None:
    room = Path(detail.__file__).parent
    text = "".join(file.read_text("utf-8") for file in room.glob("*.py"))
    used = set(re.findall(r'ledger\.detail\.(\w+)"', text)) | set(re.findall(r'because\("(\w+)"', text))
    used |= {"vkey_of_log", "vkey_of_witness", "name_twice", "member_missing", "member_unknown", "member_type"}
    assert {key[2] for key in map(_split, catalogue("zh")) if key[:2] == ["ledger", "detail"]} == used


def test_reasons_of_reasons_are_said_in_the_readers_language_even_after_a_process_boundary() -> None:
    header = base64.urlsafe_b64encode(b"{").rstrip(b"=")
    with pytest.raises(errors.RecordFormError) as caught:
        parse(header + b".e30.e30")
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.text("zh") == "这些字节不是一条记录：头部：记录头部 不是严格的 JSON：第 1 行第 2 列不是 JSON。"
    assert error.text("en").startswith(
        "These bytes are not a record: its header: the record's header is not exact JSON"
    )
    assert error.facts["detail"] in error.text("en")
    assert json.loads(json.dumps(error.facts)) == error.facts


@pytest.mark.parametrize(
    ("change", "zh"),
    [
        ({"form": None}, "$.form 处应为 str，实为 null"),
        ({"more": 1}, "$ 处有多余的成员 more"),
        ({"\x1b[2J": 1}, "多余的成员 \\x1b[2J"),
        ({"record": {}}, "$.record 处缺少成员 index"),
        ({"form": "x"}, "$.form 处的值不被允许"),
    ],
)
def test_shapes_are_told_without_english(small_log: Any, change: dict[str, Any], zh: str) -> None:
    with pytest.raises(errors.EvidenceFormError) as caught:
        Evidence.from_bytes(json.dumps({**json.loads(small_log.evidence(3)), **change}).encode())
    assert zh in caught.value.text("zh")
    assert "Object" not in caught.value.text("zh")
    assert "\x1b" not in caught.value.text("zh") + caught.value.text("en")


def test_a_text_that_only_looks_like_a_reason_is_left_as_it_is() -> None:
    for text in ('["ledger.detail.nothing", {}]', '["', "plain"):
        assert in_words(text, "zh") == text
    assert reason(ValueError("anything")) == because("not_base64")["because"]
    assert len(visible("x" * 500)) == 80
    assert issubclass(errors.SizeLimitError, LedgerError)
