"""Typed builders of submodel elements (IDTA-01001, 'Submodel Element Types'), one for each kind.

A builder of an optional value gives None for None, and containers drop None: an input struct's optional fields need
no ``if``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from gaugeblock.exchange.aas.errors import AasValueError
from gaugeblock.exchange.aas.lexical import (
    Scalar,
    ValueType,
    checked_content_type,
    checked_id_short,
    checked_language,
    checked_text,
    lexical,
)
from gaugeblock.exchange.aas.references import Tree, external_reference

Semantics = str | Sequence[str] | None
"""A semantic id: one value, or the keys of an external reference."""
Texts = Mapping[str, str]
"""A text in one or more languages, by BCP 47 tag."""


def element(kind: str, id_short: str, semantic: Semantics = None, also: Iterable[Semantics] = ()) -> Tree:
    """What all elements have: kind, name, semantic id and supplemental ones. A list's elements have an empty name."""
    made: Tree = {"modelType": kind}
    if id_short:
        made["idShort"] = checked_id_short(id_short)
    if semantic is not None:
        made["semanticId"] = reference_of(semantic)
    supplemental = [reference_of(each) for each in also if each is not None]
    if supplemental:
        made["supplementalSemanticIds"] = supplemental
    return made


def reference_of(semantic: str | Sequence[str]) -> Tree:
    """A semantic id as an external reference."""
    return external_reference(*((semantic,) if isinstance(semantic, str) else semantic))


def prop(
    id_short: str,
    value: Scalar | None,
    semantic: Semantics = None,
    *,
    type: ValueType = "xs:string",
    also: Iterable[Semantics] = (),
) -> Tree | None:
    """A Property.

    Raises
    ------
    AasValueError
        The type cannot say the value.

    Examples
    --------
    >>> prop("Mass", 2.5, type="xs:double")
    {'modelType': 'Property', 'idShort': 'Mass', 'valueType': 'xs:double', 'value': '2.5'}
    """
    if value is None:
        return None
    return {
        **element("Property", id_short, semantic, also),
        "valueType": type,
        "value": lexical(id_short, value, type),
    }


def languages(
    id_short: str, texts: Texts | None, semantic: Semantics = None, *, also: Iterable[Semantics] = ()
) -> Tree | None:
    """A MultiLanguageProperty.

    >>> languages("Title", {"en": "Report", "zh": "报告"})["value"]
    [{'language': 'en', 'text': 'Report'}, {'language': 'zh', 'text': '报告'}]
    """
    if not texts:
        return None
    return {**element("MultiLanguageProperty", id_short, semantic, also), "value": language_strings(id_short, texts)}


def language_strings(where: str, texts: Texts) -> list[Tree]:
    """Texts by language as the metamodel lists them.

    Raises
    ------
    AasValueError
    """
    return [
        {"language": checked_language(language), "text": checked_text(where, text)} for language, text in texts.items()
    ]


def value_range(
    id_short: str,
    low: Scalar | None,
    high: Scalar | None,
    semantic: Semantics = None,
    *,
    type: ValueType = "xs:double",
) -> Tree | None:
    """A Range; a side that is None is open, and with both open there is none."""
    sides = {name: lexical(id_short, side, type) for name, side in (("min", low), ("max", high)) if side is not None}
    return {**element("Range", id_short, semantic), "valueType": type, **sides} if sides else None


def file(
    id_short: str,
    path: str | None,
    content_type: str,
    semantic: Semantics = None,
    *,
    also: Iterable[Semantics] = (),
) -> Tree | None:
    """A File: its place in the package (``/aasx/files/…``), or an address."""
    if path is None:
        return None
    return {
        **element("File", id_short, semantic, also),
        "contentType": checked_content_type(content_type),
        "value": checked_text(id_short, path, 2000),
    }


def blob(id_short: str, base64_value: str, content_type: str, semantic: Semantics = None) -> Tree:
    """A Blob, whose bytes stand in the submodel."""
    return {
        **element("Blob", id_short, semantic),
        "contentType": checked_content_type(content_type),
        "value": base64_value,
    }


def reference_element(
    id_short: str, reference: Tree | None, semantic: Semantics = None, *, also: Iterable[Semantics] = ()
) -> Tree | None:
    """A ReferenceElement."""
    return None if reference is None else {**element("ReferenceElement", id_short, semantic, also), "value": reference}


