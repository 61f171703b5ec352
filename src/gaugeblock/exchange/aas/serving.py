"""The operations of the interface: listings, one shell, one submodel and its elements, and serialisation."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

import msgspec

from gaugeblock.exchange.aas.answers import JSON, AasAnswer, ok, ok_json
from gaugeblock.exchange.aas.errors import (
    AasContentError,
    AasCursorError,
    AasNoSuchRouteError,
    AasNotAcceptableError,
    AasNotAFileError,
    AasNotFoundError,
    AasParameterError,
)
from gaugeblock.exchange.aas.filters import Filter, filters
from gaugeblock.exchange.aas.id_short_path import CHILDREN, children, element_reference, found, paths
from gaugeblock.exchange.aas.identifiers import decoded, encoded
from gaugeblock.exchange.aas.modifiers import NO_METADATA, Content, Extent, Level, cut_to_level, metadata, normal
from gaugeblock.exchange.aas.package import MEDIA_TYPE, package
from gaugeblock.exchange.aas.paging import Page, Query, page, page_limit, page_start, single
from gaugeblock.exchange.aas.references import Tree, model_reference
from gaugeblock.exchange.aas.selection import chosen, environment, files_of
from gaugeblock.exchange.aas.value_only import NO_VALUE, named_value, submodel_value, value
from gaugeblock.exchange.aas.view import AasView, Kind, submodels_of
from gaugeblock.exchange.aas.xml_form import to_xml

_KEY_OF = {"shell": "AssetAdministrationShell", "submodel": "Submodel", "concept": "ConceptDescription"}
_CONTENTS: dict[str, Content] = {"$metadata": "metadata", "$value": "value", "$reference": "reference", "$path": "path"}
XML = "application/xml"
_SHOWN = 60


# ── what the query modifies ─────────────────────────────────────────────────────────────────────────────────────


def _level(query: Query, content: Content) -> Level:
    """The level; a reference is ``core`` and nothing else, metadata knows none."""
    allowed = ("core",) if content == "reference" else get_args(Level)
    return cast(Level, _one_of(query, "level", allowed, "core" if content == "reference" else "deep"))


def _extent(query: Query) -> Extent:
    return cast(Extent, _one_of(query, "extent", get_args(Extent), "withoutBlobValue"))


def _one_of(query: Query, name: str, allowed: Sequence[str], default: str) -> str:
    text = single(query, name)
    if text is None:
        return default
    if text not in allowed:
        raise AasParameterError(name=name, value=text[:_SHOWN], allowed=", ".join(allowed))
    return text


# ── listings ────────────────────────────────────────────────────────────────────────────────────────────────────


def listing(view: AasView, kind: Kind, content: Content, query: Query) -> AasAnswer:
    """A page of all shells, submodels or concept descriptions that the filters keep.

    Raises
    ------
    AasRequestError
    """
    level, extent = _level(query, content), _extent(query)
    kept = filters(kind, query)
    names = view.ids(kind)
    if kept:
        candidates = view.candidates(kind, query)
        names = [each for each in candidates if _all_hold(kept, view.head(kind, each) or {})]
    if content == "path":
        return _listed_paths(view, names, query, level)
    if kept:
        asked = page(query, names, {each: place for place, each in enumerate(names)}.get)
    else:
        asked = page(query, names, lambda each: view.position(kind, each))
    shown = names[asked.first : asked.after]
    parts = [_serialised(view, kind, each, content, level, extent) for each in shown]
    sources = (index for each in shown for index in view.derived_from(kind, each))
    return ok(_paged(parts, asked), sources)


def _all_hold(kept: Sequence[Filter], head: Tree) -> bool:
    return all(holds(head) for holds in kept)


def _listed_paths(view: AasView, names: Sequence[str], query: Query, level: Level) -> AasAnswer:
    """The paths of one submodel after another; a limit counts paths, and the cursor names a submodel and a path."""
    found_paths: list[tuple[str, str]] = []
    limit, start = page_limit(query), page_start(query)
    first, _, last_path = (start or "").rpartition("\n")
    if start is not None and first not in names:
        raise AasCursorError
    for identifier in itertools.dropwhile(lambda each: start is not None and each != first, names):
        inside = list(paths(view.tree("submodel", identifier) or {}, deep=level == "deep"))
        if start is not None and identifier == first:
            if last_path not in inside:
                raise AasCursorError
            inside = inside[inside.index(last_path) + 1 :]
        found_paths += [(identifier, each) for each in inside[: limit + 1 - len(found_paths)]]
        if len(found_paths) > limit:
            break
    shown = found_paths[:limit]
    cursor = encoded("\n".join(shown[-1])) if len(found_paths) > limit else None
    asked = Page(first=0, after=len(shown), cursor=cursor)
    sources = (index for each in {name for name, _ in shown} for index in view.derived_from("submodel", each))
    return ok(_paged((msgspec.json.encode(path) for _, path in shown), asked), sources)


def _paged(parts: Iterable[bytes], asked: Page) -> bytes:
    where = b"{}" if asked.cursor is None else b'{"cursor":"' + asked.cursor.encode("ascii") + b'"}'
    return b'{"paging_metadata":' + where + b',"result":[' + b",".join(parts) + b"]}"


def _serialised(view: AasView, kind: Kind, identifier: str, content: Content, level: Level, extent: Extent) -> bytes:
    """One object's bytes, kept with the view."""
    # A narrowed view shares the memo of the whole one: what is kept there need not be in it.
    tree = view.tree(kind, identifier)
    if tree is None:
        raise AasNotFoundError(what=identifier)
    key = (kind, identifier, content, level, extent)
    kept = view.memo.get(key)
    if kept is None:
        kept = msgspec.json.encode(_formed(kind, tree, content, level, extent))
        view.memo.put(key, kept, len(kept) + 300)
    return bytes(kept)


