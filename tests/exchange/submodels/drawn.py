"""Inputs of submodels drawn from their types, and the outside checkers that judge what is built from them."""

from __future__ import annotations

import datetime as dt
import io
import json
import string
import tempfile
import types
import typing
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from gaugeblock.exchange.aas.identifiables import shell, whole_environment
from gaugeblock.exchange.aas.package import package
from gaugeblock.exchange.aas.references import Tree, external_reference, model_reference
from gaugeblock.exchange.aas.view import StoredFile
from gaugeblock.exchange.submodels.technical_data import Characteristic
from gaugeblock.exchange.submodels.time_series import Variable

TEMPLATES = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "aas" / "templates"

_TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFFFD, exclude_categories=("Cs", "Cc", "Cn")),
    min_size=1,
    max_size=20,
).map(lambda text: text.strip() or "x")
_NAME = st.text(string.ascii_letters, min_size=2, max_size=8)
_MOMENT = st.integers(946684800, 4070908800).map(lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC))
# Results refer to features, so there have to be some.
_KEPT = {"linear", "attributive", "geometric"}
_NUMBER = st.decimals(-1000, 1000, places=3)


def _variable(name: str) -> Variable:
    return Variable(name=name, semantic_id=f"https://example.com/{name}/1/0")


_BY_NAME = {
    "uri_of_the_product": st.just("https://example.com/product/1"),
    "part_identifier": st.just("https://example.com/part/1"),
    "endpoint": st.just("https://example.com/api"),
    "api": st.just(("https://example.com/pact", "productIds=urn:p:1")),
    "semantic_id": st.just("https://example.com/concept/1/0"),
    "path": _NAME.map(lambda name: f"/aasx/files/{name.lower()}.pdf"),
    "content_type": st.just("application/pdf"),
    "languages": st.just(("en", "zh")),
    "country": st.just("CN"),
    "year_of_construction": st.integers(1990, 2030),
    "interval": st.just((1.0, 2.0)),
    "drift": st.none() | st.just((-0.5, 0.5)),
    "mass_fractions_percent": st.dictionaries(
        st.sampled_from(["C", "Si", "Mn", "P", "S"]), st.decimals("0", "50", places=3)
    ),
    "pieces": st.none() | st.integers(1, 10**6),
    "content": st.just((("Pcf", "12.5"),)),
    "email": st.none() | st.just("quality@example.com"),
    "mails": st.just(("quality@example.com",)),
    "inputs": st.just({"Image": "uint8[224,224,3]"}),
    "Result.place": st.just(0),
    "Result.device": st.just(0),
    "range": st.just((0.0, 100.0)),
    "valid_until": st.just(dt.date(2030, 1, 1)),
    "datums": st.just(("A", "B")),
    "Characteristic.name": _NAME,
    "TimeSeries.variables": st.just((_variable("Torque"), _variable("Force"))),
    "InternalSegment.records": st.lists(st.tuples(st.integers(0, 10**6), st.tuples(_NUMBER, st.none() | _NUMBER))).map(
        tuple
    ),
}


def given_of(kind: Any, field: str = "") -> st.SearchStrategy[Any]:
    """Values of a type; a field's name says what its type does not."""
    if field in _BY_NAME:
        return _BY_NAME[field]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*[given_of(each, field) for each in arguments])
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        # Names within a section are a section's own.
        unique = (lambda each: each.name.lower()) if arguments[0] is Characteristic else None
        return st.lists(given_of(arguments[0]), min_size=1, max_size=2, unique_by=unique).map(tuple)
    if origin is tuple:
        return st.tuples(*map(given_of, arguments))
    if origin is dict:
        return st.just(model_reference(("Submodel", "urn:example:contact")))
    if origin is not None and issubclass(origin, Mapping):
        # Names that are idShorts and language tags at once: a type does not tell which it is.
        return st.dictionaries(st.sampled_from(["en", "zh", "de"]), given_of(arguments[1]), min_size=1)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        empty = {field.name for field in msgspec.structs.fields(kind) if field.default in ((), {})} - _KEPT
        named = {f"{kind.__name__}.{name}": (name, hint) for name, hint in hints.items()}
        return st.builds(
            kind,
            **{
                name: _or_nothing(_BY_NAME.get(key, given_of(hint, name)), hint, name in empty)
                for key, (name, hint) in named.items()
            },
        )
    return {
        str: _TEXT,
        bool: st.booleans(),
        int: st.integers(0, 10**6),
        float: st.floats(-1e6, 1e6),
        Decimal: _NUMBER,
        dt.date: st.dates(dt.date(2000, 1, 1), dt.date(2099, 1, 1)),
        dt.datetime: _MOMENT,
        type(None): st.none(),
    }[kind]


