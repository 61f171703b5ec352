"""The retention page: the rule in force, what it keeps, and what was deleted, each with its record."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
from litestar import Request, Response, get

from gaugeblock.web.access import needs
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services


def _retention(services: Services) -> dict[str, Any]:
    desk = services.desks.retention
    return {"rule": desk.rule, "sums": desk.sums(), "deletions": desk.deletions()}


@get("/log/retention", guards=[needs("viewer")], include_in_schema=False)
async def retention(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """What is kept, what was deleted."""
    context = await anyio.to_thread.run_sync(_retention, services)
    return page(request, reader, "retention.html.j2", here_nav="log", **context)


HANDLERS = [retention]
