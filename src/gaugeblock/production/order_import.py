"""Orders from a file: comma, semicolon or tab separated, UTF-8 or GB 18030, headers in Chinese or English. Pure.

What an ERP or a spreadsheet writes is read as it comes; each fault is told by line and column, and a file with faults
is taken not at all, so that nobody has to find out which half is in.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import msgspec

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.production_facets import OrderStatement
from gaugeblock.production.checks import check_number, check_order
from gaugeblock.production.errors import (
    CustomerUnknownError,
    ImportColumnError,
    ImportEncodingError,
    ImportTooLargeError,
    ImportTwiceError,
    ImportValueError,
    OrderCustomerError,
    OrderEndedError,
    ProductUnknownError,
)
from gaugeblock.production.read_model import ORDER_STATES, Order

BYTES_MAX = 2 * 1024 * 1024
LINES_MAX = 2_000
FAULTS_MAX = 200
COLUMNS: dict[str, tuple[str, ...]] = {
    "order": ("order", "order_number", "work_order", "订单", "订单号", "工单", "工单号"),
    "product": ("product", "item", "part_number", "产品", "产品编号", "物料", "物料号"),
    "quantity": ("quantity", "qty", "数量"),
    "customer": ("customer", "customer_id", "客户", "客户编号", "顾客"),
    "customer_reference": ("customer_reference", "customer_order", "po", "po_number", "客户订单号", "客户单号"),
    "due": ("due", "due_date", "wanted", "交期", "要求交期", "需求日期"),
    "promised": ("promised", "promised_date", "承诺交期", "承诺日期"),
    "line": ("line", "产线"),
    "priority": ("priority", "优先级"),
    "state": ("state", "status", "状态"),
    "note": ("note", "remark", "备注"),
}
"""The columns that are known, by what an order calls them. Others are told, and not read."""
NEEDED = ("order", "product", "quantity")
STATE_WORDS = {"计划": "planned", "下达": "released", "完成": "completed", "取消": "cancelled"}


@dataclass(frozen=True, slots=True)
class Known:
    """What an order may name: customers, products (empty for any), and the orders there are."""

    customers: Collection[str]
    products: Collection[str]
    find: Callable[[str], Order | None]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a line; ``line`` counts from 1, the header included."""

    line: int
    order: str
    error: GaugeblockError


@dataclass(frozen=True, slots=True)
class Row:
    """An order as a line states it; ``new`` tells whether there was none of this number."""

    line: int
    order: str
    statement: OrderStatement
    new: bool


@dataclass(frozen=True, slots=True)
class OrderFile:
    """What was read.

    Parameters
    ----------
    batch
        The import's number, from the digest of the file: the same file is the same import.
    rows
        Lines without faults that say something new; lines that repeat an order as it stands are counted in ``same``.
    faults
        The first :data:`FAULTS_MAX`.
    ignored
        Headers that are not known.
    """

    batch: str
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    same: int
    ignored: tuple[str, ...]


def read_orders(data: bytes, known: Known) -> OrderFile:
    """Read a file of orders.

    An empty cell of an order that exists leaves its value as it is; of a new one it is not said.

    Raises
    ------
    ImportTooLargeError, ImportEncodingError, ImportColumnError

    Examples
    --------
    >>> file = read_orders("订单号,产品,数量\\nWO-1,P1,40\\nWO-2,P1,viele\\n".encode(), Known((), (), lambda _: None))
    >>> file.rows[0].order, file.rows[0].statement.quantity, [(f.line, f.error.code) for f in file.faults]
    ('WO-1', 40, [(3, 'production.import_value')])
    """
    if len(data) > BYTES_MAX:
        raise ImportTooLargeError(found=len(data), limit=BYTES_MAX)
    lines = _lines(_text(data))
    header = next(lines, (1, []))[1]
    places, ignored = _columns(header)
    rows: list[Row] = []
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    same = 0
    for line, cells in lines:
        given = {name: cells[place].strip() for name, place in places.items() if place < len(cells)}
        if not any(given.values()):
            continue
        if len(seen) >= LINES_MAX:
            raise ImportTooLargeError(found=line, limit=LINES_MAX)
        order = given.get("order", "")
        try:
            if order in seen:
                raise ImportTwiceError(order=order[:80], line=seen[order])
            seen[check_number(order)] = line
            row = _row(line, order, given, known)
        except GaugeblockError as error:
            seen.setdefault(order, line)
            if len(faults) < FAULTS_MAX:
                faults.append(Fault(line, order[:200], error))
            continue
        if row is None:
            same += 1
        else:
            rows.append(row)
    batch = hashlib.sha256(data).hexdigest()[:16]
    return OrderFile(batch, tuple(rows), tuple(faults), same, tuple(ignored))


def _text(data: bytes) -> str:
    # GB 18030 takes almost any bytes, so UTF-8 is tried first; a byte that no text has tells a binary file.
    if b"\x00" in data:
        raise ImportEncodingError
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ImportEncodingError


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error:
        raise ImportEncodingError from None


def _columns(header: list[str]) -> tuple[dict[str, int], list[str]]:
    places: dict[str, int] = {}
    ignored = []
    for place, title in enumerate(header):
        plain = title.strip().lower().replace(" ", "_")
        name = next((name for name, titles in COLUMNS.items() if plain in titles), None)
        if name is None or name in places:
            ignored.append(title.strip()[:80])
        else:
            places[name] = place
    for name in NEEDED:
        if name not in places:
            raise ImportColumnError(column=COLUMNS[name][0], found=", ".join(header)[:200])
    return places, [title for title in ignored if title]


def _row(line: int, order: str, given: dict[str, str], known: Known) -> Row | None:
    before = known.find(order)
    base = OrderStatement("", 0) if before is None else _statement(before)
    told = {name: value for name, value in given.items() if value and name != "order"}
    values: dict[str, object] = dict(told)
    for name in ("quantity", "priority"):
        if name in told:
            values[name] = _whole(name, told[name])
    for name in ("due", "promised"):
        if name in told:
            values[name] = told[name].replace("/", "-").split(" ")[0]
    if "state" in told:
        values["state"] = STATE_WORDS.get(told["state"], told["state"].lower())
        if values["state"] not in ORDER_STATES:
            raise ImportValueError(column="state", value=told["state"][:80])
    statement = msgspec.structs.replace(base, **values)
    check_order(statement)
    if not statement.product or (known.products and statement.product not in known.products):
        raise ProductUnknownError(product=statement.product[:80])
    if statement.customer is not None and statement.customer not in known.customers:
        raise CustomerUnknownError(customer=statement.customer[:80])
    if before is not None and statement != base:
        if before.state == "cancelled":
            raise OrderEndedError(order=order)
        if before.customer is not None and statement.customer != before.customer:
            raise OrderCustomerError(order=order)
    return None if before is not None and statement == base else Row(line, order, statement, before is None)


def _whole(column: str, text: str) -> int:
    plain = text.replace(" ", "").replace("\u202f", "")
    if plain.endswith(".0"):
        plain = plain[:-2]
    if not plain.lstrip("-").isascii() or not plain.lstrip("-").isdigit() or len(plain) > 12:
        raise ImportValueError(column=column, value=text[:80])
    return int(plain)


def _statement(order: Order) -> OrderStatement:
    return OrderStatement(**{name: getattr(order, name) for name in OrderStatement.__struct_fields__})