def _or_nothing(drawn: st.SearchStrategy[Any], hint: Any, may_be_empty: bool) -> st.SearchStrategy[Any]:
    nothing: Any = () if typing.get_origin(hint) is tuple else {}
    return st.just(nothing) | drawn if may_be_empty else drawn


def environment_of(submodel: Tree) -> Tree:
    """A shell with the submodel."""
    own = shell("urn:example:shell", "Shell", "urn:example:asset", [submodel])
    return whole_environment([own], [submodel])


def assert_official_engine_finds_nothing(environment: Tree) -> None:
    """aas-test-engines ``check_file`` for the JSON and the package."""
    file = pytest.importorskip("aas_test_engines.file")
    checked = [file.check_json_data(environment)]
    with zipfile.ZipFile(io.BytesIO(package(environment, files_of(environment)))) as archive:
        checked.append(file.check_aasx_data(archive))
    for result in checked:
        assert result.ok(), "\n".join(result.to_lines())


def files_of(environment: Tree) -> dict[str, StoredFile]:
    """A file for each part that the environment names."""
    text = json.dumps(environment)
    return {
        path: StoredFile("application/pdf", b"%PDF-1.7")
        for path in (each.partition('"')[0] for each in text.split('"value": "')[1:])
        if path.startswith("/aasx/files/")
    }


def assert_template_is_followed(environment: Tree, template: str | None) -> None:
    """aas-submodel-validate, by its own table or by the published template."""
    validate = pytest.importorskip("aas_submodel_validate")
    chosen = {} if template is None else {"template": _template(template)}
    report = validate.validate(json.dumps(environment).encode(), format="json", **chosen)
    assert report.judged, report
    errors = [
        f"{each.id} {each.rule.title}: {each.violation}"
        for each in report.findings
        if str(each.severity).lower().endswith("error")
    ]
    assert not errors, "\n".join(errors)


_HELD = tempfile.TemporaryDirectory()


@cache
def _template(pattern: str) -> Path:
    """A published template. One has no semantic id of its own: it gets its identifier, for the checker needs one."""
    found = next(TEMPLATES.glob(pattern), None) if TEMPLATES.is_dir() else None
    if found is None:
        pytest.skip("../shared/conformance/aas/templates is not there")
    tree = json.loads(found.read_bytes())
    submodel = tree["submodels"][0]
    if "semanticId" in submodel:
        return found
    submodel["semanticId"] = external_reference(submodel["id"])
    completed = Path(_HELD.name) / found.name
    completed.write_text(json.dumps(tree), encoding="utf-8")
    return completed


def assert_basyx_reads_it(environment: Tree) -> None:
    """basyx-python-sdk reads it strictly and finds the submodel and its elements."""
    adapter = pytest.importorskip("basyx.aas.adapter.json")
    store = adapter.read_aas_json_file(io.StringIO(json.dumps(environment)), failsafe=False)
    submodel = environment["submodels"][0]
    read = store.get_item(submodel["id"])
    aasx = pytest.importorskip("basyx.aas.adapter.aasx")
    model = pytest.importorskip("basyx.aas.model")
    with aasx.AASXReader(io.BytesIO(package(environment, files_of(environment)))) as reader:
        from_package: Any = model.DictIdentifiableStore()
        held = aasx.DictSupplementaryFileContainer()
        assert submodel["id"] in reader.read_into(from_package, held)
    assert set(files_of(environment)) <= set(held)
    assert {each.id_short for each in read.submodel_element} == {
        each["idShort"] for each in submodel["submodelElements"]
    }
