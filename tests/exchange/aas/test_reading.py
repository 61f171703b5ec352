from __future__ import annotations

import contextlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.aas import reading, shape
from gaugeblock.exchange.aas.errors import (
    AasDocumentError,
    AasDocumentShapeError,
    AasDocumentSyntaxError,
    AasDocumentTooLargeError,
    AasPackageError,
    AasPackageFormatError,
)
from gaugeblock.exchange.aas.package import package
from gaugeblock.exchange.aas.reading import read_document
from gaugeblock.exchange.aas.view import StoredFile
from gaugeblock.exchange.aas.xml_form import to_xml
from tests.exchange.aas.full import ENVIRONMENT

AAS = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "aas"


def zipped(**parts: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return held.getvalue()


def repacked(body: bytes, **changed: bytes) -> bytes:
    """A package with parts changed; None takes one away."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zipped(**{**parts, **changed})


def test_an_environment_is_read_as_it_was_written() -> None:
    assert read_document(json.dumps(ENVIRONMENT).encode()).environment == ENVIRONMENT
    assert read_document(b"\xef\xbb\xbf{}").environment == {}


def test_a_package_is_read_with_its_files() -> None:
    files = {"/aasx/files/manual.pdf": StoredFile("application/pdf", b"%PDF-1.7")}
    document = read_document(package(ENVIRONMENT, files))
    assert document.environment == ENVIRONMENT
    assert document.files == files


def test_xml_is_read_alone_and_in_a_package() -> None:
    assert read_document(to_xml(ENVIRONMENT)).environment == ENVIRONMENT
    in_xml = repacked(package(ENVIRONMENT, {}), **{"aasx/environment.json": to_xml(ENVIRONMENT)})
    assert read_document(in_xml).environment == ENVIRONMENT
    with pytest.raises(AasPackageFormatError):
        read_document(repacked(package(ENVIRONMENT, {}), **{"aasx/environment.json": b"\x89PNG"}))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"submodels": [}', b"\xff\xfe{}", b'{"submodels": "\xff"}', b"[1, 2"]
)
def test_what_is_no_json_is_named(body: bytes) -> None:
    with pytest.raises(AasDocumentSyntaxError):
        read_document(body)


def submodel(*elements: Any, **more: Any) -> dict[str, Any]:
    return {"submodels": [{"modelType": "Submodel", "id": "urn:s", "submodelElements": list(elements), **more}]}


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {"submodels": {}},
        {"submodels": [1]},
        {"submodels": [{"modelType": "Submodel"}]},
        {"submodels": [{"modelType": "Submodel", "id": "x" * 2001}]},
        {"submodels": [{"modelType": "Shell", "id": "urn:s"}]},
        {"submodels": [{"modelType": "Submodel", "id": "urn:s"}] * 2},
        {"assetAdministrationShells": [{"modelType": "AssetAdministrationShell", "id": "urn:a"}]},
        submodel({"modelType": "Property", "idShort": "A"}),
        submodel({"modelType": "Property", "valueType": "xs:int"}),
        submodel({"modelType": "Property", "idShort": "A", "valueType": "xs:int", "value": 3}),
        submodel({"modelType": "Nonsense", "idShort": "A"}),
        submodel(*[{"modelType": "Capability", "idShort": "A"}] * 2),
        submodel({"modelType": "RelationshipElement", "idShort": "A", "first": {}, "second": {}}),
        submodel({"modelType": "SubmodelElementCollection", "idShort": "A", "value": {}}),
        submodel({"modelType": "MultiLanguageProperty", "idShort": "A", "value": ["text"]}),
        submodel(semanticId={"type": "ExternalReference", "keys": []}),
    ],
)
def test_a_tree_of_another_shape_is_named(tree: object) -> None:
    with pytest.raises(AasDocumentShapeError):
        read_document(json.dumps(tree).encode())


def test_depth_is_bounded_before_anything_recurses() -> None:
    for body in (b"[" * 1_000_000, b'{"a":' * 500_000):
        begun = time.process_time()
        with pytest.raises(AasDocumentTooLargeError):
            read_document(body)
        assert time.process_time() - begun < 5
    # Brackets in strings, quoted quotes among them, are no levels.
    text = {"modelType": "Property", "idShort": "A", "valueType": "xs:string", "value": "[" * 500 + '\\"{' * 200}
    deep = json.dumps(submodel(text))
    assert read_document(deep.encode()).environment == json.loads(deep)


@pytest.mark.skipif(not AAS.is_dir(), reason="../shared/conformance/aas is not there")
@pytest.mark.parametrize(
    "file",
    [AAS / "environment_full.json", *sorted((AAS / "templates").glob("*.json"))] if AAS.is_dir() else [],
    ids=lambda file: file.stem[:20],
)
def test_what_is_published_is_read(file: Path) -> None:
    assert read_document(file.read_bytes()).environment == json.loads(file.read_bytes())


def test_elements_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "ELEMENTS_MOST", 10)
    few = [{"modelType": "Capability", "idShort": f"C{place}"} for place in range(10)]
    assert read_document(json.dumps(submodel(*few)).encode())
    inside = {"modelType": "SubmodelElementCollection", "idShort": "A", "value": few}
    with pytest.raises(AasDocumentTooLargeError):
        read_document(json.dumps(submodel(inside)).encode())


def test_bytes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "DOCUMENT_MOST_BYTES", 100)
    with pytest.raises(AasDocumentTooLargeError):
        read_document(b" " * 101)


def test_a_package_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "UNPACKED_MOST_BYTES", 100_000)
    bomb = package({}, {"/aasx/files/a.bin": StoredFile("application/octet-stream", b"\0" * 10_000_000)})
    assert len(bomb) < 20_000
    with pytest.raises(AasDocumentTooLargeError):
        read_document(bomb)


def test_a_package_of_too_many_files_is_refused() -> None:
    with pytest.raises(AasDocumentTooLargeError):
        read_document(zipped(**{f"part{place}": b"" for place in range(2001)}))


def test_a_damaged_package_is_named() -> None:
    whole = package(ENVIRONMENT, {})
    for body in (b"PK", whole[: len(whole) // 2], zipped(a=b""), repacked(whole, **{"_rels/.rels": b"<x"})):
        with pytest.raises(AasPackageError):
            read_document(body)


def test_a_package_cannot_define_entities() -> None:
    evil = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><Relationships/>'
    with pytest.raises(AasPackageError, match="DOCTYPE"):
        read_document(repacked(package(ENVIRONMENT, {}), **{"_rels/.rels": evil}))


def test_what_leads_out_of_the_package_leads_nowhere() -> None:
    whole = package(ENVIRONMENT, {})
    out = (
        b'<Relationships><Relationship Type="http://admin-shell.io/aasx/relationships/aas-spec" '
        b'Target="../../etc/passwd" Id="r1"/></Relationships>'
    )
    with pytest.raises(AasPackageError):
        read_document(repacked(whole, **{"aasx/_rels/aasx-origin.rels": out}))


WHOLE = (package(ENVIRONMENT, {}), json.dumps(ENVIRONMENT).encode(), to_xml(ENVIRONMENT))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_bytes_the_end_is_a_document_or_a_named_error(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(AasDocumentError):
        read_document(bytes(whole))
