"""The XML form of an environment (IDTA-01001, 'XML'), written from the JSON tree and read back into one.

Both forms have the same names; they differ in that XML names the items of a list, names an object by its kind where
JSON has ``modelType``, and demands an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from gaugeblock.exchange.aas.errors import AasDocumentShapeError, AasDocumentSyntaxError, AasDocumentTooLargeError
from gaugeblock.exchange.aas.references import Tree

NAMESPACE = "https://admin-shell.io/aas/3/0"
NODES_MOST = 500_000
NODE_DEPTH_MOST = 100

_ITEMS = {
    "extensions": "extension",
    "refersTo": "reference",
    "displayName": "langStringNameType",
    "description": "langStringTextType",
    "supplementalSemanticIds": "reference",
    "qualifiers": "qualifier",
    "embeddedDataSpecifications": "embeddedDataSpecification",
    "keys": "key",
    "specificAssetIds": "specificAssetId",
    "isCaseOf": "reference",
    "inputVariables": "operationVariable",
    "outputVariables": "operationVariable",
    "inoutputVariables": "operationVariable",
    "preferredName": "langStringPreferredNameTypeIec61360",
    "shortName": "langStringShortNameTypeIec61360",
    "definition": "langStringDefinitionTypeIec61360",
    "valueReferencePairs": "valueReferencePair",
}
"""The items of a list, by the list's name, where it is always the same."""
_BY_KIND = frozenset(
    {"assetAdministrationShells", "conceptDescriptions", "submodelElements", "statements", "annotations"}
)
"""Lists whose items are named by their kind."""
_ORDER = (
    "assetAdministrationShells extensions category idShort displayName description administration id kind "
    "semanticId supplementalSemanticIds qualifiers embeddedDataSpecifications version revision creator templateId "
    "derivedFrom assetKind assetInformation type referredSemanticId keys name orderRelevant semanticIdListElement "
    "typeValueListElement valueTypeListElement valueType first second observed direction state messageTopic "
    "messageBroker lastUpdate minInterval maxInterval dataSpecification dataSpecificationContent preferredName "
    "shortName unit unitId sourceOfDefinition symbol dataType definition valueFormat valueList valueReferencePairs "
    "path language text value valueId contentType min nom typ max levelType externalSubjectId refersTo annotations "
    "statements entityType globalAssetId specificAssetIds assetType defaultThumbnail inputVariables outputVariables "
    "inoutputVariables submodelElements isCaseOf submodels conceptDescriptions"
)
_PLACES = {name: place for place, name in enumerate(_ORDER.split())}
_IN_QUALIFIER = {**_PLACES, "kind": _PLACES["type"] - 0.5}
_BOOLEANS = frozenset({"orderRelevant", "min", "nom", "typ", "max"})


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────


def to_xml(environment: Mapping[str, Any]) -> bytes:
    """An environment in XML.

    >>> to_xml({"submodels": [{"modelType": "Submodel", "id": "urn:s"}]}).decode().partition("?>")[2]
    '<environment xmlns="https://admin-shell.io/aas/3/0"><submodels><submodel><id>urn:s</id></submodel></submodels>\
</environment>'
    """
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', f'<environment xmlns="{NAMESPACE}">']
    parts += _fields(environment, "environment")
    return "".join([*parts, "</environment>"]).encode("utf-8")


def _fields(node: Mapping[str, Any], tag: str) -> Iterator[str]:
    places: Mapping[str, float] = _IN_QUALIFIER if tag == "qualifier" else _PLACES
    for name in sorted(node, key=lambda each: places.get(each, len(places))):
        if name == "modelType":
            continue
        value = node[name]
        inside: Iterator[str] | str
        if isinstance(value, list):
            inside = _items(name, value)
        elif isinstance(value, dict):
            named = name in {"value", "dataSpecificationContent"} and "modelType" in value
            inside = _named(value) if named else _fields(value, name)
        else:
            text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
            inside = escape(text, {"\r": "&#13;"})
        yield f"<{name}>"
        yield from inside
        yield f"</{name}>"


