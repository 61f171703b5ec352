"""Generated shells and those of attached documents as one view: ours first, then theirs in their own order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gaugeblock.exchange.aas.memo import Memo
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.aas.view import AasView, Kind, StoredFile
from gaugeblock.exchange.shells.record_shells import RecordShells


class Joined(Sequence[str]):
    """Two sequences, one after the other, neither of them copied.

    >>> list(Joined(["a"], ["b", "c"])[0:2])
    ['a', 'b']
    """

    def __init__(self, first: Sequence[str], second: Sequence[str]) -> None:
        self._first, self._second = first, second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        at = place % len(self)
        return self._first[at] if at < len(self._first) else self._second[at - len(self._first)]


class Beside:
    """See the module; an :class:`~gaugeblock.exchange.aas.view.AasView`.

    Parameters
    ----------
    records
        From the customer's view.
    attached
        From documents that are shared; none of its identifiers is as generated ones are
        (:meth:`~gaugeblock.exchange.shells.naming.Naming.check_foreign`).
    """

    def __init__(self, records: RecordShells, attached: AasView) -> None:
        self.records, self._attached = records, attached
        self.version = f"{records.version}.{attached.version}"
        self.memo = Memo()

    def ids(self, kind: Kind) -> Sequence[str]:
        ours, theirs = self.records.ids(kind), self._attached.ids(kind)
        if not ours or not theirs:
            return ours or theirs
        return Joined(ours, theirs)

    def position(self, kind: Kind, identifier: str) -> int | None:
        found = self.records.position(kind, identifier)
        if found is not None:
            return found
        theirs = self._attached.position(kind, identifier)
        return None if theirs is None else len(self.records.ids(kind)) + theirs

    def tree(self, kind: Kind, identifier: str) -> Tree | None:
        return self.records.tree(kind, identifier) or self._attached.tree(kind, identifier)

    def derived_from(self, kind: Kind, identifier: str) -> tuple[int, ...]:
        return self.records.derived_from(kind, identifier) or self._attached.derived_from(kind, identifier)

    def file(self, path: str) -> StoredFile | None:
        return self.records.file(path) or self._attached.file(path)

    def head(self, kind: Kind, identifier: str) -> Tree | None:
        return self.records.head(kind, identifier) or self._attached.head(kind, identifier)

    def candidates(self, kind: Kind, query: Mapping[str, Sequence[str]]) -> Sequence[str]:
        return [*self.records.candidates(kind, query), *self._attached.candidates(kind, query)]

    def shells_naming(self, submodel: str) -> Sequence[str]:
        return [*self.records.shells_naming(submodel), *self._attached.shells_naming(submodel)]
