"""Overview, verdicts, units and stations: read models as JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from gaugeblock.inspection.read_model import PAGE_LIMIT, Overview, VerdictFilter, VerdictRow
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.plant.record_types import Verdict
from gaugeblock.web.access import needs
from gaugeblock.web.answers import InspectionOut, InspectionsOut, StationOut, StationsOut, UnitOut
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import InspectionNotFoundError, UnitNotFoundError
from gaugeblock.web.ports import Services, StationState
from gaugeblock.web.problems import may_answer
from gaugeblock.web.words import fault_text

TEXT_LIMIT = 200


def inspection_out(row: VerdictRow) -> InspectionOut:
    """A row with what a client would otherwise work out by itself."""
    wrong = None if row.condition is None else "escape" if row.escape else "overkill" if row.overkill else "no"
    return InspectionOut(
        **msgspec.structs.asdict(row),
        wrong=wrong,  # type: ignore[arg-type]  # mypy joins the literals to str
        image=blob_address(row.image_sha256),
        heatmap=blob_address(row.heatmap_sha256),
    )


def blob_address(sha256: str | None) -> str | None:
    """Where a blob is read."""
    return None if sha256 is None else f"/api/v1/blobs/{sha256}"


def stations_out(services: Services, language: Language) -> list[StationOut]:
    """Supervisor's view and records' view of every station, joined by name."""
    return _joined(services, services.stations.stations(), "unsupervised", language)


def stations_or_fault(services: Services, language: Language) -> tuple[list[StationOut], str | None]:
    """As :func:`stations_out`; where the supervision cannot be read, what the records say, and the fault's words."""
    try:
        return stations_out(services, language), None
    except GaugeblockError as error:
        return _joined(services, [], "unknown", language), f"{error.text(language)} {error.remedy(language)}"


def _joined(services: Services, seen: list[StationState], otherwise: str, language: Language) -> list[StationOut]:
    rows = {_plain(row.station): row for row in services.inspections.overview().stations}
    states = {_plain(state.station): state for state in seen}
    joined = []
    for name in sorted(rows.keys() | states.keys()):
        row, state = rows.get(name), states.get(name)
        joined.append(
            StationOut(
                station=name,
                condition=state.condition if state else otherwise,
                since=(state.since or None) if state else None,
                restarts=state.restarts if state else 0,
                spool_backlog=state.spool_backlog if state else None,
                fault=fault_text(state.fault_code, dict(state.fault_facts), language)
                if state and state.fault_code
                else None,
                boot_epoch=row.boot_epoch if row else None,
                started_at=row.started_at if row else None,
                missed_triggers=row.missed_triggers if row else None,
                module_sha256=row.module_sha256 if row else None,
                last_verdict_at=row.last_verdict_at if row else None,
                last_verdict_index=row.last_verdict_index if row else None,
            )
        )
    return joined


def _plain(station: str) -> str:
    return station.removeprefix("station:")


def page_of(services: Services, wanted: VerdictFilter) -> tuple[list[VerdictRow], int | None]:
    """One page and the cursor of the next: one row more than the page is read to know whether there is one."""
    more = msgspec.structs.replace(wanted, limit=min(wanted.limit + 1, PAGE_LIMIT))
    rows = services.inspections.verdicts(more)
    shown = rows[: min(wanted.limit, PAGE_LIMIT - 1)]
    return shown, shown[-1].index if len(rows) > len(shown) else None


@get(
    "/overview",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["inspection"],
    summary="Sums over all verdicts",
    responses=may_answer(401),
)
def overview(services: GivenServices) -> Overview:
    """Counts, escape and overkill with 95 % intervals, latency, stations and the latest verdicts."""
    return services.inspections.overview()


@get(
    "/inspections",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["inspection"],
    summary="Verdicts, newest first",
    responses=may_answer(401),
)
def inspections(
    services: GivenServices,
    verdict: FromQuery[Verdict | None] = None,
    station: Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)] = None,
    unit: Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)] = None,
    wrong: FromQuery[bool] = False,
    cursor: Annotated[int | None, QueryParameter(ge=0, description="From `next` of the page before.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT - 1)] = 50,
) -> InspectionsOut:
    """`wrong=true` keeps only escapes and overkills. Pages stay stable while new verdicts come."""
    rows, following = page_of(
        services,
        VerdictFilter(verdict=verdict, station=station, unit=unit, wrong=wrong, before=cursor, limit=limit),
    )
    return InspectionsOut([inspection_out(row) for row in rows], following)


@get(
    "/inspections/{index:int}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["inspection"],
    summary="One verdict",
    responses=may_answer(401, 404),
)
def inspection(services: GivenServices, index: FromPath[int]) -> InspectionOut:
    """The verdict whose record has this index."""
    row = services.inspections.verdict(index)
    if row is None:
        raise InspectionNotFoundError(index=index)
    return inspection_out(row)


@get(
    "/units/{unit:str}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["inspection"],
    summary="All verdicts about a unit",
    responses=may_answer(401, 404),
)
def unit(services: GivenServices, unit: FromPath[str]) -> UnitOut:
    """Oldest first."""
    rows = services.inspections.unit(unit)
    if not rows:
        raise UnitNotFoundError(unit=unit[:TEXT_LIMIT])
    return UnitOut(unit, [inspection_out(row) for row in rows])


@get(
    "/stations",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["inspection"],
    summary="Stations and their condition",
    responses=may_answer(401),
)
def stations(services: GivenServices, reader: GivenReader) -> StationsOut:
    """What the supervisor sees beside what the stations' records say."""
    return StationsOut(stations_out(services, reader.language))


HANDLERS = [overview, inspections, inspection, unit, stations]
