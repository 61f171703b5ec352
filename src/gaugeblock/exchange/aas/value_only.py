"""The ValueOnly serialisation (IDTA-01002, 'ValueOnly-Serialization in JSON'): bare values under their names.

Capabilities and operations have no value and do not appear. Numbers and booleans become JSON's own where JSON can
carry them; what it cannot (NaN, INF, integers beyond 2^53) stays a string.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gaugeblock.exchange.aas.id_short_path import children
from gaugeblock.exchange.aas.modifiers import Extent
from gaugeblock.exchange.aas.references import Tree, reference_value

NO_VALUE = frozenset({"Capability", "Operation"})
"""Kinds of element that have no value."""

_WHOLE = frozenset(
    {
        "xs:integer",
        "xs:long",
        "xs:int",
        "xs:short",
        "xs:byte",
        "xs:nonNegativeInteger",
        "xs:positiveInteger",
        "xs:nonPositiveInteger",
        "xs:negativeInteger",
        "xs:unsignedLong",
        "xs:unsignedInt",
        "xs:unsignedShort",
        "xs:unsignedByte",
    }
)
_SAFE_INTEGER = 2**53
_REAL = frozenset({"xs:decimal", "xs:double", "xs:float"})


def scalar(text: str | None, value_type: str) -> str | int | float | bool | None:
    """A lexical value of an XSD type as JSON has it.

    >>> scalar("7", "xs:int"), scalar("0.5", "xs:double"), scalar("1", "xs:boolean"), scalar("INF", "xs:double")
    (7, 0.5, True, 'INF')
    """
    if text is None:
        return None
    try:
        if value_type in _WHOLE:
            whole = int(text)
            return whole if abs(whole) <= _SAFE_INTEGER else text
        if value_type in _REAL:
            number = float(text)
            return number if math.isfinite(number) else text
    except ValueError:
        return text
    if value_type == "xs:boolean" and text in {"true", "false", "1", "0"}:
        return text in {"true", "1"}
    return text


def submodel_value(submodel: Mapping[str, Any], extent: Extent) -> Tree:
    """A submodel's values by name."""
    return _named(children(submodel), extent)


def named_value(element: Mapping[str, Any], extent: Extent) -> Tree:
    """One element's value under its name: how a list of elements keeps their names.

    >>> named_value({"modelType": "Property", "idShort": "Speed", "valueType": "xs:int", "value": "3"}, "withBlobValue")
    {'Speed': 3}
    """
    return _named((element,), extent)


def _named(elements: Iterable[Mapping[str, Any]], extent: Extent) -> Tree:
    return {each["idShort"]: value(each, extent) for each in elements if each["modelType"] not in NO_VALUE}


def value(element: Mapping[str, Any], extent: Extent) -> Any:
    """The value of an element that has one.

    Raises
    ------
    KeyError
        A capability or operation.
    """
    return _FORMS[element["modelType"]](element, extent)


def _property(element: Mapping[str, Any], _: Extent) -> Any:
    return scalar(element.get("value"), element["valueType"])


def _languages(element: Mapping[str, Any], _: Extent) -> Any:
    return [{text["language"]: text["text"]} for text in element.get("value", ())]


def _range(element: Mapping[str, Any], _: Extent) -> Any:
    limits = {limit: element[limit] for limit in ("min", "max") if element.get(limit) is not None}
    return {limit: scalar(text, element["valueType"]) for limit, text in limits.items()}


def _file(element: Mapping[str, Any], _: Extent) -> Any:
    return {name: element[name] for name in ("contentType", "value") if name in element}


def _blob(element: Mapping[str, Any], extent: Extent) -> Any:
    names = ("contentType", "value") if extent == "withBlobValue" else ("contentType",)
    return {name: element[name] for name in names if name in element}


def _reference(element: Mapping[str, Any], _: Extent) -> Any:
    return reference_value(element["value"]) if "value" in element else None


def _relationship(element: Mapping[str, Any], _: Extent) -> Any:
    return {end: reference_value(element[end]) for end in ("first", "second")}


def _annotated(element: Mapping[str, Any], extent: Extent) -> Any:
    said = [named_value(each, extent) for each in children(element)]
    return {**_relationship(element, extent), **({"annotations": said} if said else {})}


def _entity(element: Mapping[str, Any], extent: Extent) -> Any:
    form: Tree = {"entityType": element["entityType"]}
    if children(element):
        form["statements"] = _named(children(element), extent)
    if "globalAssetId" in element:
        form["globalAssetId"] = element["globalAssetId"]
    if "specificAssetIds" in element:
        form["specificAssetIds"] = [{each["name"]: each["value"]} for each in element["specificAssetIds"]]
    return form


def _event(element: Mapping[str, Any], _: Extent) -> Any:
    return {"observed": reference_value(element["observed"])}


def _collection(element: Mapping[str, Any], extent: Extent) -> Any:
    return _named(children(element), extent)


def _list(element: Mapping[str, Any], extent: Extent) -> Any:
    return [value(each, extent) for each in children(element) if each["modelType"] not in NO_VALUE]


_FORMS = {
    "Property": _property,
    "MultiLanguageProperty": _languages,
    "Range": _range,
    "File": _file,
    "Blob": _blob,
    "ReferenceElement": _reference,
    "RelationshipElement": _relationship,
    "AnnotatedRelationshipElement": _annotated,
    "Entity": _entity,
    "BasicEventElement": _event,
    "SubmodelElementCollection": _collection,
    "SubmodelElementList": _list,
}
