"""What the typed builders make is valid by the official engine and readable by another implementation."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.aas import elements as e
from gaugeblock.exchange.aas.errors import AasIdentifierError, AasValueError
from gaugeblock.exchange.aas.id_short_path import element_reference, found, parsed, paths
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.identifiers import decoded, encoded
from gaugeblock.exchange.aas.lexical import lexical
from gaugeblock.exchange.aas.value_only import scalar
from tests.exchange.aas.full import ALL, ENVIRONMENT


def test_the_official_engine_finds_nothing() -> None:
    file = pytest.importorskip("aas_test_engines.file")
    result = file.check_json_data(ENVIRONMENT)
    assert result.ok(), "\n".join(result.to_lines())


def test_basyx_reads_every_kind_of_element() -> None:
    adapter = pytest.importorskip("basyx.aas.adapter.json")
    store = adapter.read_aas_json_file(io.StringIO(json.dumps(ENVIRONMENT)), failsafe=False)
    read = store.get_item("urn:example:all")
    assert {each.id_short for each in read.submodel_element} == {each["idShort"] for each in ALL["submodelElements"]}


@given(st.text(min_size=1, max_size=300).filter(lambda text: text.encode("utf-8", "ignore").decode() == text))
def test_an_identifier_comes_back(identifier: str) -> None:
    assert decoded(encoded(identifier)) == identifier
    padded = encoded(identifier) + "=" * (-len(encoded(identifier)) % 4)
    assert decoded(padded) == identifier


@pytest.mark.parametrize(
    "value", ["", "=", "a", "aGk===", "a b", "aGk\n", "aG+k", "aG/k", "//79", "é", "YR", "_" * 20000]
)
def test_what_is_no_identifier(value: str) -> None:
    with pytest.raises(AasIdentifierError):
        decoded(value)


@given(st.data())
def test_every_path_leads_where_its_reference_says(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(paths(ALL))))
    way = found(ALL, path)
    assert way is not None
    keys = element_reference(ALL["id"], path, way)["keys"]
    assert [key["value"] for key in keys[1:]] == [str(step) for step in parsed(path)]
    assert keys[-1]["type"] == way[-1]["modelType"]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_a_decimal_is_written_without_an_exponent_and_comes_back(value: Decimal) -> None:
    text = lexical("x", value, "xs:decimal")
    assert "E" not in text.upper()
    assert Decimal(text) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_comes_back(value: float) -> None:
    assert float(lexical("x", value, "xs:double")) == value


@pytest.mark.parametrize(
    ("value", "value_type"),
    [
        (math.nan, "xs:double"),
        (math.inf, "xs:float"),
        (10**400, "xs:double"),
        (1e39, "xs:float"),
        (1.5, "xs:int"),
        (2**31, "xs:int"),
        (0, "xs:positiveInteger"),
        (True, "xs:int"),
        ("3", "xs:int"),
        (3, "xs:string"),
        (dt.datetime(2026, 1, 1), "xs:dateTime"),  # noqa: DTZ001 - a moment without a zone is what is refused
        ("no uri", "xs:anyURI"),
        ("\x00", "xs:string"),
        ("\ud800", "xs:string"),
    ],
)
def test_what_a_type_cannot_say_is_refused(value: object, value_type: str) -> None:
    with pytest.raises(AasValueError):
        e.prop("Name", value, type=value_type)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "build",
    [
        lambda: e.prop("1st", "x"),
        lambda: e.prop("a-b", "x"),
        lambda: e.prop("x" * 129, "x"),
        lambda: e.collection("A", [e.prop("Same", "1"), e.prop("SAME", "2")]),
        lambda: e.languages("A", {"english language": "x"}),
        lambda: e.languages("A", {"en": ""}),
        lambda: e.languages("A", {"en": "x" * 1024}),
        lambda: e.file("A", "/a", "pdf"),
        lambda: submodel("", "A", None, []),
    ],
)
def test_what_the_metamodel_forbids_is_refused(build: object) -> None:
    with pytest.raises(AasValueError):
        build()  # type: ignore[operator]


def test_nothing_in_is_nothing_out() -> None:
    assert e.prop("A", None) is None
    assert e.languages("A", {}) is None
    assert e.value_range("A", None, None) is None
    assert e.element_list("A", []) is None
    assert e.collection("A", [None], unless_empty=True) is None
    assert e.collection("A", [None]) == {"modelType": "SubmodelElementCollection", "idShort": "A"}


@pytest.mark.parametrize(
    ("text", "value_type", "expected"),
    [
        ("9007199254740993", "xs:long", "9007199254740993"),
        ("-7", "xs:byte", -7),
        ("NaN", "xs:double", "NaN"),
        ("1e3", "xs:double", 1000.0),
        ("x", "xs:int", "x"),
        ("0", "xs:boolean", False),
        (None, "xs:int", None),
        ("2026-11-25", "xs:date", "2026-11-25"),
    ],
)
def test_values_as_json_has_them(text: str | None, value_type: str, expected: object) -> None:
    assert scalar(text, value_type) == expected
    assert type(scalar(text, value_type)) is type(expected)
