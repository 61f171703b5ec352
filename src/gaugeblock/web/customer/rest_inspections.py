"""Inspections with their photographs where they may be seen, stations' health, nonconformities."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from gaugeblock.exchange.shared_document import sniff
from gaugeblock.exchange.view_model import HealthView, InspectionFilter, InspectionView, NonconformityView
from gaugeblock.web.customer.problems import may_answer
from gaugeblock.web.customer.rest_common import (
    Digest,
    Index,
    Limit,
    Listing,
    Moment,
    Number,
    Req,
    Text,
    answered,
    derive,
    following,
    found,
    index_before,
    listed,
    services_of,
    shown,
    text_after,
    view_of,
)

PAGED = {"paged": True}
IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/tiff"})


class InspectionsOut(Listing, frozen=True, kw_only=True):
    """Verdicts, newest first."""

    inspections: tuple[InspectionView, ...]


class HealthOut(msgspec.Struct, frozen=True, kw_only=True):
    """Stations that inspected what you may see."""

    stations: tuple[HealthView, ...]


class NonconformitiesOut(Listing, frozen=True, kw_only=True):
    """Nonconformities by number."""

    nonconformities: tuple[NonconformityView, ...]


@get("/inspections", opt=PAGED, tags=["inspections"], summary="Inspections", responses=may_answer())
async def inspections(
    request: Req,
    order: Text = None,
    lot: Text = None,
    unit: Text = None,
    product: Text = None,
    station: Text = None,
    verdict: Annotated[Literal["OK", "NOK", "UNDECIDED"] | None, QueryParameter()] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 100,
) -> Response[InspectionsOut]:
    """Verdicts of stations, newest first. `image_sha256` is there where the photograph may be seen."""
    wanted = InspectionFilter(
        order=order, lot=lot, unit=unit, product=product, station=station, verdict=verdict, since=since, until=until
    )
    filters = msgspec.structs.asdict(wanted)
    page = view_of(request).inspections(wanted, index_before(request, "inspections", filters), limit)
    out = InspectionsOut(inspections=page.items, next=following(request, page, "inspections", filters, limit))
    return listed(request, out)


@get("/inspections/{index:int}", tags=["inspections"], summary="One inspection", responses=may_answer())
async def inspection(request: Req, index: Index) -> Response[InspectionView]:
    """By the index of its record."""
    return shown(request, found(request, view_of(request).inspection(index)))


@get(
    "/images/{sha256:str}",
    tags=["inspections"],
    summary="A photograph",
    media_type="application/octet-stream",
    responses=may_answer(),
)
async def image(request: Req, sha256: Digest) -> Response[bytes]:
    """The bytes of this digest, as the camera took them. They never change."""
    grant = found(request, view_of(request).file(sha256))
    if grant.kind != "image":
        found(request, None)
    data = await anyio.to_thread.run_sync(services_of(request).blobs.get, sha256)
    derive(request, grant)
    media_type = sniff(data)
    shown_as = media_type if media_type in IMAGES else "application/octet-stream"
    return answered(request, data, shown_as)


@get("/health", tags=["inspections"], summary="Stations and their modules", responses=may_answer())
async def health(request: Req) -> Response[HealthOut]:
    """Which stations inspected your parts, with which module, and the latest study of their agreement."""
    return shown(request, HealthOut(stations=view_of(request).health()))


@get("/nonconformities", opt=PAGED, tags=["inspections"], summary="Nonconformities", responses=may_answer())
async def nonconformities(request: Req, limit: Limit = 100) -> Response[NonconformitiesOut]:
    """With their steps: the 8D of a complaint grows from these."""
    page = view_of(request).nonconformities(text_after(request, "nonconformities", {}), limit)
    out = NonconformitiesOut(nonconformities=page.items, next=following(request, page, "nonconformities", {}, limit))
    return listed(request, out)


@get("/nonconformities/{nonconformity:str}", tags=["inspections"], summary="One nonconformity", responses=may_answer())
async def nonconformity(request: Req, nonconformity: Number) -> Response[NonconformityView]:
    """With its steps, oldest first."""
    return shown(request, found(request, view_of(request).nonconformity(nonconformity)))


HANDLERS: list[Any] = [inspections, inspection, image, health, nonconformities, nonconformity]