def collection(
    id_short: str,
    inside: Iterable[Tree | None],
    semantic: Semantics = None,
    *,
    also: Iterable[Semantics] = (),
    unless_empty: bool = False,
) -> Tree | None:
    """A SubmodelElementCollection.

    Parameters
    ----------
    unless_empty
        Whether one without elements is left out.

    Raises
    ------
    AasValueError
        Two elements share a name (AASd-022).
    """
    elements = unique(inside)
    if not elements and unless_empty:
        return None
    made = element("SubmodelElementCollection", id_short, semantic, also)
    return {**made, "value": elements} if elements else made


def unique(inside: Iterable[Tree | None]) -> list[Tree]:
    """The elements that are there, each under a name of its own.

    Raises
    ------
    AasValueError
    """
    elements = [each for each in inside if each is not None]
    names: set[str] = set()
    for each in elements:
        # Names differ by more than case (AASd-022 and the case-insensitive match it asks for).
        name = each["idShort"].lower()
        if name in names:
            raise AasValueError(where="idShort", value=each["idShort"], rule="AASd-022")
        names.add(name)
    return elements


def element_list(
    id_short: str,
    inside: Iterable[Tree | None],
    semantic: Semantics = None,
    *,
    of: str = "SubmodelElementCollection",
    of_type: ValueType | None = None,
    of_semantic: Semantics = None,
    order_relevant: bool | None = None,
    also: Iterable[Semantics] = (),
    unless_empty: bool = True,
) -> Tree | None:
    """A SubmodelElementList of elements of one kind, without names (AASd-120).

    Parameters
    ----------
    of, of_type, of_semantic
        The kind of its elements, their value type where they have one, and their semantic id.
    """
    elements = [
        {name: value for name, value in each.items() if name != "idShort"} for each in inside if each is not None
    ]
    if not elements and unless_empty:
        return None
    made = element("SubmodelElementList", id_short, semantic, also)
    if order_relevant is not None:
        made["orderRelevant"] = order_relevant
    if of_semantic is not None:
        made["semanticIdListElement"] = reference_of(of_semantic)
    made["typeValueListElement"] = of
    if of_type is not None:
        made["valueTypeListElement"] = of_type
    return {**made, "value": elements} if elements else made


def entity(
    id_short: str,
    statements: Iterable[Tree | None] = (),
    semantic: Semantics = None,
    *,
    global_asset_id: str | None = None,
) -> Tree:
    """An Entity: self-managed where it has an asset of its own, else co-managed (AASd-014)."""
    made = element("Entity", id_short, semantic)
    elements = unique(statements)
    if elements:
        made["statements"] = elements
    made["entityType"] = "CoManagedEntity" if global_asset_id is None else "SelfManagedEntity"
    return made if global_asset_id is None else {**made, "globalAssetId": global_asset_id}


def relationship(id_short: str, first: Tree, second: Tree, semantic: Semantics = None) -> Tree:
    """A RelationshipElement."""
    return {**element("RelationshipElement", id_short, semantic), "first": first, "second": second}


def annotated_relationship(
    id_short: str, first: Tree, second: Tree, annotations: Iterable[Tree | None], semantic: Semantics = None
) -> Tree:
    """An AnnotatedRelationshipElement; what annotates is data elements."""
    made = {**element("AnnotatedRelationshipElement", id_short, semantic), "first": first, "second": second}
    elements = unique(annotations)
    return {**made, "annotations": elements} if elements else made


def capability(id_short: str, semantic: Semantics = None) -> Tree:
    """A Capability."""
    return element("Capability", id_short, semantic)


def operation(
    id_short: str,
    inputs: Iterable[Tree] = (),
    outputs: Iterable[Tree] = (),
    both: Iterable[Tree] = (),
    semantic: Semantics = None,
) -> Tree:
    """An Operation with its variables; none is ever carried out here."""
    made = element("Operation", id_short, semantic)
    for name, variables in (("inputVariables", inputs), ("outputVariables", outputs), ("inoutputVariables", both)):
        elements = [{"value": each} for each in variables]
        if elements:
            made[name] = elements
    return made


def event(
    id_short: str,
    observed: Tree,
    direction: Literal["input", "output"],
    state: Literal["on", "off"],
    semantic: Semantics = None,
    *,
    topic: str | None = None,
    broker: Tree | None = None,
    last_update: dt.datetime | None = None,
) -> Tree:
    """A BasicEventElement."""
    made: dict[str, Any] = element("BasicEventElement", id_short, semantic)
    made |= {"observed": observed, "direction": direction, "state": state}
    if topic is not None:
        made["messageTopic"] = checked_text(id_short, topic, 255)
    if broker is not None:
        made["messageBroker"] = broker
    if last_update is not None:
        made["lastUpdate"] = lexical(id_short, last_update, "xs:dateTime")
    return made
