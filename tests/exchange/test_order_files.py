"""An order's files: everything the view shows, nothing else, the same bytes for the same content."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from gaugeblock.exchange.order_files import order_qif, order_results, order_workbook
from gaugeblock.exchange.qif import NAMESPACE
from gaugeblock.exchange.sandbox import Sandbox
from gaugeblock.exchange.sandbox_story import DONE_ORDER, OPEN_ORDER
from gaugeblock.plant.production_facets import Characteristic, ResultStatement, ResultSubject
from gaugeblock.stores.clock import SystemClock
from tests.exchange.exchange_plant import ORDERS, STATION, VERDICTS, ExchangePlant, Permission

openpyxl = pytest.importorskip("openpyxl")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(bytes(32), SystemClock())
    yield made
    made.close()


def test_workbook_holds_the_order_s_rows(sandbox: Sandbox) -> None:
    book = openpyxl.load_workbook(io.BytesIO(order_workbook(sandbox.view(), DONE_ORDER)))
    assert book.sheetnames == ["订单 order", "检测 inspections", "数值 values", "批次 lots", "发货 shipments"]
    rows = {name: list(book[name].iter_rows(min_row=2, values_only=True)) for name in book.sheetnames}
    assert rows["订单 order"][0][:4] == (DONE_ORDER, "PO-4500017", "bracket-7", 8)
    assert {row[0] for row in rows["检测 inspections"]} == {f"U-2611-{number:05d}" for number in range(1, 9)}
    assert {row[3] for row in rows["数值 values"]} == {"C", "Si", "Mn", "Rm", "ReH"}
    assert rows["发货 shipments"][0][0] == "S-0098"


def test_equal_content_gives_equal_bytes(sandbox: Sandbox) -> None:
    view = sandbox.view()
    assert order_workbook(view, OPEN_ORDER) == order_workbook(view, OPEN_ORDER)
    assert order_qif(view, OPEN_ORDER, "x") == order_qif(view, OPEN_ORDER, "x")


def test_results_of_the_order_s_lots_are_among_them(sandbox: Sandbox) -> None:
    rows = order_results(sandbox.view(), DONE_ORDER)
    assert [row.record_index for row in rows] == sorted((row.record_index for row in rows), reverse=True)
    assert len(rows) == 2
    assert order_results(sandbox.view(), OPEN_ORDER) == []


def test_what_is_not_permitted_is_not_in_the_files() -> None:
    plant = ExchangePlant()
    plant.contract(ORDERS, Permission("inspection.verdict", ("subject", "statement"), fields=("subject.unit",)))
    plant.order("WO-1", "acme")
    plant.inspect("WO-1", "U-1")
    plant.order("WO-2", "other")
    plant.inspect("WO-2", "U-2")
    view = plant.view()
    book = openpyxl.load_workbook(io.BytesIO(order_workbook(view, "WO-1")))
    text = str([row for sheet in book for row in sheet.iter_rows(values_only=True)])
    assert "ST10" not in text
    assert "0.5" not in text
    foreign = openpyxl.load_workbook(io.BytesIO(order_workbook(view, "WO-2")))
    assert all(sheet.max_row == 1 for sheet in foreign)
    plant.close()


def test_qif_carries_measured_lengths_and_verdicts() -> None:
    plant = ExchangePlant()
    plant.contract(ORDERS, VERDICTS, Permission("production.result", ("subject", "statement")))
    plant.order("WO-1", "acme", customer_reference="PO-7")
    plant.inspect("WO-1", "U-1")
    plant.say(
        STATION,
        "production.result",
        subject=ResultSubject(order="WO-1", unit="U-1"),
        statement=ResultStatement(
            (
                Characteristic("dimension", "bore", "20.013", "mm", "19.98", "20.02"),
                Characteristic("mechanical", "Rm", "512", "MPa"),
            )
        ),
    )
    root = ET.fromstring(order_qif(plant.view(), "WO-1", "plant.example/log"))
    text = ET.tostring(root, encoding="unicode")
    assert root.tag == f"{{{NAMESPACE}}}QIFDocument"
    assert "PO-7" in text
    assert "20.013" in text
    assert "512" not in text
    plant.close()
