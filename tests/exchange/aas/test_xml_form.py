from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from gaugeblock.exchange.aas.errors import AasDocumentShapeError, AasDocumentSyntaxError, AasDocumentTooLargeError
from gaugeblock.exchange.aas.xml_form import NAMESPACE, from_xml, to_xml
from tests.exchange.aas.full import ALL, ENVIRONMENT

AAS = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "aas"


def test_an_environment_comes_back() -> None:
    assert from_xml(to_xml(ENVIRONMENT)) == ENVIRONMENT


def published() -> list[Path]:
    return [AAS / "environment_full.json", *sorted((AAS / "templates").glob("*.json"))] if AAS.is_dir() else []


@pytest.mark.skipif(not AAS.is_dir(), reason="../shared/conformance/aas is not there")
@pytest.mark.parametrize("file", published(), ids=lambda file: file.stem[:20])
def test_published_environments_come_back(file: Path) -> None:
    tree = json.loads(file.read_bytes())
    kept = {name: trees for name, trees in tree.items() if trees}
    assert from_xml(to_xml(kept)) == kept


def test_the_official_engine_finds_nothing() -> None:
    file = pytest.importorskip("aas_test_engines.file")
    result = file.check_xml_file(io.StringIO(to_xml(ENVIRONMENT).decode()))
    assert result.ok(), "\n".join(result.to_lines())


def test_basyx_reads_it() -> None:
    adapter = pytest.importorskip("basyx.aas.adapter.xml")
    # Since 2.2 it reads the namespace of 3.1 only; what is used here has the same form there.
    body = to_xml(ENVIRONMENT).replace(NAMESPACE.encode(), b"https://admin-shell.io/aas/3/1")
    store = adapter.read_aas_xml_file(io.BytesIO(body), failsafe=False)
    read = store.get_item("urn:example:all")
    assert {each.id_short for each in read.submodel_element} == {each["idShort"] for each in ALL["submodelElements"]}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", AasDocumentSyntaxError),
        (b"<environment", AasDocumentSyntaxError),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><environment/>', AasDocumentSyntaxError),
        (b'<?xml version="1.0" encoding="utf-32"?><environment/>', AasDocumentSyntaxError),
        (b'<?xml version="1.0" encoding="nonsense"?><environment/>', AasDocumentSyntaxError),
        (b"<environment/>", AasDocumentShapeError),
        (f'<submodel xmlns="{NAMESPACE}"/>'.encode(), AasDocumentShapeError),
        (f'<environment xmlns="{NAMESPACE}">'.encode() + b"<a>" * 200, AasDocumentTooLargeError),
    ],
)
def test_what_is_no_environment_is_named(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        from_xml(body)
