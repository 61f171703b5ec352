"""The read interface of IDTA-01002 (API 3.0) as a function of a request and what its caller may see.

Profiles SSP-002 of the AAS Repository, the Submodel Repository, the AAS Service and the Submodel Service. A service is
the repository narrowed to one shell or submodel::

    shells, submodels, concept-descriptions, serialization, description
    services/shells/{aasIdentifier}/aas/…               the AAS Service of one shell
    services/submodels/{submodelIdentifier}/submodel/…  the Submodel Service of one submodel

A shell's service shows the shell and the submodels it names; a submodel's service the submodel and the shells that
name it. Both answer ``serialization`` and ``description`` beside and below their root.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from gaugeblock.exchange.aas.answers import AasAnswer, AasRequest, ok_json, refused, unless_known
from gaugeblock.exchange.aas.errors import AasMethodError, AasNoSuchRouteError, AasNotFoundError, AasRequestError
from gaugeblock.exchange.aas.identifiers import decoded
from gaugeblock.exchange.aas.modifiers import Content
from gaugeblock.exchange.aas.serving import listing, one_concept, one_shell, one_submodel, serialization
from gaugeblock.exchange.aas.view import AasView, Narrowed, submodels_of

_PROFILE = "https://admin-shell.io/aas/API/3/0/"
PROFILES = tuple(
    f"{_PROFILE}{interface}ServiceSpecification/SSP-002"
    for interface in (
        "AssetAdministrationShellRepository",
        "SubmodelRepository",
        "AssetAdministrationShell",
        "Submodel",
    )
)
_AROUND_A_BODY = 1000
"""Bytes that an answer and its key take beside the body."""


def answer(request: AasRequest, view: AasView) -> AasAnswer:
    """What the interface answers.

    Raises nothing that a request can cause: every refusal is an answer.

    Examples
    --------
    >>> from gaugeblock.exchange.aas.view import MemoryAasView
    >>> view = MemoryAasView({"submodels": [{"modelType": "Submodel", "id": "urn:s"}]})
    >>> answer(AasRequest(path=("submodels", "dXJuOnM", "$value")), view).body
    b'{}'
    >>> answer(AasRequest(path=("submodels", "dXJuOnQ")), view).status
    404
    """
    try:
        if request.method not in ("GET", "HEAD"):
            raise AasMethodError
        key = _key(request)
        kept = view.memo.get(key)
        if kept is None:
            kept = _routed(request, view)
            view.memo.put(key, kept, len(kept.body) + _AROUND_A_BODY)
    except AasRequestError as error:
        return refused(error, request.language)
    return kept if request.if_none_match is None else unless_known(kept, request.if_none_match)


def _key(request: AasRequest) -> Hashable:
    if not request.query and request.path[-1:] != ("serialization",):
        return request.path
    return (request.path, request.accept, tuple((name, tuple(values)) for name, values in request.query.items()))


def _routed(request: AasRequest, view: AasView) -> AasAnswer:
    path = request.path
    if not path:
        raise AasNoSuchRouteError
    if path[0] == "services":
        return _service(request, path[1:], view)
    return _repository(request, path, view)


def _repository(request: AasRequest, path: tuple[str, ...], view: AasView) -> AasAnswer:
    route = _ROUTES.get(path[0]) if path else None
    if route is None:
        raise AasNoSuchRouteError
    return route(request, path[1:], view)


def _shells(request: AasRequest, rest: tuple[str, ...], view: AasView) -> AasAnswer:
    if len(rest) == 0 or rest == ("$reference",):
        return listing(view, "shell", "reference" if rest else "normal", request.query)
    return one_shell(view, decoded(rest[0]), rest[1:], request.query)


_OF_SUBMODELS: dict[tuple[str, ...], Content] = {
    (): "normal",
    ("$metadata",): "metadata",
    ("$value",): "value",
    ("$reference",): "reference",
    ("$path",): "path",
}


def _submodels(request: AasRequest, rest: tuple[str, ...], view: AasView) -> AasAnswer:
    content = _OF_SUBMODELS.get(rest)
    if content is not None:
        return listing(view, "submodel", content, request.query)
    return one_submodel(view, decoded(rest[0]), rest[1:], request.query)


def _concepts(request: AasRequest, rest: tuple[str, ...], view: AasView) -> AasAnswer:
    if not rest:
        return listing(view, "concept", "normal", request.query)
    if len(rest) > 1:
        raise AasNoSuchRouteError
    return one_concept(view, decoded(rest[0]))


def _serialization(request: AasRequest, rest: tuple[str, ...], view: AasView) -> AasAnswer:
    if rest:
        raise AasNoSuchRouteError
    return serialization(view, request.query, request.accept)


def _description(_: AasRequest, rest: tuple[str, ...], __: AasView) -> AasAnswer:
    if rest:
        raise AasNoSuchRouteError
    return ok_json({"profiles": PROFILES}, ())


_Route = Callable[[AasRequest, tuple[str, ...], AasView], AasAnswer]
_ROUTES: dict[str, _Route] = {
    "shells": _shells,
    "submodels": _submodels,
    "concept-descriptions": _concepts,
    "serialization": _serialization,
    "description": _description,
}


def _service(request: AasRequest, path: tuple[str, ...], view: AasView) -> AasAnswer:
    if len(path) < 3 or path[0] not in ("shells", "submodels"):
        raise AasNoSuchRouteError
    identifier, inside = decoded(path[1]), path[2:]
    of_shell = path[0] == "shells"
    narrowed = _of_shell(view, identifier) if of_shell else _of_submodel(view, identifier)
    if inside[0] != ("aas" if of_shell else "submodel"):
        return _repository(request, inside, narrowed)
    rest = inside[1:]
    if rest and rest[0] in _BELOW_THE_ROOT:
        return _repository(request, rest, narrowed)
    if of_shell:
        return one_shell(narrowed, identifier, rest, request.query)
    return one_submodel(narrowed, identifier, rest, request.query)


_BELOW_THE_ROOT = frozenset({"shells", "serialization", "description"})


def _of_shell(view: AasView, identifier: str) -> Narrowed:
    shell = view.tree("shell", identifier)
    if shell is None:
        raise AasNotFoundError(what=identifier)
    named = [each for each in submodels_of(shell) if view.tree("submodel", each) is not None]
    return Narrowed(view, [identifier], named)


def _of_submodel(view: AasView, identifier: str) -> Narrowed:
    if view.tree("submodel", identifier) is None:
        raise AasNotFoundError(what=identifier)
    return Narrowed(view, view.shells_naming(identifier), [identifier])
