"""``/serialization``: an environment of chosen shells and submodels, with the concepts and files they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gaugeblock.exchange.aas.errors import AasAnswerTooLargeError, AasNotFoundError
from gaugeblock.exchange.aas.id_short_path import children
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.aas.view import KEYS_OF_ENVIRONMENT, AasView, Kind, StoredFile

OBJECTS_MOST = 5000
FILES_MOST_BYTES = 256 * 2**20

Chosen = list[tuple[Kind, str]]


def chosen(
    view: AasView, shells: Sequence[str] | None, submodels: Sequence[str] | None, *, concepts: bool = True
) -> Chosen:
    """What an environment is made of; everything in the view where neither list is given.

    Raises
    ------
    AasNotFoundError
        A named object is not in the view.
    AasAnswerTooLargeError
    """
    everything = shells is None and submodels is None
    named: Chosen = [("shell", each) for each in (view.ids("shell") if everything else dict.fromkeys(shells or ()))]
    named += [("submodel", each) for each in (view.ids("submodel") if everything else dict.fromkeys(submodels or ()))]
    if len(named) > OBJECTS_MOST:
        raise AasAnswerTooLargeError(found=len(named), limit=OBJECTS_MOST)
    missing = next((identifier for kind, identifier in named if view.tree(kind, identifier) is None), None)
    if missing is not None:
        raise AasNotFoundError(what=missing)
    if concepts and view.ids("concept"):
        used = None if everything else {value for kind, each in named for value in _keys(view.tree(kind, each))}
        named += [("concept", each) for each in view.ids("concept") if used is None or each in used]
    return named


def _keys(node: Any) -> Iterator[str]:
    """Every value of every key of every reference inside."""
    if isinstance(node, dict):
        for name, inside in node.items():
            if name == "keys" and isinstance(inside, list):
                yield from (key["value"] for key in inside if isinstance(key, dict) and "value" in key)
            else:
                yield from _keys(inside)
    elif isinstance(node, list):
        for each in node:
            yield from _keys(each)


def environment(view: AasView, named: Chosen) -> Tree:
    """The chosen objects as one environment. A kind of which there is none has no list: an empty one is not allowed."""
    found: dict[Kind, list[Tree]] = {kind: [] for kind in KEYS_OF_ENVIRONMENT}
    for kind, identifier in named:
        tree = view.tree(kind, identifier)
        if tree is not None:
            found[kind].append(tree)
    return {KEYS_OF_ENVIRONMENT[kind]: trees for kind, trees in found.items() if trees}


def files_of(view: AasView, environment_tree: Mapping[str, Any]) -> dict[str, StoredFile]:
    """The files held here that an environment's File elements and thumbnails name, by path.

    Raises
    ------
    AasAnswerTooLargeError
    """
    found: dict[str, StoredFile] = {}
    size = 0
    for path in _paths(environment_tree):
        stored = None if path in found else view.file(path)
        if stored is not None:
            found[path] = stored
            size += len(stored.body)
            if size > FILES_MOST_BYTES:
                raise AasAnswerTooLargeError(found=size, limit=FILES_MOST_BYTES)
    return found


def _paths(environment_tree: Mapping[str, Any]) -> Iterator[str]:
    for shell in environment_tree.get("assetAdministrationShells") or ():
        thumbnail = shell["assetInformation"].get("defaultThumbnail")
        if thumbnail is not None:
            yield thumbnail["path"]
    for submodel in environment_tree.get("submodels") or ():
        yield from _file_values(submodel)


def _file_values(node: Mapping[str, Any]) -> Iterator[str]:
    for child in children(node):
        if child["modelType"] == "File" and child.get("value"):
            yield child["value"]
        yield from _file_values(child)
