"""What a projection may do to its rows: put, add, remove; and how a batch of that reaches the database.

The changes to one row are folded in their order; rows are independent of each other. So a batch becomes a few
statements for many rows, and the rows are the same however the log was cut into batches. For the same reason
``Add`` takes integers only: floating-point sums depend on the order of adding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func
from sqlalchemy.dialects import postgresql, sqlite

AMOUNT_MOST = 2**53

Value = str | int | float | bool | bytes | None


@dataclass(frozen=True, slots=True)
class Put:
    """Write ``values`` into the row with ``key``, making it when it is not there; other columns stay."""

    table: str
    key: Mapping[str, Value]
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Add:
    """Add integers to columns of the row with ``key``; a row or number that is not there counts as zero."""

    table: str
    key: Mapping[str, Value]
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the row with ``key``, if it is there."""

    table: str
    key: Mapping[str, Value]


Change = Put | Add | Remove

_RowKey = tuple[str, tuple[Value, ...]]


class ChangeFaultError(ValueError):
    """A change that does not fit the projection's tables; named with the record's index by the runner."""


class ChangeFold:
    """Collects changes in order and writes them in few statements.

    Parameters
    ----------
    tables
        The projection's tables by name.

    Raises
    ------
    ChangeFaultError
        On ``add``: unknown table or column, a key that is not the primary key, an amount that is no integer.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._keys = {name: tuple(column.name for column in table.primary_key) for name, table in tables.items()}
        self._columns = {name: set(table.columns.keys()) - set(self._keys[name]) for name, table in tables.items()}
        self._rows: dict[_RowKey, list[Change]] = {}

    def add(self, changes: Iterable[Change]) -> None:
        """Take the changes of one record."""
        for change in changes:
            key = self._check(change)
            pending = self._rows.setdefault(key, [])
            if isinstance(change, Remove):
                pending[:] = [change]
            elif pending and isinstance(change, Put) and isinstance(last := pending[-1], Put):
                pending[-1] = Put(change.table, change.key, {**last.values, **change.values})
            elif pending and isinstance(change, Add) and isinstance(last := pending[-1], Add):
                names = last.amounts.keys() | change.amounts.keys()
                sums = {name: last.amounts.get(name, 0) + change.amounts.get(name, 0) for name in sorted(names)}
                pending[-1] = Add(change.table, change.key, sums)
            else:
                pending.append(change)

    def _check(self, change: Change) -> _RowKey:
        names = self._keys.get(change.table)
        if names is None:
            raise ChangeFaultError(f"no table {change.table}")
        if set(change.key) != set(names):
            raise ChangeFaultError(f"the key of {change.table} is {', '.join(names)}")
        if not isinstance(change, Remove):
            written = change.values if isinstance(change, Put) else change.amounts
            unknown = written.keys() - self._columns[change.table]
            if unknown:
                raise ChangeFaultError(f"{change.table} has no column {', '.join(sorted(unknown))}")
        if isinstance(change, Add):
            for name, amount in change.amounts.items():
                if type(amount) is not int or abs(amount) > AMOUNT_MOST:
                    raise ChangeFaultError(f"{change.table}.{name}: only integers within 2^53 are added")
        return change.table, tuple(change.key[name] for name in names)

    def write(self, connection: Connection) -> None:
        """Bring the collected changes into the tables."""
        for round_number in range(max((len(pending) for pending in self._rows.values()), default=0)):
            groups: dict[tuple[type[Change], str, tuple[str, ...]], list[dict[str, Value]]] = defaultdict(list)
            for (table, key), pending in self._rows.items():
                if round_number < len(pending):
                    change = pending[round_number]
                    row = dict(zip(self._keys[table], key, strict=True))
                    written: Mapping[str, Value] = {}
                    if isinstance(change, Put):
                        written = change.values
                    elif isinstance(change, Add):
                        written = change.amounts
                    names = tuple(sorted(written))
                    groups[type(change), table, names].append(row | {name: written[name] for name in names})
            for (kind, table, names), rows in groups.items():
                self._execute(connection, kind, self._tables[table], names, rows)
        self._rows.clear()

    def _execute(
        self,
        connection: Connection,
        kind: type[Change],
        table: Table,
        names: tuple[str, ...],
        rows: list[dict[str, Value]],
    ) -> None:
        keys = self._keys[table.name]
        if kind is Remove:
            statement = delete(table)
            for name in keys:
                statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
            connection.execute(statement, [{f"key_{name}": row[name] for name in keys} for row in rows])
            return
        insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
        if not names:
            connection.execute(insert.on_conflict_do_nothing(index_elements=list(keys)), rows)
            return
        given = insert.excluded
        if kind is Put:
            update: dict[str, ColumnElement[Any]] = {name: given[name] for name in names}
        else:
            update = {name: func.coalesce(table.c[name], 0) + given[name] for name in names}
        connection.execute(insert.on_conflict_do_update(index_elements=list(keys), set_=update), rows)
