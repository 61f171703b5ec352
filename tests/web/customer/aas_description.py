"""The published OpenAPI description of the Submodel Repository's read profile, put together and repaired for testing.

Published in three files that refer to each other by address. Repaired where the description says less or other than
the specification's text, for a tester that takes it at its word:

* two unions are ``oneOf`` although every object fits several of their members: ``anyOf``;
* identifiers and paths are plain strings there, and by the text base64url of what exists: values are named; filters
  and cursors are left out for the same reason, and tested beside the interface;
* forms that an element does not have (the path of a property, the attachment of what is no file) are not asked for.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import yaml

INSIDE = "ExampleSubmodelCollection"
CONTAINERS = [INSIDE, f"{INSIDE}.ExampleSubmodelList"]
FILES = [f"{INSIDE}.ExampleFile"]
VALUES = [
    "ExampleRelationshipElement",
    "ExampleAnnotatedRelationshipElement",
    "ExampleBasicEventElement",
    f"{INSIDE}.ExampleBlob",
    f"{INSIDE}.ExampleMultiLanguageProperty",
    f"{INSIDE}.ExampleRange",
    f"{INSIDE}.ExampleReferenceElement",
    f"{INSIDE}.ExampleSubmodelList[0]",
    *CONTAINERS,
    *FILES,
]
EVERYTHING = ["ExampleOperation", "ExampleCapability", *VALUES]
ABSENT = "Absent.Element[3]"


def encoded(identifier: str) -> str:
    return urlsafe_b64encode(identifier.encode()).decode().rstrip("=")


SUBMODELS = [
    "https://acplt.org/Test_Submodel",
    "http://acplt.org/Submodels/Assets/TestAsset/BillOfMaterial",
    "urn:absent",
]


def description(folder: Path) -> dict[str, Any]:
    """The one description, from the folder of the published ones."""
    parts = [
        yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        for name in (
            "Part1-MetaModel-Schemas/openapi.yaml",
            "Part2-API-Schemas/openapi.yaml",
            "SubmodelRepositoryServiceSpecification/V3.0_SSP-002.yaml",
        )
    ]
    whole = parts[-1]
    components: dict[str, dict[str, Any]] = {}
    for part in parts:
        for kind, named in (part.get("components") or {}).items():
            components.setdefault(kind, {}).update(named)
    whole["components"] = components
    text = re.sub(r"https://api\.swaggerhub\.com/domains/Plattform_i40/Part[12][^/]*/V[0-9.]+#", "#", json.dumps(whole))
    joined: dict[str, Any] = json.loads(text)
    _repair(joined)
    return joined


def _repair(joined: dict[str, Any]) -> None:
    schemas, parameters = joined["components"]["schemas"], joined["components"]["parameters"]
    for union in ("SubmodelElementMetadata", "SubmodelElementValue"):
        schemas[union]["anyOf"] = schemas[union].pop("oneOf")
    for union in ("PropertyValue", "RangeValueType"):
        schemas[union]["anyOf"] = schemas[union].pop("oneOf")
    parameters["SubmodelIdentifier"]["schema"] = _one_of([encoded(each) for each in SUBMODELS])
    for path, item in joined["paths"].items():
        operation = item["get"]
        operation["parameters"] = [
            each
            for each in operation.get("parameters", [])
            if not each.get("$ref", "").endswith(("/Cursor", "/SemanticId"))
        ]
        for each in item.get("parameters", []):
            if each.get("$ref", "").endswith("/IdShortPath"):
                each.clear()
                each |= {"name": "idShortPath", "in": "path", "required": True, "schema": _one_of(_paths(path))}
        for each in operation["parameters"]:
            if each.get("name") == "submodelIds":
                each["schema"]["items"] = _one_of([encoded(SUBMODELS[0])])
            if each.get("name") == "aasIds":
                each["schema"]["items"] = _one_of([encoded("https://acplt.org/Test_AssetAdministrationShell")])


def _one_of(values: list[str]) -> dict[str, Any]:
    return {"type": "string", "enum": values}


def _paths(path: str) -> list[str]:
    form = path.rpartition("/")[2]
    known = {"$path": CONTAINERS, "attachment": FILES, "$metadata": VALUES, "$value": VALUES}.get(form, EVERYTHING)
    return [*known, ABSENT]