def _items(name: str, values: list[Any]) -> Iterator[str]:
    for each in values:
        if "modelType" in each:
            yield from _named(each)
            continue
        # What has no kind is a text in a value, and a reference in a shell's submodels.
        tag = _ITEMS.get(name) or {"value": "langStringTextType", "submodels": "reference"}[name]
        yield f"<{tag}>"
        yield from _fields(each, tag)
        yield f"</{tag}>"


def _named(node: Mapping[str, Any]) -> Iterator[str]:
    tag = node["modelType"][0].lower() + node["modelType"][1:]
    yield f"<{tag}>"
    yield from _fields(node, tag)
    yield f"</{tag}>"


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Node:
    """An element of XML without its namespace."""

    __slots__ = ("inside", "tag", "texts")

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.inside: list[_Node] = []
        self.texts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.texts)


def from_xml(body: bytes) -> Tree:
    """The JSON tree of an environment in XML. What the tree holds is not checked here.

    Raises
    ------
    AasDocumentSyntaxError, AasDocumentShapeError, AasDocumentTooLargeError

    Examples
    --------
    >>> from_xml(to_xml({"submodels": [{"modelType": "Submodel", "id": "urn:s"}]}))
    {'submodels': [{'modelType': 'Submodel', 'id': 'urn:s'}]}
    """
    root = _parsed(body)
    if root.tag != "environment":
        raise AasDocumentShapeError(where="$", detail="environment")
    return _object(root, None)


def _parsed(body: bytes) -> _Node:
    """The elements, within bounds. A document type, which could define entities, is refused."""
    top = _Node("")
    way = [top]
    count = 0

    def begun(name: str, _attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > NODES_MOST or len(way) > NODE_DEPTH_MOST:
            what, limit = ("levels", NODE_DEPTH_MOST) if count <= NODES_MOST else ("elements", NODES_MOST)
            raise AasDocumentTooLargeError(what=what, found=limit + 1, limit=limit)
        namespace, _, tag = name.rpartition(" ")
        if not namespace.startswith("https://admin-shell.io/aas/3/"):
            raise AasDocumentShapeError(where=tag[:80], detail=NAMESPACE)
        node = _Node(tag)
        way[-1].inside.append(node)
        way.append(node)

    def ended(_: str) -> None:
        way.pop()

    def refused(*_: object) -> None:
        raise AasDocumentSyntaxError(detail="DOCTYPE")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = begun, ended
    parser.CharacterDataHandler = lambda text: way[-1].texts.append(text)
    parser.StartDoctypeDeclHandler = refused
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # The last two are how an unknown or unusable encoding is told.
        raise AasDocumentSyntaxError(detail=str(error)) from None
    return top.inside[0]


def _object(node: _Node, kind: str | None) -> Tree:
    made: Tree = {} if kind is None else {"modelType": kind}
    for each in node.inside:
        made[each.tag] = _value(each, kind, node.tag)
    return made


def _value(node: _Node, kind: str | None, parent: str) -> Any:
    tag = node.tag
    if tag in _ITEMS:
        return [_object(each, None) for each in node.inside]
    if tag in _BY_KIND or (tag == "submodels" and parent == "environment"):
        return [_element(each) for each in node.inside]
    if tag == "submodels":
        return [_object(each, None) for each in node.inside]
    if tag == "dataSpecificationContent" or (tag == "value" and parent == "operationVariable"):
        if len(node.inside) != 1:
            raise AasDocumentShapeError(where=tag, detail="1 element")
        return _element(node.inside[0])
    if tag == "value" and kind == "MultiLanguageProperty":
        return [_object(each, None) for each in node.inside]
    if tag == "value" and kind in {"SubmodelElementCollection", "SubmodelElementList"}:
        return [_element(each) for each in node.inside]
    if node.inside:
        return _object(node, None)
    if tag in _BOOLEANS and (tag == "orderRelevant" or parent == "levelType"):
        return node.text.strip() in {"true", "1"}
    return node.text


def _element(node: _Node) -> Tree:
    return _object(node, node.tag[:1].upper() + node.tag[1:])
