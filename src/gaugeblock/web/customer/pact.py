"""PACT 3 (Technical Specifications 3.0.3): ListFootprints and GetFootprint over what the customer may see.

Events (``POST /pact/3/events``) are read and checked, and answered by ``NotImplemented``, which the specification gives
for hosts that send no events of their own.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from gaugeblock.exchange.pact.footprint import write_footprint
from gaugeblock.exchange.pact.from_records import footprints_of
from gaugeblock.exchange.pact.listing import get_footprint, list_footprints
from gaugeblock.exchange.pact.messages import STATUS, ErrorBody, error_body, read_event
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.customer.rest_common import JSON, Req, answered, derive, services_of, view_of

PREFIX = "/pact/3"
BODY_BYTES = 4 * 1024 * 1024 + 1024


def _refused(request: Req, body: ErrorBody) -> Response[bytes]:
    del request
    return Response(msgspec.json.encode(body), status_code=STATUS[body.code], media_type=JSON)


def _query(request: Req) -> dict[str, list[str]]:
    return dict(request.query_params.dict())


@get(f"{PREFIX}/footprints", include_in_schema=False)
async def footprints(request: Req) -> Response[Any]:
    """ListFootprints: criteria, `limit`, and `Link` to the next page."""
    services, view = services_of(request), view_of(request)
    found = footprints_of(view, services.plant_name, services.log_origin)
    try:
        page = list_footprints([one for one, _ in found], _query(request))
    except GaugeblockError as error:
        return _refused(request, error_body(error))
    chosen = {one.id for one in page.data}
    derive(request, *(index for one, index in found if one.id in chosen))
    # By the exchange's own name: a Host header is whatever a client writes.
    base = services.public_url or str(request.base_url).rstrip("/")
    link = page.link(f"{base}{PREFIX}/footprints")
    headers = {"Link": link} if link is not None else {}
    return answered(request, msgspec.json.encode({"data": page.data}), headers=headers)


@get(f"{PREFIX}/footprints/{{footprint:str}}", include_in_schema=False)
async def footprint(request: Req, footprint: FromPath[str]) -> Response[Any]:
    """GetFootprint."""
    services, view = services_of(request), view_of(request)
    found = footprints_of(view, services.plant_name, services.log_origin)
    try:
        one = get_footprint([given for given, _ in found], footprint)
    except GaugeblockError as error:
        return _refused(request, error_body(error))
    derive(request, *(index for given, index in found if given.id == one.id))
    return answered(request, b'{"data":' + write_footprint(one) + b"}")


@post(f"{PREFIX}/events", include_in_schema=False, request_max_body_size=BODY_BYTES)
async def events(request: Req) -> Response[Any]:
    """An event that another solution sends."""
    view_of(request)
    try:
        read_event(await request.body())
    except GaugeblockError as error:
        return _refused(request, error_body(error))
    return _refused(request, ErrorBody(code="NotImplemented", message="This solution takes no events."))


HANDLERS: list[Any] = [footprints, footprint, events]