def _formed(kind: Kind, tree: Tree, content: Content, level: Level, extent: Extent) -> Any:
    if content == "reference":
        return model_reference((_KEY_OF[kind], tree["id"]))
    if kind != "submodel":
        return tree
    match content:
        case "metadata":
            return metadata(tree)
        case "value":
            return submodel_value(cut_to_level(tree, level), extent)
        case "path":
            return list(paths(tree, deep=level == "deep"))
        case _:
            return normal(tree, level, extent)


def _whole(
    view: AasView,
    kind: Kind,
    identifier: str,
    content: Content,
    level: Level = "deep",
    extent: Extent = "withBlobValue",
) -> AasAnswer:
    return ok(_serialised(view, kind, identifier, content, level, extent), view.derived_from(kind, identifier))


def one_concept(view: AasView, identifier: str) -> AasAnswer:
    """One concept description."""
    return _whole(view, "concept", identifier, "normal")


# ── one shell ───────────────────────────────────────────────────────────────────────────────────────────────────


def one_shell(view: AasView, identifier: str, rest: tuple[str, ...], query: Query) -> AasAnswer:
    """A shell, or what ``rest`` names of it.

    Raises
    ------
    AasRequestError
    """
    shell = view.tree("shell", identifier)
    if shell is None:
        raise AasNotFoundError(what=identifier)
    sources = view.derived_from("shell", identifier)
    match rest:
        case ():
            return _whole(view, "shell", identifier, "normal")
        case ("$reference",):
            return _whole(view, "shell", identifier, "reference")
        case ("asset-information",):
            return ok_json(shell["assetInformation"], sources)
        case ("asset-information", "thumbnail"):
            picture = shell["assetInformation"].get("defaultThumbnail")
            return _file(view, picture and picture["path"], "thumbnail", sources)
        case ("submodel-refs",):
            references = shell.get("submodels") or []
            names = submodels_of(shell)
            asked = page(query, names, {each: place for place, each in enumerate(names)}.get)
            parts = [msgspec.json.encode(each) for each in references[asked.first : asked.after]]
            return ok(_paged(parts, asked), sources)
        case ("submodels", encoded_id, *further):
            inside = decoded(encoded_id)
            if inside not in submodels_of(shell):
                raise AasNotFoundError(what=inside)
            return one_submodel(view, inside, tuple(further), query)
        case _:
            raise AasNoSuchRouteError


def _file(view: AasView, path: str | None, what: str, sources: tuple[int, ...]) -> AasAnswer:
    stored = view.file(path) if path else None
    if stored is None or path is None:
        raise AasNotFoundError(what=what)
    # As the profiles have it; what the bytes are, the element or the asset information says.
    return ok(stored.body, sources, "application/octet-stream", file_name=path.rpartition("/")[2])


# ── one submodel and its elements ───────────────────────────────────────────────────────────────────────────────


def one_submodel(view: AasView, identifier: str, rest: tuple[str, ...], query: Query) -> AasAnswer:
    """A submodel, or what ``rest`` names of it.

    Raises
    ------
    AasRequestError
    """
    if not rest or (len(rest) == 1 and rest[0] in _CONTENTS):
        content = _CONTENTS[rest[0]] if rest else "normal"
        return _whole(view, "submodel", identifier, content, _level(query, content), _extent(query))
    if rest[0] != "submodel-elements" or len(rest) > 3:
        raise AasNoSuchRouteError
    tree = view.tree("submodel", identifier)
    if tree is None:
        raise AasNotFoundError(what=identifier)
    sources = view.derived_from("submodel", identifier)
    if len(rest) == 1 or (len(rest) == 2 and rest[1] in _CONTENTS):
        return _elements(tree, _CONTENTS[rest[1]] if len(rest) == 2 else "normal", query, sources)
    if len(rest) == 3 and rest[2] == "attachment":
        return _attachment(view, tree, rest[1], sources)
    if len(rest) == 3 and rest[2] not in _CONTENTS:
        raise AasNoSuchRouteError
    return _element(tree, rest[1], _CONTENTS[rest[2]] if len(rest) == 3 else "normal", query, sources)


