"""What a typed reader of a foreign document did not understand: kept by its place, told, and put back when written.

A reader with types drops the members that it has no field for. The difference between the tree that was read and the
tree that would be written is exactly what was dropped; its places are JSON pointers (RFC 6901).
"""

from __future__ import annotations

from collections.abc import Mapping

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class ReadOtherwise(ValueError):  # noqa: N818 - a finding for the caller, who names the error of its document
    """A value would be written otherwise than it was read. ``place`` is its JSON pointer."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(place)


def escaped(name: str) -> str:
    """A member's name as a token of a JSON pointer.

    >>> escaped("a/b~c")
    'a~1b~0c'
    """
    return name.replace("~", "~0").replace("/", "~1")


def unknown_members(read: object, written: object) -> dict[str, object]:
    """Members of ``read`` that ``written`` lacks, by JSON pointer.

    Parameters
    ----------
    read, written
        JSON trees; numbers as integers and ``decimal.Decimal``, so that 1.50 and 1.5 are told apart from nothing.

    Raises
    ------
    ReadOtherwise
        A value, an array's length or a member of ``written`` differs from what was read.

    Examples
    --------
    >>> unknown_members({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]})
    {'/a/0/c': 2}
    """
    found: dict[str, object] = {}
    _compare(read, written, "", found)
    return found


def _compare(read: object, written: object, place: str, found: dict[str, object]) -> None:
    if isinstance(read, dict) and isinstance(written, dict):
        for name, value in read.items():
            inner = f"{place}/{escaped(name)}"
            if name in written:
                _compare(value, written[name], inner, found)
            else:
                found[inner] = value
        for name in written:
            if name not in read:
                raise ReadOtherwise(f"{place}/{escaped(name)}")
    elif isinstance(read, list) and isinstance(written, list):
        if len(read) != len(written):
            raise ReadOtherwise(place)
        for number, (one, other) in enumerate(zip(read, written, strict=True)):
            _compare(one, other, f"{place}/{number}", found)
    elif type(read) is bool or type(written) is bool:
        if read is not written:
            raise ReadOtherwise(place)
    elif read != written:
        raise ReadOtherwise(place)


def with_unknown_members(written: object, unknown: Mapping[str, object]) -> object:
    """``written`` with the members put back where they were; changes and returns ``written``.

    A member whose place is no longer there (its array became shorter, its object is gone) is left out.

    >>> with_unknown_members({"a": [{"b": 1}]}, {"/a/0/c": 2})
    {'a': [{'b': 1, 'c': 2}]}
    """
    for pointer, value in unknown.items():
        *path, last = (token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])
        place: object = written
        for token in path:
            if isinstance(place, dict):
                place = place.get(token)
            elif isinstance(place, list) and token.isdecimal() and int(token) < len(place):
                place = place[int(token)]
            else:
                place = None
        if isinstance(place, dict):
            place.setdefault(last, value)
    return written
