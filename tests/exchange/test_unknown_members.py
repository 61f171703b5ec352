"""What a reader did not understand is found by its place and put back where it was."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.unknown_members import ReadOtherwise, unknown_members, with_unknown_members

trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab/~:", max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def _thinned(tree: object, draw: st.DataObject) -> object:
    """The tree with some members of its objects taken away."""
    if isinstance(tree, dict):
        return {name: _thinned(value, draw) for name, value in tree.items() if draw.draw(st.booleans())}
    if isinstance(tree, list):
        return [_thinned(item, draw) for item in tree]
    return tree


@given(trees, st.data())
def test_what_was_dropped_is_put_back(tree: object, data: st.DataObject) -> None:
    written = _thinned(tree, data)
    unknown = unknown_members(tree, written)
    assert with_unknown_members(copy.deepcopy(written), unknown) == tree


@pytest.mark.parametrize(
    ("read", "written", "place"),
    [
        ({"a": 1}, {"a": 2}, "/a"),
        ({"a": True}, {"a": 1}, "/a"),
        ({"a": [1]}, {"a": [1, 2]}, "/a"),
        ({"a": {}}, {"a": {"b/c": 1}}, "/a/b~1c"),
        ({"a": "1"}, {"a": 1}, "/a"),
    ],
)
def test_what_would_be_written_otherwise_is_no_extension(read: object, written: object, place: str) -> None:
    with pytest.raises(ReadOtherwise) as caught:
        unknown_members(read, written)
    assert caught.value.place == place


def test_a_place_that_is_gone_takes_its_members_along() -> None:
    assert with_unknown_members({"a": []}, {"/a/0/b": 1, "/c/d": 2, "/a/x": 3}) == {"a": []}


def test_a_member_that_was_written_since_stays() -> None:
    assert with_unknown_members({"a": 1}, {"/a": 2}) == {"a": 1}
