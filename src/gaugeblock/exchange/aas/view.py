"""What one caller may see, as the AAS interface asks for it; and a view of an environment in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from gaugeblock.exchange.aas.memo import Memo
from gaugeblock.exchange.aas.references import Tree

Kind = Literal["shell", "submodel", "concept"]
KEYS_OF_ENVIRONMENT: dict[Kind, str] = {
    "shell": "assetAdministrationShells",
    "submodel": "submodels",
    "concept": "conceptDescriptions",
}


class StoredFile(msgspec.Struct, frozen=True):
    """The bytes behind a File element or a thumbnail."""

    content_type: str
    body: bytes


class AasView(Protocol):
    """What one caller may see at one moment. A view never changes: when something does, there is a new one.

    What is not in it does not exist for the caller. A shell that it gives names only submodels that it gives too.

    Attributes
    ----------
    version
        Names the content: two views with the same version show the same.
    memo
        Serialised answers of this view, and of no other.
    """

    version: str
    memo: Memo

    def ids(self, kind: Kind) -> Sequence[str]:
        """All identifiers of a kind, in the order of listings."""

    def position(self, kind: Kind, identifier: str) -> int | None:
        """The place of an identifier in :meth:`ids`."""

    def tree(self, kind: Kind, identifier: str) -> Tree | None:
        """An object as Part 1 writes it in JSON. Whoever takes it does not change it."""

    def derived_from(self, kind: Kind, identifier: str) -> tuple[int, ...]:
        """The log indices of the records that the object says."""

    def file(self, path: str) -> StoredFile | None:
        """The bytes that a File value or a thumbnail's path names; None where they are not held here."""

    def head(self, kind: Kind, identifier: str) -> Tree | None:
        """At least what filters look at: idShort, semanticId, assetInformation, isCaseOf. The whole tree, or less where
        a view has that cheaper."""

    def candidates(self, kind: Kind, query: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """The identifiers among which a listing's filters choose, in order: all, or fewer where a view can tell which
        of them a query cannot mean."""

    def shells_naming(self, submodel: str) -> Sequence[str]:
        """The identifiers of the shells that name a submodel."""


class MemoryAasView:
    """An environment in memory.

    Parameters
    ----------
    environment
        As Part 1 writes it: ``assetAdministrationShells``, ``submodels``, ``conceptDescriptions``.
    files
        By the path that File elements and thumbnails give.
    sources
        The log indices behind an identifier.

    Examples
    --------
    >>> view = MemoryAasView({"submodels": [{"modelType": "Submodel", "id": "urn:s"}]})
    >>> list(view.ids("submodel")), view.position("submodel", "urn:t")
    (['urn:s'], None)
    """

    def __init__(
        self,
        environment: Mapping[str, Sequence[Tree]],
        files: Mapping[str, StoredFile] | None = None,
        sources: Mapping[str, tuple[int, ...]] | None = None,
        *,
        memo_bytes: int = 64 * 2**20,
    ) -> None:
        self._trees: dict[Kind, dict[str, Tree]] = {
            kind: {tree["id"]: tree for tree in environment.get(key) or ()} for kind, key in KEYS_OF_ENVIRONMENT.items()
        }
        self._ids = {kind: tuple(trees) for kind, trees in self._trees.items()}
        self._positions = {kind: {each: place for place, each in enumerate(ids)} for kind, ids in self._ids.items()}
        self._files, self._sources = dict(files or {}), dict(sources or {})
        self.version = hashlib.sha256(msgspec.json.encode((environment, self._files, self._sources))).hexdigest()
        self.memo = Memo(memo_bytes)

    def ids(self, kind: Kind) -> Sequence[str]:
        return self._ids[kind]

    def position(self, kind: Kind, identifier: str) -> int | None:
        return self._positions[kind].get(identifier)

    def tree(self, kind: Kind, identifier: str) -> Tree | None:
        return self._trees[kind].get(identifier)

    def derived_from(self, kind: Kind, identifier: str) -> tuple[int, ...]:  # noqa: ARG002 - identifiers are unique
        return self._sources.get(identifier, ())

    def file(self, path: str) -> StoredFile | None:
        return self._files.get(path)

    def head(self, kind: Kind, identifier: str) -> Tree | None:
        return self._trees[kind].get(identifier)

    def candidates(self, kind: Kind, query: Mapping[str, Sequence[str]]) -> Sequence[str]:  # noqa: ARG002 - all of them
        return self._ids[kind]

    def shells_naming(self, submodel: str) -> Sequence[str]:
        return [each for each, tree in self._trees["shell"].items() if submodel in submodels_of(tree)]


class Narrowed:
    """Another view, of which only some shells and submodels are there: a service of one shell or one submodel."""

    def __init__(self, view: AasView, shells: Sequence[str], submodels: Sequence[str]) -> None:
        self._view = view
        self._ids: dict[Kind, Sequence[str]] = {
            "shell": tuple(shells),
            "submodel": tuple(submodels),
            "concept": view.ids("concept"),
        }
        self.version = view.version
        self.memo = view.memo

    def ids(self, kind: Kind) -> Sequence[str]:
        return self._ids[kind]

    def position(self, kind: Kind, identifier: str) -> int | None:
        ids = self._ids[kind]
        return ids.index(identifier) if identifier in ids else None

    def tree(self, kind: Kind, identifier: str) -> Tree | None:
        return self._view.tree(kind, identifier) if identifier in self._ids[kind] else None

    def derived_from(self, kind: Kind, identifier: str) -> tuple[int, ...]:
        return self._view.derived_from(kind, identifier)

    def file(self, path: str) -> StoredFile | None:
        return self._view.file(path)

    def head(self, kind: Kind, identifier: str) -> Tree | None:
        return self._view.head(kind, identifier) if identifier in self._ids[kind] else None

    def candidates(self, kind: Kind, query: Mapping[str, Sequence[str]]) -> Sequence[str]:  # noqa: ARG002 - all of them
        return self._ids[kind]

    def shells_naming(self, submodel: str) -> Sequence[str]:
        return [each for each in self._view.shells_naming(submodel) if each in self._ids["shell"]]


def submodels_of(shell: Mapping[str, Any]) -> list[str]:
    """The identifiers of the submodels that a shell names, in its order."""
    return [reference["keys"][0]["value"] for reference in shell.get("submodels") or ()]
