"""The page of challenge parts: the set of each station, how it fared, and the form that registers another set."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.params import QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.plant.assignment import PARTS_MAX, ChallengeSetError
from gaugeblock.web.access import needs
from gaugeblock.web.api_inspections import TEXT_LIMIT
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services

OUTCOMES_SHOWN = 30

Form = URLEncodedBody[dict[str, str]]
Station = Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)]


def _challenges(services: Services, station: str | None) -> dict[str, Any]:
    desk = services.desks.challenges
    names = [each.id for each in desk.stations]
    chosen = station if station in names else (names[0] if names else None)
    of_station = next((each for each in desk.stations if each.id == chosen), None)
    return {
        "names": names,
        "station": chosen,
        "product": None if of_station is None else of_station.product,
        "required": of_station is not None and of_station.require_challenge,
        "sets": desk.sets(chosen) if chosen else [],
        "outcomes": desk.outcomes(chosen, OUTCOMES_SHOWN) if chosen else [],
        "parts_max": PARTS_MAX,
    }


@get("/stations/challenges", guards=[needs("viewer")], include_in_schema=False)
async def challenges(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, station: Station = None
) -> Response[str]:
    """Sets and outcomes of one station."""
    context = await anyio.to_thread.run_sync(_challenges, services, station)
    return page(request, reader, "challenges.html.j2", here_nav="stations", **context)


def serials(text: str) -> list[str]:
    """One serial a line; empty lines do not count.

    >>> serials(" G1 \\n\\nG2\\r\\n")
    ['G1', 'G2']
    """
    return [line.strip() for line in text.splitlines() if line.strip()]


@post("/stations/challenges", guards=[needs("quality")], include_in_schema=False)
async def register(services: GivenServices, reader: GivenReader, data: Form) -> Redirect:
    """Register or withdraw a set."""
    assert reader.account is not None, "needs() has let nobody else in"
    by, station = f"person:{reader.account.name}", data.get("station", "")
    product = data.get("product") or None
    desk = services.desks.challenges

    def state() -> None:
        if data.get("action") == "withdraw":
            desk.withdraw(by, station, product)
            return
        try:
            valid_h = float(data.get("valid_h", ""))
        except ValueError:
            raise ChallengeSetError(detail=f"valid_h = {data.get('valid_h', '')[:20]}") from None
        desk.register(
            by,
            station,
            product,
            serials(data.get("good", "")),
            serials(data.get("defective", "")),
            valid_h=valid_h,
            each_shift=data.get("each_shift") == "true",
            each_changeover=data.get("each_changeover") == "true",
        )

    await anyio.to_thread.run_sync(state)
    return Redirect(f"/stations/challenges?station={station}", status_code=303)


HANDLERS = [challenges, register]
