"""Elements whose semantic ids follow from their names, as most templates have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gaugeblock.exchange.aas.elements import (
    Semantics,
    Texts,
    collection,
    element_list,
    file,
    languages,
    prop,
    reference_element,
    value_range,
)
from gaugeblock.exchange.aas.errors import AasValueError
from gaugeblock.exchange.aas.lexical import Scalar, ValueType
from gaugeblock.exchange.aas.references import Tree


class HeldFile(msgspec.Struct, frozen=True):
    """A file that elements name: its place in a package or an address, and its content type."""

    path: str
    content_type: str


def check_demanded(given: msgspec.Struct) -> None:
    """What a struct has no default for, its template demands: there it must not be empty.

    Raises
    ------
    AasValueError

    Examples
    --------
    >>> check_demanded(HeldFile(path="", content_type="image/png"))
    Traceback (most recent call last):
    ...
    gaugeblock.exchange.aas.errors.AasValueError: HeldFile.path: "" is not allowed (not empty). \
Correct the value where it was entered.
    """
    for field in msgspec.structs.fields(given):
        value = getattr(given, field.name)
        if field.required and value in ("", (), {}):
            raise AasValueError(where=f"{type(given).__name__}.{field.name}", value="", rule="not empty")
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, msgspec.Struct):
                check_demanded(each)


class Vocabulary:
    """Builders that look semantic ids up by name.

    Parameters
    ----------
    pattern
        An address with ``{}`` where the name stands.
    others
        Semantic ids that do not follow the pattern, by name.

    Examples
    --------
    >>> Vocabulary("https://example.com/{}/1/0", {"Mass": "0173-1#02-AAZ533#002"}).of("Mass")
    '0173-1#02-AAZ533#002'
    """

    def __init__(self, pattern: str, others: Mapping[str, Semantics] | None = None) -> None:
        self._pattern = pattern
        self._others = dict(others or {})

    def of(self, name: str) -> Semantics:
        """The semantic id of a name."""
        return self._others[name] if name in self._others else self._pattern.format(name)

    def prop(
        self,
        name: str,
        value: Scalar | None,
        type: ValueType = "xs:string",
        *,
        means: str | None = None,
        also: Iterable[Semantics] = (),
    ) -> Tree | None:
        """A Property; ``means`` is the name that gives the semantic id, where it is not the element's own."""
        return prop(name, value, self.of(means or name), type=type, also=also)

    def props(
        self, name: str, values: Sequence[Scalar], type: ValueType = "xs:string", *, means: str | None = None
    ) -> list[Tree | None]:
        """The same Property as often as there are values, numbered from 00."""
        return [self.prop(numbered(name, place), each, type, means=means or name) for place, each in enumerate(values)]

    def texts(
        self, name: str, texts: Texts | None, *, means: str | None = None, also: Iterable[Semantics] = ()
    ) -> Tree | None:
        """A MultiLanguageProperty."""
        return languages(name, texts, self.of(means or name), also=also)

    def range(
        self,
        name: str,
        low: Scalar | None,
        high: Scalar | None,
        type: ValueType = "xs:double",
    ) -> Tree | None:
        """A Range."""
        return value_range(name, low, high, self.of(name), type=type)

    def file(
        self, name: str, held: HeldFile | None, *, means: str | None = None, also: Iterable[Semantics] = ()
    ) -> Tree | None:
        """A File."""
        return None if held is None else file(name, held.path, held.content_type, self.of(means or name), also=also)

    def reference(self, name: str, reference: Tree | None, *, means: str | None = None) -> Tree | None:
        """A ReferenceElement."""
        return reference_element(name, reference, self.of(means or name))

    def group(
        self,
        name: str,
        inside: Iterable[Tree | None],
        *,
        means: str | None = None,
        also: Iterable[Semantics] = (),
        unless_empty: bool = False,
    ) -> Tree | None:
        """A SubmodelElementCollection."""
        return collection(name, inside, self.of(means or name), also=also, unless_empty=unless_empty)

    def list(
        self,
        name: str,
        inside: Iterable[Tree | None],
        *,
        of: str = "SubmodelElementCollection",
        of_type: ValueType | None = None,
        of_semantic: Semantics = None,
        also: Iterable[Semantics] = (),
        unless_empty: bool = True,
    ) -> Tree | None:
        """A SubmodelElementList."""
        return element_list(
            name,
            inside,
            self.of(name),
            of=of,
            of_type=of_type,
            of_semantic=of_semantic,
            also=also,
            unless_empty=unless_empty,
        )


def numbered(name: str, place: int) -> str:
    """The name of one of several elements of the same meaning.

    >>> numbered("Customer", 0)
    'Customer00'
    """
    return f"{name}{place:02d}"
