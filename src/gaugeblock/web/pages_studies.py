"""The pages of measurement studies: the list, a new one from a table or from records, and a study's report."""

from __future__ import annotations

import secrets
from typing import Any

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.inspection.study_table import TABLE_BYTES_MAX
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.api_studies import BODY_BYTES
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader
from gaugeblock.web.study_report import criteria, gauge_lines

Form = URLEncodedBody[dict[str, str]]


@get("/quality/studies", guards=[needs("viewer")], include_in_schema=False)
async def studies(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """All studies, and the forms of a new one."""
    return await _list(request, services, reader)


async def _list(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    refusal: Problem | None = None,
    tried: str = "",
    given: dict[str, str] | None = None,
) -> Response[str]:
    def read() -> dict[str, Any]:
        names = sorted(row.station for row in services.inspections.overview().stations)
        return {"rows": services.desks.studies.reader.listed(), "stations": names}

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "studies.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="quality",
        refusal=refusal,
        tried=tried,
        given=given or {},
        token=secrets.token_hex(8),
        **context,
    )


@post("/quality/studies/table", guards=[needs("quality")], include_in_schema=False, request_max_body_size=BODY_BYTES)
async def study_of_table(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader
) -> Response[Any]:
    """A study of an uploaded table."""
    form = await request.form()
    given = {key: value for key in form if isinstance(value := form[key], str)}
    upload = form.get("table")
    data = await upload.read(TABLE_BYTES_MAX + 1) if isinstance(upload, UploadFile) else b""

    def state() -> int:
        return services.desks.studies.from_table(
            person_of(reader),
            _token(given),
            given.get("study", ""),
            given.get("station", ""),
            given.get("product", ""),
            data,
        )

    try:
        index = await anyio.to_thread.run_sync(state)
    except GaugeblockError as error:
        return await _list(request, services, reader, _refusal(error, reader), "table", given)
    return Redirect(f"/quality/studies/{index}", status_code=303)


@post("/quality/studies/records", guards=[needs("quality")], include_in_schema=False)
async def study_of_records(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, data: Form
) -> Response[Any]:
    """A study of what is recorded already."""
    trials = data.get("trials", "")

    def state() -> int:
        if trials not in {"2", "3", "4", "5"}:
            raise BadRequestError(detail="trials")
        return services.desks.studies.from_records(
            person_of(reader), _token(data), data.get("study", ""), data.get("station", ""), int(trials)
        )

    try:
        index = await anyio.to_thread.run_sync(state)
    except GaugeblockError as error:
        return await _list(request, services, reader, _refusal(error, reader), "records", data)
    return Redirect(f"/quality/studies/{index}", status_code=303)


def _token(given: dict[str, str]) -> str:
    token = given.get("token", "")
    if not (6 <= len(token) <= 64 and token.isalnum()):
        raise BadRequestError(detail="token")
    return token


def _refusal(error: GaugeblockError, reader: Reader) -> Problem:
    problem = problem_of(error, reader.language, "/quality/studies")
    if problem.status >= 500:
        raise error
    return problem


@get("/quality/studies/{index:int}", guards=[needs("viewer")], include_in_schema=False)
async def study(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, index: FromPath[int]
) -> Response[str]:
    """A study's report: to be read or printed."""
    row, result = await anyio.to_thread.run_sync(services.desks.studies.result, index)
    return page(
        request,
        reader,
        "study.html.j2",
        here_nav="quality",
        row=row,
        result=result,
        lines=gauge_lines(result),
        criteria=criteria(result),
    )


@get("/quality/studies/{index:int}/table.csv", guards=[needs("viewer")], include_in_schema=False)
async def table(services: GivenServices, index: FromPath[int]) -> Response[bytes]:
    """The table that the study was computed from, byte for byte."""

    def read() -> bytes:
        return services.blobs.get(services.desks.studies.reader.study(index).table_sha256)

    data = await anyio.to_thread.run_sync(read)
    return Response(
        data,
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="study-{index}.csv"', "Cache-Control": "no-store"},
    )


HANDLERS = [studies, study_of_table, study_of_records, study, table]
