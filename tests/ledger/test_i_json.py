from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger import i_json
from gaugeblock.ledger.errors import (
    CountLimitError,
    DepthLimitError,
    JsonFormError,
    NumberRangeError,
    SizeLimitError,
)
from gaugeblock.plant.errors import GaugeblockError

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
exact = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def read(raw: bytes) -> object:
    return i_json.read(raw, "test", max_bytes=100_000)


@given(exact)
@settings(max_examples=300, deadline=None)
def test_round_trip(value: object) -> None:
    assert read(i_json.write(value, "test", max_bytes=100_000)) == value


@given(exact)
@settings(max_examples=200, deadline=None)
def test_another_writers_spelling_reads_the_same(value: object) -> None:
    for options in ({"indent": 1}, {"ensure_ascii": True}, {"separators": (", ", " : ")}):
        assert read(json.dumps(value, **options).encode()) == value  # type: ignore[arg-type]


class Reading(msgspec.Struct):
    value: Any
    note: str = "0" * 20


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 2**53 + 1, -(2**53) - 1, 2**63, 2**70])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": {"b": [1, v]}}, Reading, lambda v: (v,)])
def test_inexact_numbers_are_refused_at_writing(bad: object, wrap: Any) -> None:
    with pytest.raises(NumberRangeError):
        i_json.write(wrap(bad), "test", max_bytes=1000)


def test_the_largest_exact_integers_pass() -> None:
    for value in (2**53, -(2**53)):
        assert read(i_json.write([value, None], "test", max_bytes=100)) == [value, None]


@pytest.mark.parametrize(
    "raw",
    [
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"9007199254740993",
        b"[-9007199254740993]",
        b"1e400",
        b"[" + b"9" * 5000 + b"]",
    ],
)
def test_inexact_numbers_are_refused_at_reading(raw: bytes) -> None:
    with pytest.raises(NumberRangeError):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":{"a":1,"a":2}}',
        b'"\\ud800"',
        b'["\\udc00\\ud800"]',
        b'"\xff"',
        b"",
        b"{",
        b"[1,]",
        b"01",
        b"[1] 2",
        b"'a'",
        b'"\x01"',
        b"\xef\xbb\xbf1",
    ],
)
def test_ambiguous_text_is_refused(raw: bytes) -> None:
    with pytest.raises(JsonFormError):
        read(raw)


def test_limits_are_exact() -> None:
    depth = i_json.MAX_DEPTH
    assert read(b"[" * depth + b"]" * depth)
    with pytest.raises(DepthLimitError):
        read(b"[" * (depth + 1) + b"]" * (depth + 1))
    # Brackets in strings and side by side do not nest.
    assert read(b'["' + b"[" * 100 + b'"]') == ["[" * 100]
    assert read(b"[" + b",".join([b"[]"] * 100) + b"]") == [[]] * 100
    with pytest.raises(DepthLimitError):
        read(b"[" * 50_000)
    with pytest.raises(SizeLimitError):
        i_json.read(b'"12345"', "test", max_bytes=6)
    assert read(b"[" + b"1," * (i_json.MAX_MEMBERS - 1) + b"1]")
    with pytest.raises(CountLimitError):
        read(b"[" + b"1," * i_json.MAX_MEMBERS + b"1]")
    assert read(b'"' + b"," * 9000 + b'"') == "," * 9000


def test_limits_hold_at_writing() -> None:
    nested: object = 1
    for _ in range(i_json.MAX_DEPTH + 1):
        nested = [nested]
    with pytest.raises(DepthLimitError):
        i_json.write(nested, "test", max_bytes=1000)
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(DepthLimitError):
        i_json.write(endless, "test", max_bytes=1000)
    with pytest.raises(SizeLimitError):
        i_json.write("x" * 100, "test", max_bytes=100)
    with pytest.raises(CountLimitError):
        i_json.write([1] * (i_json.MAX_MEMBERS + 1), "test", max_bytes=100_000)
    for value in (object(), "\ud800", {("a",): 1}):
        with pytest.raises(JsonFormError):
            i_json.write(value, "test", max_bytes=1000)


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\u0d8N1e-. ', max_size=40).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_reading_anything_names_what_is_wrong_or_agrees_with_the_standard_library(raw: bytes) -> None:
    try:
        value = read(raw)
    except GaugeblockError:
        return
    assert json.loads(raw) == value


@pytest.mark.parametrize(
    "raw", [b'\\"' * 1_000_000, b'"\\"' * 700_000, b"[" * 2_000_000, b"1." + b"1" * 2_000_000, b'{"' * 900_000]
)
def test_long_nonsense_is_refused_without_much_ado(raw: bytes) -> None:
    """Quadratic work on two megabytes would not end within the test run."""
    with pytest.raises(GaugeblockError):
        i_json.read(raw + b"," * 5000 + b"[" * 20, "test", max_bytes=3_000_000)
    with pytest.raises(GaugeblockError):
        i_json.read(raw, "test", max_bytes=3_000_000)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(inner) for inner in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(inner) for inner in value), default=0)
    return 0


nested = st.recursive(
    st.sampled_from(['"["', "1"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(inner, max_size=3).map(lambda items: "{" + ",".join(f'"{n}":{v}' for n, v in enumerate(items)) + "}")
    ),
    max_leaves=30,
)


@given(nested, st.integers(1, 6))
def test_depth_is_counted_the_same_however_many_brackets_there_are(text: str, limit: int) -> None:
    if _depth(json.loads(text)) > limit:
        with pytest.raises(DepthLimitError):
            i_json.read(text.encode(), "test", max_bytes=100_000, max_depth=limit)
    else:
        assert i_json.read(text.encode(), "test", max_bytes=100_000, max_depth=limit) == json.loads(text)
