"""Serialisation modifiers (IDTA-01002, 'SerializationModifiers'): how deep, with or without blobs, and which content.

* level ``core``: the direct children, without what they contain; ``deep``: everything.
* extent ``withoutBlobValue`` leaves the bytes of blobs out.
* content: the normal form here; ``value`` in :mod:`value_only`; ``metadata`` below; ``path`` and ``reference`` in
  :mod:`id_short_path`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gaugeblock.exchange.aas.id_short_path import CHILDREN, children
from gaugeblock.exchange.aas.references import Tree

Level = Literal["deep", "core"]
Extent = Literal["withBlobValue", "withoutBlobValue"]
Content = Literal["normal", "metadata", "value", "reference", "path"]

NO_METADATA = frozenset({"Capability", "Operation"})
"""Kinds of element without a metadata form (table 'Applicability of modifiers')."""

_VALUES = {
    "Property": ("value", "valueId"),
    "MultiLanguageProperty": ("value", "valueId"),
    "Range": ("min", "max"),
    "File": ("value",),
    "Blob": ("value",),
    "ReferenceElement": ("value",),
    "SubmodelElementCollection": ("value",),
    "SubmodelElementList": ("value",),
    "Entity": ("statements", "globalAssetId", "specificAssetIds"),
    "AnnotatedRelationshipElement": ("annotations",),
    "Submodel": ("submodelElements",),
}


def cut_to_level(node: Mapping[str, Any], level: Level) -> Tree:
    """A submodel or element down to a level; what is given stays as it is.

    >>> inner = {"modelType": "SubmodelElementCollection", "idShort": "B", "value": [
    ...     {"modelType": "Capability", "idShort": "C"}]}
    >>> cut_to_level({"modelType": "Submodel", "id": "urn:s", "submodelElements": [inner]}, "core")
    {'modelType': 'Submodel', 'id': 'urn:s', 'submodelElements': [{'modelType': 'SubmodelElementCollection', \
'idShort': 'B'}]}
    """
    if level == "deep" or not children(node):
        return dict(node)
    key = "submodelElements" if node["modelType"] == "Submodel" else CHILDREN[node["modelType"]]
    return {**node, key: [_without_children(child) for child in children(node)]}


def _without_children(node: Mapping[str, Any]) -> Tree:
    key = CHILDREN.get(node["modelType"])
    return {name: value for name, value in node.items() if name != key}


def cut_to_extent(node: Mapping[str, Any], extent: Extent) -> Tree:
    """A submodel or element with or without the bytes of its blobs."""
    if extent == "withBlobValue":
        return dict(node)
    if node["modelType"] == "Blob":
        return {name: value for name, value in node.items() if name != "value"}
    inside = children(node)
    if not inside:
        return dict(node)
    key = "submodelElements" if node["modelType"] == "Submodel" else CHILDREN[node["modelType"]]
    return {**node, key: [cut_to_extent(child, extent) for child in inside]}


def normal(node: Mapping[str, Any], level: Level, extent: Extent) -> Tree:
    """The normal form under both modifiers."""
    return cut_to_extent(cut_to_level(node, level), extent)


def metadata(node: Mapping[str, Any]) -> Tree:
    """What describes a submodel or element, without its values.

    What the metamodel demands of an element (``first`` and ``second`` of a relationship, ``observed`` of an event,
    ``entityType``, ``contentType``) stays, so that the metadata of an element is still an element.

    >>> metadata({"modelType": "Property", "idShort": "Speed", "valueType": "xs:int", "value": "3"})
    {'modelType': 'Property', 'idShort': 'Speed', 'valueType': 'xs:int'}
    """
    left_out = _VALUES.get(node["modelType"], ())
    kept = {name: value for name, value in node.items() if name not in left_out}
    if kept.get("entityType") == "SelfManagedEntity":
        # A self-managed entity without its asset's id breaks AASd-014.
        kept |= {name: node[name] for name in ("globalAssetId", "specificAssetIds") if name in node}
    return kept
