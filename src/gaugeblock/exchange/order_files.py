"""An order's results as files for people: a workbook, and QIF. Made from the customer's view: they say no more than it.

Equal content gives equal bytes: both carry the time of the newest record in them, not of the download.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from gaugeblock.exchange import qif
from gaugeblock.exchange.document_errors import WorkbookLimitError
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import InspectionFilter, InspectionView, Page, ResultView
from gaugeblock.exchange.workbook import MAX_ROWS, Cell, Sheet, workbook
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.language import say
from gaugeblock.plant.times import from_rfc3339

PAGE = 500
EPOCH = "1970-01-01T00:00:00Z"
MILLIMETRE = frozenset({"mm", "MMT"})
_T = TypeVar("_T")


def order_inspections(view: CustomerView, order: str) -> list[InspectionView]:
    """All verdicts of an order, newest first.

    Raises
    ------
    WorkbookLimitError
        More than a sheet takes.
    """
    wanted = InspectionFilter(order=order)
    return _all(lambda before: view.inspections(wanted, before, PAGE))


def order_results(view: CustomerView, order: str) -> list[ResultView]:
    """All values that name the order, one of its lots, or a heat of these; newest first.

    Raises
    ------
    WorkbookLimitError
    """
    lots = view.lots(order, None, PAGE).items
    found = {row.record_index: row for row in _all(lambda before: view.results(order=order, before=before, limit=PAGE))}
    for lot in lots:
        for row in _all(lambda before, lot=lot: view.results(lot=lot.lot, before=before, limit=PAGE)):  # type: ignore[misc]
            found[row.record_index] = row
    return [found[index] for index in sorted(found, reverse=True)]


def order_workbook(view: CustomerView, order: str) -> bytes:
    """Sheets with the order, its inspections, values, lots and shipments; Chinese and English beside each other.

    Raises
    ------
    WorkbookLimitError
    """
    inspections, results = order_inspections(view, order), order_results(view, order)
    shown = view.order(order)
    lots = view.lots(order, None, PAGE).items
    shipments = view.shipments(order, None, PAGE).items
    orders = [] if shown is None else [shown]
    sheets = [
        _sheet(
            "order",
            ("order", "customer_reference", "product", "quantity", "due", "promised", "state", "record"),
            (
                (o.order, o.customer_reference, o.product, o.quantity, o.due, o.promised, o.state, o.record_index)
                for o in orders
            ),
        ),
        _sheet(
            "inspections",
            ("unit", "verdict", "decision", "defects", "score", "threshold", "station", "lot", "stated_at", "record"),
            (
                (
                    row.unit,
                    row.verdict,
                    row.decision,
                    ", ".join(row.defects),
                    row.score,
                    row.threshold,
                    row.station,
                    row.lot,
                    row.stated_at,
                    row.record_index,
                )
                for row in inspections
            ),
        ),
        _sheet(
            "values",
            (
                "unit",
                "lot",
                "heat",
                "name",
                "value",
                "quantity_unit",
                "lower",
                "upper",
                "method",
                "stated_at",
                "record",
            ),
            (
                (
                    row.unit,
                    row.lot,
                    row.heat,
                    one.name,
                    one.value,
                    one.quantity_unit,
                    one.lower,
                    one.upper,
                    one.method,
                    row.stated_at,
                    row.record_index,
                )
                for row in results
                for one in row.characteristics
            ),
        ),
        _sheet(
            "lots",
            ("lot", "heat", "quantity", "state", "record"),
            ((lot.lot, lot.heat, lot.quantity, lot.state, lot.record_index) for lot in lots),
        ),
        _sheet(
            "shipments",
            ("shipment", "shipped_at", "quantity", "carrier", "record"),
            ((s.shipment, s.shipped_at, s.quantity, s.carrier, s.record_index) for s in shipments),
        ),
    ]
    rows = (*orders, *inspections, *results, *lots, *shipments)
    created = from_rfc3339(max((row.stated_at for row in rows), default=EPOCH))
    return workbook(sheets, created=created, title=order)


def order_qif(view: CustomerView, order: str, log_origin: str) -> bytes:
    """Units with their latest verdict, and lengths in millimetres that were measured on them, as QIF 3.0.

    Raises
    ------
    QifFormError, QifLimitError, DecimalTextError, WorkbookLimitError
    """
    inspections, results = order_inspections(view, order), order_results(view, order)
    shown = view.order(order)
    units: dict[str, tuple[str, list[int], dict[str, str]]] = {}
    for row in inspections:  # newest first: the first one counts
        if row.unit is not None and row.verdict is not None:
            units.setdefault(row.unit, (row.verdict, [row.record_index], {}))
    characteristics: dict[str, qif.Characteristic] = {}
    for result in results:
        held = units.get(result.unit or "")
        if held is None:
            continue
        measured = False
        for one in result.characteristics:
            if one.kind != "dimension" or one.quantity_unit not in MILLIMETRE or one.name is None or one.value is None:
                continue
            characteristics.setdefault(
                one.name, qif.Characteristic(name=one.name, kind="Length", lower=one.lower, upper=one.upper)
            )
            held[2].setdefault(one.name, one.value)
            measured = True
        if measured:
            held[1].append(result.record_index)
    newest = max((row.stated_at for row in (*inspections, *results)), default=EPOCH)
    return qif.qif_results(
        qif.Results(
            product=(shown.product if shown is not None else None) or order,
            created=from_rfc3339(newest),
            log_origin=log_origin,
            order=shown.customer_reference if shown is not None else None,
            characteristics=tuple(characteristics.values()),
            units=tuple(
                qif.InspectedUnit(unit=unit, verdict=Verdict(verdict), values=values, records=tuple(sorted(records)))
                for unit, (verdict, records, values) in sorted(units.items())
            ),
        )
    )


def _all(read: Callable[[int | None], Page[_T]]) -> list[_T]:
    found: list[_T] = []
    for items in _pages(read):
        found += items
        if len(found) > MAX_ROWS:
            raise WorkbookLimitError(what="rows", found=len(found), limit=MAX_ROWS)
    return found


def _pages(read: Callable[[int | None], Page[_T]]) -> Iterator[tuple[_T, ...]]:
    before: int | None = None
    while True:
        page = read(before)
        yield page.items
        if not isinstance(page.next, int):
            return
        before = page.next


def _sheet(name: str, columns: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> Sheet:
    return Sheet(
        name=_both(f"sheet.{name}"),
        headings=tuple(_both(f"column.{column}") for column in columns),
        rows=list(rows),
    )


def _both(key: str) -> str:
    return f"{say(f'exchange.workbook.{key}', 'zh')} {say(f'exchange.workbook.{key}', 'en')}"
