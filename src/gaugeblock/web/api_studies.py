"""Measurement studies as JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from gaugeblock.inspection.studies import StudyResult
from gaugeblock.inspection.studies_queries import StudyRow
from gaugeblock.inspection.study_table import TABLE_BYTES_MAX
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import StatedOut, Text200, Token, person_of
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.problems import may_answer

BODY_BYTES = TABLE_BYTES_MAX + 1024 * 1024
Trials = Annotated[int, msgspec.Meta(ge=2, le=20)]


class StudyTableIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A study of a CSV table; without ``station`` its first appraiser is the station."""

    token: Token
    study: Text200
    table: str
    station: Text200 = ""
    product: Text200 = ""


class StudyRecordsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A study of what the plant has recorded."""

    token: Token
    study: Text200
    station: Text200
    trials: Trials = 3


class StudyOut(msgspec.Struct, frozen=True):
    """A study with all its figures; ``study.index`` is its record."""

    study: StudyRow
    result: StudyResult


@get(
    "/studies",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Measurement studies, newest first",
    responses=may_answer(401),
)
def studies(services: GivenServices) -> list[StudyRow]:
    """The newest hundred."""
    return services.desks.studies.reader.listed()


@get(
    "/studies/{index:int}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="One measurement study",
    responses=may_answer(401, 404),
)
def study(services: GivenServices, index: FromPath[int]) -> StudyOut:
    """Agreement with intervals and bands, and gauge R&R of the score where there is one."""
    return StudyOut(*services.desks.studies.result(index))


@post(
    "/studies/table",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Compute and record a study of a table",
    request_max_body_size=BODY_BYTES,
    responses=may_answer(401, 403, 413, 422),
)
def study_of_table(services: GivenServices, reader: GivenReader, data: JSONBody[StudyTableIn]) -> StatedOut:
    """Columns part, reference, appraiser, trial, decision; score and borderline may be added."""
    desk = services.desks.studies
    table = data.table.encode()
    return StatedOut(desk.from_table(person_of(reader), data.token, data.study, data.station, data.product, table))


@post(
    "/studies/records",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Compute and record a study of the plant's own records",
    responses=may_answer(401, 403, 422),
)
def study_of_records(services: GivenServices, reader: GivenReader, data: JSONBody[StudyRecordsIn]) -> StatedOut:
    """Parts of known condition that the station judged several times with the module it has now."""
    desk = services.desks.studies
    return StatedOut(desk.from_records(person_of(reader), data.token, data.study, data.station, data.trials))


HANDLERS = [studies, study, study_of_table, study_of_records]
