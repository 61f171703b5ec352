"""idShort paths: where an element is within its submodel, as in ``Documents[0].Title`` (IDTA-01002, 'idShortPath')."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gaugeblock.exchange.aas.errors import AasPathError
from gaugeblock.exchange.aas.references import Tree, model_reference

PATH_MOST_CHARACTERS = 4096
_STEP = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)((?:\[(?:0|[1-9][0-9]{0,8})\])*)")
_SHOWN = 80

CHILDREN = {
    "SubmodelElementCollection": "value",
    "SubmodelElementList": "value",
    "Entity": "statements",
    "AnnotatedRelationshipElement": "annotations",
}
"""Where each kind of element that contains others keeps them."""


def children(node: Mapping[str, Any]) -> Sequence[Tree]:
    """The elements directly inside a submodel or an element; none for an element that contains none."""
    kind = node["modelType"]
    key = "submodelElements" if kind == "Submodel" else CHILDREN.get(kind)
    return () if key is None else node.get(key) or ()


def parsed(path: str) -> tuple[str | int, ...]:
    """The steps of a path: names, and places in lists counted from 0.

    Raises
    ------
    AasPathError
        The path breaks the grammar.

    Examples
    --------
    >>> parsed("Documents[0].Versions[2].Title")
    ('Documents', 0, 'Versions', 2, 'Title')
    """
    steps: list[str | int] = []
    if len(path) > PATH_MOST_CHARACTERS:
        raise AasPathError(path=path[:_SHOWN])
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise AasPathError(path=path[:_SHOWN])
        steps.append(match[1])
        steps.extend(int(index) for index in match[2][1:-1].split("][") if index)
    return tuple(steps)


def found(submodel: Mapping[str, Any], path: str) -> list[Tree] | None:
    """The elements on the way from a submodel to what a path names, that last; None where nothing is there.

    Raises
    ------
    AasPathError
    """
    way: list[Tree] = []
    node: Mapping[str, Any] = submodel
    for step in parsed(path):
        inside = children(node)
        in_list = node["modelType"] == "SubmodelElementList"
        if isinstance(step, int):
            child = inside[step] if in_list and step < len(inside) else None
        else:
            child = None if in_list else next((each for each in inside if each.get("idShort") == step), None)
        if child is None:
            return None
        way.append(child)
        node = child
    return way


def paths(node: Mapping[str, Any], prefix: str = "", *, deep: bool = True) -> Iterator[str]:
    """The paths of all elements inside ``node``, each before its own children.

    Parameters
    ----------
    prefix
        The path of ``node``; empty for a submodel.
    deep
        Whether children of children count.
    """
    in_list = node["modelType"] == "SubmodelElementList"
    for place, child in enumerate(children(node)):
        name = f"[{place}]" if in_list else child["idShort"]
        path = f"{prefix}{name}" if in_list or not prefix else f"{prefix}.{name}"
        yield path
        if deep:
            yield from paths(child, path)


def element_reference(submodel_id: str, path: str, way: Sequence[Mapping[str, Any]]) -> Tree:
    """The model reference to an element; places in lists are keys whose value is the place (AASd-128).

    Parameters
    ----------
    way
        What :func:`found` gave for ``path``.
    """
    keys = [("Submodel", submodel_id)]
    keys += [(element["modelType"], str(step)) for step, element in zip(parsed(path), way, strict=True)]
    return model_reference(*keys)
