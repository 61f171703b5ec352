"""The shape of an environment (IDTA-01001): which attributes there are, of what kind, and which have to be there.

A tree of this shape can be listed, served, written and read without a further look at the types of its values. The
metamodel's constraints (AASd-…) are not checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gaugeblock.exchange.aas.errors import AasDocumentShapeError, AasDocumentTooLargeError
from gaugeblock.exchange.aas.id_short_path import CHILDREN
from gaugeblock.exchange.aas.identifiers import IDENTIFIER_MOST_CHARACTERS
from gaugeblock.exchange.aas.view import KEYS_OF_ENVIRONMENT

ELEMENTS_MOST = 100_000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

_MODEL_TYPES = {"shell": "AssetAdministrationShell", "submodel": "Submodel", "concept": "ConceptDescription"}
_STRINGS = frozenset(
    {
        "assetKind",
        "assetType",
        "category",
        "contentType",
        "dataType",
        "direction",
        "entityType",
        "globalAssetId",
        "id",
        "idShort",
        "kind",
        "language",
        "lastUpdate",
        "max",
        "maxInterval",
        "messageTopic",
        "min",
        "minInterval",
        "modelType",
        "name",
        "path",
        "revision",
        "sourceOfDefinition",
        "state",
        "symbol",
        "templateId",
        "text",
        "type",
        "typeValueListElement",
        "unit",
        "valueFormat",
        "valueType",
        "valueTypeListElement",
        "version",
    }
)
_REFERENCES = frozenset(
    {
        "creator",
        "dataSpecification",
        "derivedFrom",
        "externalSubjectId",
        "first",
        "messageBroker",
        "observed",
        "referredSemanticId",
        "second",
        "semanticId",
        "semanticIdListElement",
        "unitId",
        "valueId",
    }
)
_OBJECTS = frozenset(
    {
        "administration",
        "assetInformation",
        "dataSpecificationContent",
        "defaultThumbnail",
        "valueList",
    }
)
_ITEMS = {
    "extensions": "extension",
    "displayName": "text",
    "description": "text",
    "qualifiers": "qualifier",
    "embeddedDataSpecifications": "embeddedDataSpecification",
    "specificAssetIds": "specificAssetId",
    "inputVariables": "operationVariable",
    "outputVariables": "operationVariable",
    "inoutputVariables": "operationVariable",
    "preferredName": "text",
    "shortName": "text",
    "definition": "text",
    "valueReferencePairs": "valueReferencePair",
}
_REFERENCE_LISTS = frozenset({"supplementalSemanticIds", "refersTo", "isCaseOf", "submodels"})
_ELEMENT_LISTS = frozenset({"submodelElements", "statements", "annotations"})
_TEXT_VALUES = frozenset(
    {
        "Property",
        "File",
        "Blob",
        "qualifier",
        "extension",
        "specificAssetId",
        "dataSpecificationContent",
        "valueReferencePair",
    }
)
"""What has a text for its value."""
_NEEDED = {
    "AssetAdministrationShell": ("assetInformation",),
    "AnnotatedRelationshipElement": ("first", "second"),
    "BasicEventElement": ("observed", "direction", "state"),
    "Blob": ("contentType",),
    "Capability": (),
    "Entity": ("entityType",),
    "File": ("contentType",),
    "MultiLanguageProperty": (),
    "Operation": (),
    "Property": ("valueType",),
    "Range": ("valueType",),
    "ReferenceElement": (),
    "RelationshipElement": ("first", "second"),
    "SubmodelElementCollection": (),
    "SubmodelElementList": ("typeValueListElement",),
    "assetInformation": ("assetKind",),
    "defaultThumbnail": ("path",),
    "embeddedDataSpecification": ("dataSpecification", "dataSpecificationContent"),
    "extension": ("name",),
    "key": ("type", "value"),
    "operationVariable": ("value",),
    "qualifier": ("type",),
    "specificAssetId": ("name", "value"),
    "text": ("language", "text"),
}
_ELEMENTS = frozenset({kind for kind in _NEEDED if kind[0].isupper()} - {"AssetAdministrationShell"})


def check_environment(tree: object) -> None:
    """That a tree has the shape of an environment.

    Raises
    ------
    AasDocumentShapeError
        Names the place.
    AasDocumentTooLargeError
        More elements than are read.

    Examples
    --------
    >>> check_environment({"submodels": [{"modelType": "Submodel", "id": "urn:s"}]})
    """
    checked = _Check()
    for key in _an_object(tree, "$"):
        if key not in KEYS_OF_ENVIRONMENT.values():
            raise AasDocumentShapeError(where=key[:80], detail="unknown attribute")
    for kind, key in KEYS_OF_ENVIRONMENT.items():
        for place, each in enumerate(_a_list(_an_object(tree, "$").get(key, []), key)):
            checked.identifiable(each, f"{key}[{place}]", _MODEL_TYPES[kind])


class _Check:
    """One environment's check: identifiers that were seen, and how many elements there were."""

    def __init__(self) -> None:
        # Published documents define a concept twice, and give it the identifier of a submodel.
        self._seen: set[tuple[str, str]] = set()
        self._count = 0

    def identifiable(self, node: object, where: str, kind: str) -> None:
        found = _an_object(node, where)
        identifier = found.get("id")
        if found.get("modelType") != kind:
            raise AasDocumentShapeError(where=where, detail=f"modelType {kind}")
        if not isinstance(identifier, str) or not 1 <= len(identifier) <= IDENTIFIER_MOST_CHARACTERS:
            raise AasDocumentShapeError(where=f"{where}.id", detail=f"1–{IDENTIFIER_MOST_CHARACTERS} characters")
        if (kind, identifier) in self._seen and kind != "ConceptDescription":
            raise AasDocumentShapeError(where=f"{where}.id", detail=f"{identifier[:80]!r} twice")
        self._seen.add((kind, identifier))
        self._object(found, where, kind)

    def _object(self, node: object, where: str, kind: str) -> None:
        found = _an_object(node, where)
        for key in _NEEDED.get(kind, ()):
            if key not in found:
                raise AasDocumentShapeError(where=where, detail=f"{kind}.{key}")
        for key, value in found.items():
            self._field(key, value, f"{where}.{key[:80]}", kind)

    def _field(self, key: str, value: object, where: str, kind: str) -> None:
        if key == "value":
            self._value(value, where, kind)
        elif key in _STRINGS:
            _a_text(value, where)
        elif key in _REFERENCES:
            self._reference(value, where)
        elif key in _REFERENCE_LISTS:
            for place, each in enumerate(_a_list(value, where)):
                self._reference(each, f"{where}[{place}]")
        elif key in _ELEMENT_LISTS:
            self._elements(value, where, named=True)
        elif key in _ITEMS:
            for place, each in enumerate(_a_list(value, where)):
                self._object(each, f"{where}[{place}]", _ITEMS[key])
        elif key in _OBJECTS:
            self._object(value, where, key)
        elif key == "levelType":
            if not all(isinstance(each, bool) for each in _an_object(value, where).values()):
                raise AasDocumentShapeError(where=where, detail="true, false")
        elif key != "orderRelevant" or not isinstance(value, bool):
            raise AasDocumentShapeError(where=where, detail="unknown attribute")

    def _value(self, value: object, where: str, kind: str) -> None:
        if kind in _TEXT_VALUES:
            _a_text(value, where)
        elif kind == "MultiLanguageProperty":
            for place, each in enumerate(_a_list(value, where)):
                self._object(each, f"{where}[{place}]", "text")
        elif kind == "ReferenceElement":
            self._reference(value, where)
        elif kind in CHILDREN:
            self._elements(value, where, named=kind != "SubmodelElementList")
        elif kind == "operationVariable":
            self._elements([value], where, named=False)
        else:
            raise AasDocumentShapeError(where=where, detail="unknown attribute")

    def _elements(self, value: object, where: str, *, named: bool) -> None:
        names: set[str] = set()
        for place, each in enumerate(_a_list(value, where)):
            here = f"{where}[{place}]"
            element = _an_object(each, here)
            kind = element.get("modelType")
            if not isinstance(kind, str) or kind not in _ELEMENTS:
                raise AasDocumentShapeError(where=here, detail=f"modelType {str(kind)[:80]!r}")
            name = element.get("idShort")
            if named and (not isinstance(name, str) or _NAME.fullmatch(name) is None or name in names):
                raise AasDocumentShapeError(where=here, detail=f"idShort {str(name)[:80]!r}")
            names.add(str(name))
            self._count += 1
            if self._count > ELEMENTS_MOST:
                raise AasDocumentTooLargeError(what="elements", found=self._count, limit=ELEMENTS_MOST)
            self._object(element, here, kind)

    def _reference(self, value: object, where: str) -> None:
        reference = _an_object(value, where)
        if not set(reference) <= {"type", "keys", "referredSemanticId"} or not isinstance(reference.get("type"), str):
            raise AasDocumentShapeError(where=where, detail="type, keys")
        if not _a_list(reference.get("keys"), f"{where}.keys"):
            raise AasDocumentShapeError(where=f"{where}.keys", detail="≥ 1")
        for key in reference["keys"]:
            pair = _an_object(key, f"{where}.keys")
            if set(pair) != {"type", "value"} or not all(isinstance(each, str) for each in pair.values()):
                raise AasDocumentShapeError(where=f"{where}.keys", detail="type, value")
        if "referredSemanticId" in reference:
            self._reference(reference["referredSemanticId"], f"{where}.referredSemanticId")


def _an_object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise AasDocumentShapeError(where=where, detail="{…}")
    return value


def _a_list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise AasDocumentShapeError(where=where, detail="[…]")
    return value


def _a_text(value: object, where: str) -> None:
    if not isinstance(value, str):
        raise AasDocumentShapeError(where=where, detail='"…"')