def _elements(tree: Tree, content: Content, query: Query, sources: tuple[int, ...]) -> AasAnswer:
    """A page of a submodel's elements. ``core`` shows them without what they contain."""
    level, extent = _level(query, content), _extent(query)
    if content == "path":
        inside = list(paths(tree, deep=level == "deep"))
        asked = page(query, inside, {each: place for place, each in enumerate(inside)}.get)
        return ok(_paged(map(msgspec.json.encode, inside[asked.first : asked.after]), asked), sources)
    elements = children(cut_to_level(tree, level))
    if content == "value":
        elements = [each for each in elements if each["modelType"] not in NO_VALUE]
    names = [each["idShort"] for each in elements]
    asked = page(query, names, {each: place for place, each in enumerate(names)}.get)
    forms: list[Any] = []
    for each in elements[asked.first : asked.after]:
        match content:
            case "normal":
                forms.append(normal(each, "deep", extent))
            case "metadata":
                forms.append(metadata(each))
            case "value":
                forms.append(named_value(each, extent))
            case _:
                forms.append(element_reference(tree["id"], each["idShort"], [each]))
    return ok(_paged(map(msgspec.json.encode, forms), asked), sources)


def _element(tree: Tree, path: str, content: Content, query: Query, sources: tuple[int, ...]) -> AasAnswer:
    level, extent = _level(query, content), _extent(query)
    way = _way(tree, path)
    element = way[-1]
    kind = element["modelType"]
    match content:
        case "normal":
            return ok_json(normal(element, level, extent), sources)
        case "metadata" if kind not in NO_METADATA:
            return ok_json(metadata(element), sources)
        case "value" if kind not in NO_VALUE:
            return ok_json(value(cut_to_level(element, level), extent), sources)
        case "reference":
            return ok_json(element_reference(tree["id"], path, way), sources)
        case "path" if kind in CHILDREN and kind != "AnnotatedRelationshipElement":
            return ok_json([path, *paths(element, path, deep=level == "deep")], sources)
        case _:
            raise AasContentError(kind=kind, content=content)


def _attachment(view: AasView, tree: Tree, path: str, sources: tuple[int, ...]) -> AasAnswer:
    element = _way(tree, path)[-1]
    if element["modelType"] != "File":
        raise AasNotAFileError(kind=element["modelType"])
    return _file(view, element.get("value"), path, sources)


def _way(tree: Tree, path: str) -> Sequence[Tree]:
    way = found(tree, path)
    if way is None:
        raise AasNotFoundError(what=path[:_SHOWN])
    return way


# ── serialisation ───────────────────────────────────────────────────────────────────────────────────────────────


def serialization(view: AasView, query: Query, accept: str) -> AasAnswer:
    """Shells, submodels and concepts as one environment: JSON, XML, or an AASX package with the files.

    Raises
    ------
    AasRequestError
    """
    shells, submodels = _identifiers(query, "aasIds"), _identifiers(query, "submodelIds")
    concepts = _truth(query, "includeConceptDescriptions")
    media_type = _offered(accept)
    named = chosen(view, shells, submodels, concepts=concepts)
    sources = {index for kind, each in named for index in view.derived_from(kind, each)}
    tree = environment(view, named)
    if media_type == MEDIA_TYPE:
        return ok(package(tree, files_of(view, tree)), sources, MEDIA_TYPE, file_name="environment.aasx")
    if media_type == XML:
        return ok(to_xml(tree), sources, XML)
    return ok(msgspec.json.encode(tree), sources)


def _truth(query: Query, name: str) -> bool:
    text = single(query, name)
    if text is None or text.lower() == "true":
        return True
    if text.lower() != "false":
        raise AasParameterError(name=name, value=text[:_SHOWN], allowed="true, false")
    return False


def _identifiers(query: Query, name: str) -> list[str] | None:
    values = query.get(name)
    return [decoded(each) for each in values] if values else None


def _offered(accept: str) -> str:
    """The format with the highest weight (RFC 9110, 12.5.1); JSON where nothing is preferred."""
    weights = _weights(accept)
    offered = [JSON, MEDIA_TYPE, XML]

    def weight(media_type: str) -> float:
        return next((weights[each] for each in (media_type, "application/*", "*/*") if each in weights), 0.0)

    best = max(offered, key=weight)
    if weight(best) <= 0:
        raise AasNotAcceptableError(offered=", ".join(offered))
    return best


def _weights(accept: str) -> Mapping[str, float]:
    weights: dict[str, float] = {}
    for each in accept.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        weights[name] = 1.0
        for parameter in parameters:
            key, _, text = parameter.partition("=")
            if key.strip() == "q":
                try:
                    weights[name] = min(max(float(text), 0.0), 1.0)
                except ValueError:
                    weights[name] = 0.0
    return weights
