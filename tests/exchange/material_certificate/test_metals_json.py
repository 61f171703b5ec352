"""Metals JSON: the published fixtures come back as they went in; what breaks the form is named; nothing is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from benchmarks.exchange._documents import metals_fixtures
from gaugeblock.exchange.document_errors import CertificateFormError
from gaugeblock.exchange.material_certificate.metals_json import digest, read_metals, write_metals
from gaugeblock.ledger.errors import JsonFormError, LedgerError

METALS = Path(__file__).resolve().parents[3].parent / "shared" / "conformance" / "metals"
FIXTURES = METALS / "fixtures"
SCHEMA = METALS / "schemas" / "v0.1.1" / "schema.json"
needs_shared = pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/conformance/metals is not there")

MINIMAL = {
    "DigitalMaterialPassport": {
        "Languages": ["EN"],
        "Id": "C1",
        "Version": "1.0.0",
        "IssueDate": "2026-11-24",
        "TransactionData": {
            "Parties": {
                role: {"Name": "A", "Street": ["1"], "ZipCode": "1", "City": "C", "Country": "CN"}
                for role in ("Manufacturer", "Customer")
            },
            "BusinessTransaction": {
                "Order": {"Id": "1"},
                "Delivery": {"Id": "1", "Quantity": 1, "QuantityUnit": "pcs"},
            },
        },
        "Product": {"Name": "P", "BatchId": "L"},
        "Validation": {
            "ValidationStatement": {"Statement": "S"},
            "ValidationDate": "2026-11-24",
            "Validators": [{"Name": "N", "Title": "T"}],
        },
    }
}


def _text(*path: str, value: object) -> bytes:
    """The minimal certificate with one member changed."""
    tree = json.loads(json.dumps(MINIMAL))
    place = tree["DigitalMaterialPassport"]
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    return json.dumps(tree).encode()


@needs_shared
def test_the_23_fixtures_come_back() -> None:
    result = metals_fixtures(FIXTURES)
    assert (result.passed, result.files, result.remarks) == (23, 23, {})


@needs_shared
def test_a_changed_fixture_does_not_count_as_come_back(tmp_path: Path) -> None:
    name = "valid_minimal.json"
    tree = json.loads((FIXTURES / name).read_bytes())
    tree["DigitalMaterialPassport"]["Product"]["NewMember"] = {"kept": True}
    (tmp_path / name).write_text(json.dumps(tree))
    result = metals_fixtures(tmp_path)
    assert result.passed == 1
    assert result.remarks == {name: "not understood: /DigitalMaterialPassport/Product/NewMember"}


@needs_shared
def test_what_is_written_is_valid() -> None:
    schema = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_bytes()), format_checker=jsonschema.FormatChecker())
    for file in sorted(FIXTURES.glob("*.json")):
        schema.validate(json.loads(write_metals(read_metals(file.read_bytes()).document)))


def test_digits_stay() -> None:
    raw = _text("Product", "Weight", value=1)
    raw = raw.replace(b'"Weight": 1', b'"Weight": 12.3400')
    document = read_metals(raw).document
    assert document.digital_material_passport.product.weight == Decimal("12.3400")
    assert b'"Weight":12.3400' in write_metals(document)


def test_not_understood_members_are_kept_and_told() -> None:
    raw = _text("Product", "Novelty", value=[1, {"x": "y"}])
    read = read_metals(raw)
    assert dict(read.not_understood) == {"/DigitalMaterialPassport/Product/Novelty": [1, {"x": "y"}]}
    written = json.loads(write_metals(read.document, read.not_understood))
    assert written == json.loads(raw)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("Id",), 7),
        (("Languages",), []),
        (("Languages",), ["EN", "EN"]),
        (("IssueDate",), "2026-02-30"),
        (("Version",), "1.0"),
        (("Product", "CountryOfOrigin"), "China"),
        (("Product", "Quantity"), 0),
        (("Product", "Weight"), "12.3"),
        (("Product", "Shape"), {"Form": "Impeller", "Unit": "mm"}),
        (("Product", "CustomsClassification"), {"HSCode": "7208", "StandardDescription": "x"}),
        (("Validation", "Validators"), []),
        (("MechanicalProperties",), [{"PropertySymbol": "Rm"}]),
        (("MechanicalProperties",), [{"Actual": {"ResultType": "numeric", "Value": "500"}}]),
        (("MechanicalProperties",), [{"Actual": {"ResultType": "multiValue", "Values": []}}]),
        (("MechanicalProperties",), [{"Actual": {"ResultType": "unheard", "Value": 1}}]),
    ],
)
def test_what_breaks_the_form_is_named_with_its_place(path: tuple[str, ...], value: object) -> None:
    with pytest.raises(CertificateFormError) as caught:
        read_metals(_text(*path, value=value))
    where, detail = str(caught.value.facts["where"]), str(caught.value.facts["detail"])
    assert path[-1].lower().rstrip("s") in (where + detail).lower().replace("_", "")
    for language in ("zh", "en"):
        assert str(caught.value.facts["where"]) in caught.value.text(language)  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [b"", b"[", b'{"a":1,"a":2}', b"[" * 100 + b"]" * 100, b'{"a":NaN}', b"\xff"])
def test_text_that_is_no_json_is_named(raw: bytes) -> None:
    with pytest.raises((LedgerError, CertificateFormError)):
        read_metals(raw)


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(JsonFormError):
        read_metals(json.dumps(MINIMAL).encode().replace(b'"Id": "C1"', b'"Id": "C1", "Id": "C2"'))


def test_digest_is_of_the_text() -> None:
    assert digest(b"a") != digest(b"b")
