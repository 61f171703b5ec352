"""Orders, their dates, and what they consist of: lots, units, genealogy, results, shipments."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get

from gaugeblock.exchange.view_model import (
    DeliveryForecast,
    GenealogyView,
    LotView,
    OrderView,
    Promise,
    ResultView,
    ShipmentView,
    UnitView,
)
from gaugeblock.web.customer.problems import may_answer
from gaugeblock.web.customer.rest_common import (
    Limit,
    Listing,
    Number,
    Req,
    Text,
    following,
    found,
    index_before,
    listed,
    shown,
    text_after,
    view_of,
)

TAGS = ["orders"]
PAGED = {"paged": True}


class OrdersOut(Listing, frozen=True, kw_only=True):
    """Orders by number."""

    orders: tuple[OrderView, ...]


class PromisesOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was promised of an order, oldest first, and each forecast of its completion, oldest first."""

    order: str
    promises: tuple[Promise, ...]
    forecasts: tuple[DeliveryForecast, ...]


class LotsOut(Listing, frozen=True, kw_only=True):
    """Lots by number."""

    lots: tuple[LotView, ...]


class UnitsOut(Listing, frozen=True, kw_only=True):
    """Units by serial number."""

    units: tuple[UnitView, ...]


class GenealogyOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit was made of, by each record of it, oldest first."""

    unit: str
    genealogy: tuple[GenealogyView, ...]


class ResultsOut(Listing, frozen=True, kw_only=True):
    """Results, newest first."""

    results: tuple[ResultView, ...]


class ShipmentsOut(Listing, frozen=True, kw_only=True):
    """Shipments by number."""

    shipments: tuple[ShipmentView, ...]


@get("/orders", opt=PAGED, tags=TAGS, summary="Orders", responses=may_answer())
async def orders(request: Req, limit: Limit = 100) -> Response[OrdersOut]:
    """Your orders with their progress and the newest forecast of completion, by number."""
    page = view_of(request).orders(text_after(request, "orders", {}), limit)
    return listed(request, OrdersOut(orders=page.items, next=following(request, page, "orders", {}, limit)))


@get("/orders/{order:str}", tags=TAGS, summary="One order", responses=may_answer())
async def order(request: Req, order: Number) -> Response[OrderView]:
    """As it stands: progress, promised date, `delivery` with the interval that holds with 90 %."""
    return shown(request, found(request, view_of(request).order(order)))


@get("/orders/{order:str}/dates", tags=TAGS, summary="History of an order's dates", responses=may_answer())
async def dates(request: Req, order: Number) -> Response[PromisesOut]:
    """Every date that was promised and every forecast, each by its record: nothing is rewritten."""
    view = view_of(request)
    one = found(request, view.order(order))
    return shown(request, PromisesOut(order=order, promises=one.promises, forecasts=view.forecasts(order)))


@get("/lots", opt=PAGED, tags=TAGS, summary="Lots", responses=may_answer())
async def lots(request: Req, order: Text = None, limit: Limit = 100) -> Response[LotsOut]:
    """Lots, of one order where it is given."""
    filters = {"order": order}
    page = view_of(request).lots(order, text_after(request, "lots", filters), limit)
    return listed(request, LotsOut(lots=page.items, next=following(request, page, "lots", filters, limit)))


@get("/lots/{lot:str}", tags=TAGS, summary="One lot", responses=may_answer())
async def lot(request: Req, lot: Number) -> Response[LotView]:
    """With its heat and its units."""
    return shown(request, found(request, view_of(request).lot(lot)))


@get("/units", opt=PAGED, tags=TAGS, summary="Units", responses=may_answer())
async def units(request: Req, order: Text = None, lot: Text = None, limit: Limit = 100) -> Response[UnitsOut]:
    """Serial numbers, of one order or lot where it is given, each with the records about it."""
    filters = {"order": order, "lot": lot}
    page = view_of(request).units(order, lot, text_after(request, "units", filters), limit)
    return listed(request, UnitsOut(units=page.items, next=following(request, page, "units", filters, limit)))


@get("/units/{unit:str}", tags=TAGS, summary="One unit", responses=may_answer())
async def unit(request: Req, unit: Number) -> Response[UnitView]:
    """Its latest verdict, and the records about it."""
    return shown(request, found(request, view_of(request).unit(unit)))


@get("/units/{unit:str}/genealogy", tags=TAGS, summary="What a unit was made of", responses=may_answer())
async def genealogy(request: Req, unit: Number) -> Response[GenealogyOut]:
    """Components, lots and heats that went in; ask again for a component to go deeper."""
    view = view_of(request)
    found(request, view.unit(unit))
    return shown(request, GenealogyOut(unit=unit, genealogy=view.genealogy(unit)))


@get("/results", opt=PAGED, tags=TAGS, summary="Measured values", responses=may_answer())
async def results(
    request: Req,
    order: Text = None,
    lot: Text = None,
    heat: Text = None,
    unit: Text = None,
    limit: Limit = 100,
) -> Response[ResultsOut]:
    """Chemistry, mechanics, dimensions against their limits, newest first. Values are decimal strings."""
    filters = {"order": order, "lot": lot, "heat": heat, "unit": unit}
    page = view_of(request).results(order, lot, heat, unit, index_before(request, "results", filters), limit)
    return listed(request, ResultsOut(results=page.items, next=following(request, page, "results", filters, limit)))


@get("/shipments", opt=PAGED, tags=TAGS, summary="Shipments", responses=may_answer())
async def shipments(request: Req, order: Text = None, limit: Limit = 100) -> Response[ShipmentsOut]:
    """What left, of one order where it is given."""
    filters = {"order": order}
    page = view_of(request).shipments(order, text_after(request, "shipments", filters), limit)
    out = ShipmentsOut(shipments=page.items, next=following(request, page, "shipments", filters, limit))
    return listed(request, out)


@get("/shipments/{shipment:str}", tags=TAGS, summary="One shipment", responses=may_answer())
async def shipment(request: Req, shipment: Number) -> Response[ShipmentView]:
    """With its lots and units."""
    return shown(request, found(request, view_of(request).shipment(shipment)))


HANDLERS: list[Any] = [
    orders,
    order,
    dates,
    lots,
    lot,
    units,
    unit,
    genealogy,
    results,
    shipments,
    shipment,
]
