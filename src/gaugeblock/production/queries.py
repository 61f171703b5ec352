"""Orders and what belongs to them, out of the projected rows."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Table, and_, func, or_, select

from gaugeblock.plant.production_facets import Characteristic, OrderStatement, Quantile
from gaugeblock.production.errors import CertificateMissingError, LotMissingError, OrderMissingError
from gaugeblock.production.orders_projection import (
    certificates,
    forecasts,
    lot_units,
    lots,
    orders,
    results,
    shipments,
    shipped_units,
    units,
    versions,
)
from gaugeblock.production.read_model import (
    PAGE,
    Certificate,
    Forecast,
    ImportBatch,
    Lot,
    Order,
    OrderCase,
    OrderState,
    OrderVersion,
    Progress,
    Result,
    Shipment,
    UnitVerdict,
)
from gaugeblock.stores.database import Database

BELONGING_MAX = 1_000
"""Lots, units, results, shipments and certificates of one order that are read at once."""
FORECASTS_MAX = 200
IMPORT_PREFIX, UNDO_PREFIX = "import/", "undo/"
_T = TypeVar("_T", bound=msgspec.Struct)


class ProjectedOrders:
    """Reads orders.

    Parameters
    ----------
    database
        Holds the tables of :class:`~gaugeblock.production.orders_projection.OrdersProjection`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(
        self,
        *,
        states: tuple[OrderState, ...] = (),
        customer: str | None = None,
        text: str = "",
        before: int | None = None,
        limit: int = PAGE,
    ) -> list[Order]:
        """Newest change first.

        Parameters
        ----------
        states
            Only these; empty for all.
        text
            A part of the order's number, of the customer's, or of the product.
        before
            The index of the last one of the page before.
        """
        query = select(orders).order_by(orders.c.record_index.desc()).limit(max(1, min(limit, PAGE)))
        if states:
            query = query.where(orders.c.state.in_(states))
        if customer is not None:
            query = query.where(orders.c.customer == customer)
        if before is not None:
            query = query.where(orders.c.record_index < before)
        if text:
            wanted = [
                column.icontains(text, autoescape=True)
                for column in (orders.c.order, orders.c.customer_reference, orders.c.product)
            ]
            query = query.where(or_(*wanted))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            return _with_progress(connection, [_order(row) for row in rows])

    def order(self, order: str) -> Order:
        """One as it stands.

        Raises
        ------
        OrderMissingError
        """
        with self._database.reading() as connection:
            return _with_progress(connection, [_one(connection, order)])[0]

    def find(self, order: str) -> Order | None:
        """One as it stands, without its progress; ``None`` where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(orders).where(orders.c.order == order)).first()
        return None if row is None else _order(row)

    def statement(self, order: str) -> OrderStatement:
        """What its newest record states.

        Raises
        ------
        OrderMissingError
        """
        found = self.versions(order)
        if not found:
            raise OrderMissingError(order=order[:200])
        return found[-1][1]

    def versions(self, order: str) -> list[tuple[OrderVersion, OrderStatement]]:
        """All its records, oldest first."""
        with self._database.reading() as connection:
            return _versions(connection, order)

    def case(self, order: str) -> OrderCase:
        """One with everything that belongs to it.

        Raises
        ------
        OrderMissingError
        """
        with self._database.reading() as connection:
            head = _with_progress(connection, [_one(connection, order)])[0]
            its_lots = _of_order(connection, lots, order, Lot)
            names = [lot.lot for lot in its_lots]
            heats = sorted({lot.heat for lot in its_lots if lot.heat})
            about = [results.c.order == order]
            about += [results.c.lot.in_(names)] if names else []
            about += [results.c.heat.in_(heats)] if heats else []
            query = select(results).where(or_(*about)).order_by(results.c.record_index.desc()).limit(BELONGING_MAX)
            newest = (
                select(forecasts)
                .where(forecasts.c.order == order)
                .order_by(forecasts.c.record_index.desc())
                .limit(FORECASTS_MAX)
            )
            inspected = select(units).where(units.c.order == order).order_by(units.c.unit).limit(BELONGING_MAX)
            return OrderCase(
                head=head,
                versions=tuple(version for version, _ in _versions(connection, order)),
                lots=tuple(its_lots),
                units=tuple(_struct(row, UnitVerdict) for row in connection.execute(inspected)),
                results=tuple(_result(row) for row in connection.execute(query)),
                shipments=tuple(_of_order(connection, shipments, order, Shipment)),
                certificates=tuple(_of_order(connection, certificates, order, Certificate)),
                forecasts=tuple(_forecast(row) for row in connection.execute(newest)),
            )

    # ── lots, units, certificates ──

    def lot(self, lot: str) -> Lot:
        """One as it stands.

        Raises
        ------
        LotMissingError
        """
        found = self.find_lot(lot)
        if found is None:
            raise LotMissingError(lot=lot[:200])
        return found

    def find_lot(self, lot: str) -> Lot | None:
        """One as it stands, ``None`` where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(lots).where(lots.c.lot == lot)).first()
        return None if row is None else _struct(row, Lot)

    def lots_of_unit(self, unit: str) -> list[str]:
        """The lots whose newest record names the unit."""
        query = (
            select(lots.c.lot)
            .join(lot_units, and_(lot_units.c.lot == lots.c.lot, lot_units.c.record_index == lots.c.record_index))
            .where(lot_units.c.unit == unit)
            .order_by(lots.c.lot)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def shipments_of_unit(self, unit: str) -> list[str]:
        """The shipments whose newest record names the unit."""
        in_force = and_(
            shipped_units.c.shipment == shipments.c.shipment, shipped_units.c.record_index == shipments.c.record_index
        )
        query = select(shipments.c.shipment).join(shipped_units, in_force).where(shipped_units.c.unit == unit)
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(shipments.c.shipment)).scalars())

    def results_of(self, **about: str) -> list[Result]:
        """Results about one ``unit``, ``lot``, ``heat``, ``order`` or ``product``, newest first."""
        query = select(results).order_by(results.c.record_index.desc()).limit(BELONGING_MAX)
        for name, value in about.items():
            query = query.where(results.c[name] == value)
        with self._database.reading() as connection:
            return [_result(row) for row in connection.execute(query)]

    def verdicts_of(self, unit: str) -> list[UnitVerdict]:
        """What was last said of the unit, by order."""
        query = select(units).where(units.c.unit == unit).order_by(units.c.order).limit(BELONGING_MAX)
        with self._database.reading() as connection:
            return [_struct(row, UnitVerdict) for row in connection.execute(query)]

    def certificate(self, certificate: str) -> Certificate:
        """One as it stands.

        Raises
        ------
        CertificateMissingError
        """
        query = select(certificates).where(certificates.c.certificate == certificate)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise CertificateMissingError(certificate=certificate[:200])
        return _struct(row, Certificate)

    def certificates_listed(
        self, *, customer: str | None = None, before: int | None = None, limit: int = PAGE
    ) -> list[Certificate]:
        """Newest first; of one customer where given, and only those of smaller index than ``before``."""
        query = select(certificates).order_by(certificates.c.record_index.desc()).limit(max(1, min(limit, PAGE)))
        if customer is not None:
            query = query.where(certificates.c.customer == customer)
        if before is not None:
            query = query.where(certificates.c.record_index < before)
        with self._database.reading() as connection:
            return [_struct(row, Certificate) for row in connection.execute(query)]

    def has_certificate(self, certificate: str) -> bool:
        """Whether there is one of this number."""
        query = select(certificates.c.certificate).where(certificates.c.certificate == certificate)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    # ── imports ──

    def imports(self, limit: int = PAGE) -> list[ImportBatch]:
        """The newest imports."""
        query = (
            select(versions)
            .where(versions.c.identity.startswith(IMPORT_PREFIX))
            .order_by(versions.c.record_index.desc())
            .limit(BELONGING_MAX * 10)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        batches: dict[str, list[Row[Any]]] = {}
        for row in rows:
            batches.setdefault(row.identity.split("/")[1], []).append(row)
        return [_batch(name, found[::-1]) for name, found in list(batches.items())[:limit]]

    def undone(self, batch: str) -> bool:
        """Whether the import was taken back."""
        prefix = f"{UNDO_PREFIX}{batch}/"
        query = select(versions.c.record_index).where(versions.c.identity.startswith(prefix, autoescape=True)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def import_versions(self, batch: str) -> list[OrderVersion]:
        """The records that an import wrote, in their order, with the number of the order as ``note``."""
        query = (
            select(versions)
            .where(versions.c.identity.startswith(f"{IMPORT_PREFIX}{batch}/", autoescape=True))
            .order_by(versions.c.record_index)
        )
        with self._database.reading() as connection:
            return [msgspec.structs.replace(_version(row)[0], note=row.order) for row in connection.execute(query)]


def _batch(name: str, rows: list[Row[Any]]) -> ImportBatch:
    return ImportBatch(
        batch=name, stated_at=rows[0].stated_at, author=rows[0].author, orders=tuple(row.order for row in rows)
    )


def _one(connection: Connection, order: str) -> Order:
    row = connection.execute(select(orders).where(orders.c.order == order)).first()
    if row is None:
        raise OrderMissingError(order=order[:200])
    return _order(row)


def _order(row: Row[Any]) -> Order:
    values = dict(row._mapping)
    return Order(index=values.pop("record_index"), **values)


_JSON = {
    "units": tuple[str, ...],
    "lots": tuple[str, ...],
    "record_indices": tuple[int, ...],
    "characteristics": tuple[Characteristic, ...],
    "completion": tuple[Quantile, ...],
}


def _struct(row: Row[Any], kind: type[_T]) -> _T:
    values = {"index" if name == "record_index" else name: value for name, value in row._mapping.items()}
    for name in values.keys() & _JSON.keys():
        values[name] = msgspec.json.decode(values[name], type=_JSON[name])
    return kind(**{name: values[name] for name in kind.__struct_fields__ if name in values})


def _result(row: Row[Any]) -> Result:
    return _struct(row, Result)


def _forecast(row: Row[Any]) -> Forecast:
    return _struct(row, Forecast)


def _of_order(connection: Connection, table: Table, order: str, kind: type[_T]) -> list[_T]:
    query = select(table).where(table.c.order == order).order_by(table.c.record_index).limit(BELONGING_MAX)
    return [_struct(row, kind) for row in connection.execute(query)]


def _version(row: Row[Any]) -> tuple[OrderVersion, OrderStatement]:
    statement = msgspec.json.decode(row.statement, type=OrderStatement)
    version = OrderVersion(
        index=row.record_index,
        stated_at=row.stated_at,
        author=row.author,
        identity=row.identity,
        quantity=statement.quantity,
        due=statement.due,
        promised=statement.promised,
        state=statement.state,
        note=statement.note,
    )
    return version, statement


def _versions(connection: Connection, order: str) -> list[tuple[OrderVersion, OrderStatement]]:
    query = select(versions).where(versions.c.order == order).order_by(versions.c.record_index).limit(BELONGING_MAX)
    return [_version(row) for row in connection.execute(query)]


def _with_progress(connection: Connection, found: list[Order]) -> list[Order]:
    names = [order.order for order in found]
    if not names:
        return []
    counts: dict[str, dict[str, int]] = {name: {"good": 0, "rejected": 0, "undecided": 0} for name in names}
    # What was said last counts: a review after the verdict, or a verdict after the review (reworked, inspected again).
    reviewed = units.c.decision_index > func.coalesce(units.c.verdict_index, -1)
    for name, verdict, decision, by_review, number in connection.execute(
        select(units.c.order, units.c.verdict, units.c.decision, reviewed, func.count())
        .where(units.c.order.in_(names))
        .group_by(units.c.order, units.c.verdict, units.c.decision, reviewed)
    ):
        if by_review:
            kind = "good" if decision == "good" else "rejected"
        else:
            kind = {"OK": "good", "NOK": "rejected"}.get(verdict or "", "undecided")
        counts[name][kind] += number
    sums = (
        select(shipments.c.order, func.sum(shipments.c.quantity).label("quantity"))
        .where(shipments.c.order.in_(names))
        .group_by(shipments.c.order)
    )
    shipped = {row.order: int(row.quantity) for row in connection.execute(sums)}
    newest = select(func.max(forecasts.c.record_index)).where(forecasts.c.order.in_(names)).group_by(forecasts.c.order)
    latest = {
        row.order: _forecast(row)
        for row in connection.execute(select(forecasts).where(forecasts.c.record_index.in_(newest)))
    }
    return [
        msgspec.structs.replace(
            order,
            progress=Progress(**counts[order.order], shipped=shipped.get(order.order, 0)),
            forecast=latest.get(order.order),
        )
        for order in found
    ]
