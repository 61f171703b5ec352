"""Orders from files as ERPs and spreadsheets write them; faults by line; and taking an import back."""

from __future__ import annotations

import msgspec
import pytest

from gaugeblock.plant.production_facets import LotOfUnitsStatement, OrderStatement
from gaugeblock.production.errors import (
    ImportColumnError,
    ImportEncodingError,
    ImportFaultyError,
    ImportInUseError,
    ImportMissingError,
    ImportTooLargeError,
)
from gaugeblock.production.order_import import BYTES_MAX, LINES_MAX
from tests.production.making import PERSON, Works

GOOD = "订单号,产品,数量,客户,要求交期,颜色\nWO-1,P1,40,acme,2026/12/24,蓝\nWO-2,P2,1000,,,\n\n"


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_in_any_usual_form(works: Works, encoding: str, delimiter: str) -> None:
    found = works.desk.take_file(PERSON, GOOD.replace(",", delimiter).encode(encoding))
    assert [(row.order, row.new) for row in found.rows] == [("WO-1", True), ("WO-2", True)]
    assert found.ignored == ("颜色",)
    order = works.reader.order("WO-1")
    assert (order.quantity, order.due, order.customer) == (40, "2026-12-24", "acme")


def test_quoted_cells_with_line_breaks_keep_the_count_of_lines(works: Works) -> None:
    data = b'order,product,quantity,note\nWO-1,P1,4,"two\nlines, and a comma"\nWO-2,P1,x,\n'
    found = works.desk.read_file(data)
    assert found.rows[0].statement.note == "two\nlines, and a comma"
    assert [(fault.line, fault.error.code) for fault in found.faults] == [(4, "production.import_value")]


def test_every_fault_is_told_and_nothing_is_taken(works: Works) -> None:
    lines = [
        "order,product,quantity,customer,due,state",
        "WO-1,P1,40,acme,2026-12-24,",
        "WO-1,P1,40,acme,,",
        "WO-2,P9,40,acme,,",
        "WO-3,P1,many,acme,,",
        "WO-4,P1,40,nobody,,",
        "WO-5,P1,40,acme,24.12.2026,",
        "a/b,P1,40,acme,,",
        "WO-7,P1,-1,acme,,",
        "WO-8,P1,1,acme,,lost",
        ",P1,1,acme,,",
    ]
    data = "\n".join(lines).encode()
    found = works.desk.read_file(data)
    assert [(fault.line, fault.error.code.split(".")[1]) for fault in found.faults] == [
        (3, "import_twice"),
        (4, "product_unknown"),
        (5, "import_value"),
        (6, "customer_unknown"),
        (7, "date_form"),
        (8, "number_form"),
        (9, "quantity"),
        (10, "import_value"),
        (11, "number_form"),
    ]
    before = works.plant.log.size
    with pytest.raises(ImportFaultyError):
        works.desk.take_file(PERSON, data)
    assert works.plant.log.size == before


def test_the_same_file_again_states_nothing(works: Works) -> None:
    works.desk.take_file(PERSON, GOOD.encode())
    before = works.plant.log.size
    found = works.desk.take_file(PERSON, GOOD.encode())
    assert (found.rows, found.same, works.plant.log.size) == ((), 2, before)


def test_empty_cells_leave_an_order_as_it_is(works: Works) -> None:
    works.order("WO-1", due="2026-12-01", note="carefully")
    works.desk.take_file(PERSON, b"order,product,quantity,due,promised\nWO-1,,50,,2026-12-20\n")
    order = works.reader.order("WO-1")
    assert (order.quantity, order.due, order.promised, order.note) == (50, "2026-12-01", "2026-12-20", "carefully")


def test_undo_cancels_what_was_new_and_restores_what_was_changed(works: Works) -> None:
    works.order("WO-1", customer="acme", quantity=7)
    found = works.desk.take_file(PERSON, GOOD.encode())
    assert works.reader.imports()[0].orders == ("WO-1", "WO-2")
    assert works.desk.undo_import(PERSON, found.batch) == ["WO-1", "WO-2"]
    assert works.reader.order("WO-1").quantity == 7
    assert works.reader.order("WO-2").state == "cancelled"
    before = works.plant.log.size
    assert works.desk.undo_import(PERSON, found.batch) == ["WO-1", "WO-2"]
    assert works.plant.log.size == before
    with pytest.raises(ImportMissingError):
        works.desk.undo_import(PERSON, "0" * 16)


def test_what_was_taken_back_may_be_taken_again(works: Works) -> None:
    works.order("WO-1", customer="acme", quantity=7)
    data = b"order,product,quantity\nWO-1,P1,40\n"
    works.desk.undo_import(PERSON, works.desk.take_file(PERSON, data).batch)
    works.desk.take_file(PERSON, data)
    assert works.reader.order("WO-1").quantity == 40


def test_undo_refuses_whole_where_an_order_has_gone_on(works: Works) -> None:
    found = works.desk.take_file(PERSON, GOOD.encode())
    works.desk.lot(PERSON, works.token, "L-1", LotOfUnitsStatement("P2", "WO-2"))
    with pytest.raises(ImportInUseError):
        works.desk.undo_import(PERSON, found.batch)
    assert works.reader.order("WO-1").state == "released"


def test_undo_refuses_what_was_changed_since(works: Works) -> None:
    found = works.desk.take_file(PERSON, GOOD.encode())
    order = works.reader.find("WO-1")
    assert order is not None
    statement = works.reader.statement("WO-1")
    assert isinstance(statement, OrderStatement)
    works.desk.change(PERSON, works.token, "WO-1", msgspec.structs.replace(statement, quantity=41), order.index)
    with pytest.raises(ImportInUseError):
        works.desk.undo_import(PERSON, found.batch)


def test_what_is_no_table_is_refused(works: Works) -> None:
    with pytest.raises(ImportEncodingError):
        works.desk.read_file(b"PK\x03\x04\x00\x00")
    with pytest.raises(ImportColumnError):
        works.desk.read_file(b"order,product\nWO-1,P1\n")
    with pytest.raises(ImportColumnError):
        works.desk.read_file(b"")
    with pytest.raises(ImportTooLargeError):
        works.desk.read_file(b"x" * (BYTES_MAX + 1))
    many = "order,product,quantity\n" + "".join(f"W{i},P1,1\n" for i in range(LINES_MAX + 1))
    with pytest.raises(ImportTooLargeError):
        works.desk.read_file(many.encode())
