"""Whatever a document says, once it is read it can be served: no request raises, whatever is in it."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.aas.answers import AasRequest
from gaugeblock.exchange.aas.api import answer
from gaugeblock.exchange.aas.errors import AasDocumentError
from gaugeblock.exchange.aas.identifiers import encoded
from gaugeblock.exchange.aas.package import MEDIA_TYPE
from gaugeblock.exchange.aas.reading import read_document
from gaugeblock.exchange.aas.view import MemoryAasView
from tests.exchange.aas.full import ENVIRONMENT

_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "x", "a.b", "Property", "Capability", "xs:int"]),
    lambda inside: (
        st.lists(inside, max_size=2) | st.dictionaries(st.sampled_from(["keys", "value", "id"]), inside, max_size=2)
    ),
    max_leaves=4,
)


def places(node: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a tree."""
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [way, *(found for key, value in inside for found in places(value, (*way, key)))]


PLACES = [way for way in places(ENVIRONMENT) if way]


def requests(view: MemoryAasView) -> list[AasRequest]:
    paths = [("shells",), ("shells", "$reference"), ("concept-descriptions",), ("submodels",)]
    paths += [("submodels", form) for form in ("$value", "$metadata", "$path", "$reference")]
    for identifier in view.ids("shell"):
        one = ("shells", encoded(identifier))
        paths += [one, (*one, "submodel-refs"), (*one, "asset-information"), (*one, "asset-information", "thumbnail")]
        paths.append(("services", *one, "aas", "shells"))
    for identifier in view.ids("submodel"):
        elements = ("submodels", encoded(identifier), "submodel-elements")
        paths += [(*elements, form) for form in ("$value", "$metadata", "$path", "$reference")]
        listed = answer(AasRequest(path=("submodels", encoded(identifier), "$path")), view)
        if listed.status == 200:
            forms = ("$value", "$metadata", "$path", "$reference", "attachment")
            paths += [(*elements, path, form) for path in json.loads(listed.body)[:40] for form in forms]
    asked = [AasRequest(path=path) for path in paths]
    asked += [
        AasRequest(path=("shells",), query={"assetIds": [encoded('{"name": "serial", "value": "S-1"}')]}),
        AasRequest(path=("submodels",), query={"semanticId": [encoded("urn:x")], "level": ["core"]}),
        AasRequest(path=("concept-descriptions",), query={"isCaseOf": [encoded("urn:x")]}),
        AasRequest(path=("submodels",), query={"semanticId": [encoded('{"keys": [{"type": "a"}]}')]}),
    ]
    return asked + [AasRequest(path=("serialization",), accept=each) for each in (MEDIA_TYPE, "application/xml")]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_read_can_be_served(data: st.DataObject) -> None:
    tree = copy.deepcopy(ENVIRONMENT)
    *way, last = data.draw(st.sampled_from(PLACES))
    node: Any = tree
    for key in way:
        node = node[key]
    if isinstance(node, dict) and data.draw(st.booleans()):
        del node[last]
    else:
        node[last] = data.draw(_ANYTHING)
    try:
        document = read_document(json.dumps(tree).encode())
    except AasDocumentError:
        return
    view = MemoryAasView(document.environment)
    for request in requests(view):
        assert answer(request, view).status in (200, 400, 404, 405), request
