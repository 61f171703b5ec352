"""The pages of what the plant shares: documents and carbon footprints, and which contracts show them to whom."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, get_args
from urllib.parse import quote

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import PathParameter
from litestar.response import Redirect

from gaugeblock.exchange.footprint_desk import FootprintDraft, WorkedSum, worked_sum
from gaugeblock.exchange.pact.footprint import DeclaredUnit, Region
from gaugeblock.exchange.shared_document import NAME_MAX as FILE_NAME_MAX
from gaugeblock.exchange.shared_document import DocumentKind
from gaugeblock.exchange.shared_files_desk import BYTES_MAX, NAME_MAX, TITLE_MAX
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import DocumentSubject, FootprintStatement
from gaugeblock.plant.language import Language, catalogue
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

Req = Request[Any, Any, Any]
Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$")]
KINDS: tuple[DocumentKind, ...] = get_args(DocumentKind)
FORM_BYTES = 64 * 1024
_FIELD_FACTS = frozenset({"field", "given", "missing", "where", "noun"})
LISTS = frozenset({"methods", "characterization"})
_TEXTS = tuple(
    name
    for name in FootprintDraft.__struct_fields__
    if name not in {*LISTS, "product", "begin", "end", "material_primary"}
)


@get("/shared", guards=[needs("viewer")], include_in_schema=False)
async def shared(request: Req, services: GivenServices, reader: GivenReader) -> Response[str]:
    """Documents that are shared now, footprints as they were stated, and the forms."""
    return await _shared(request, services, reader)


async def _shared(
    request: Req,
    services: Services,
    reader: Reader,
    *,
    section: str = "",
    given: dict[str, str] | None = None,
    refusal: Problem | None = None,
    worked: WorkedSum | None = None,
    statement: FootprintStatement | None = None,
) -> Response[str]:
    desks = services.exchange

    def read() -> dict[str, Any]:
        return {"documents": desks.documents.listed(), "footprints": desks.footprints.listed()}

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "shared.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="exchange",
        customers={customer.id: customer for customer in desks.contracts.customers},
        products=desks.documents.products,
        kinds=KINDS,
        units=get_args(DeclaredUnit),
        regions=get_args(Region),
        section=section,
        given=given or {},
        refusal=refusal,
        worked=worked,
        statement=statement,
        name_max=NAME_MAX,
        title_max=TITLE_MAX,
        bytes_max=BYTES_MAX,
        token=secrets.token_hex(8),
        **context,
    )


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────


@post(
    "/shared/documents",
    guards=[needs("quality")],
    include_in_schema=False,
    request_max_body_size=BYTES_MAX + FORM_BYTES,
)
async def share_document(request: Req, services: GivenServices, reader: GivenReader) -> Response[Any]:
    """Share a file."""
    form = await request.form()
    given = {key: value for key in form if isinstance(value := form[key], str)}
    file = form.get("file")
    uploaded = file if isinstance(file, UploadFile) else None
    data = await uploaded.read() if uploaded is not None else b""
    name = (uploaded.filename if uploaded is not None else "") or "–"
    kind: DocumentKind = next((known for known in KINDS if known == given.get("kind")), "other")
    subject = DocumentSubject(_text(given, "product"), _text(given, "machine"), _text(given, "order"))

    def act() -> int:
        title_zh, title_en = (given.get(key, "").strip() for key in ("title_zh", "title_en"))
        return services.exchange.documents.share(
            person_of(reader), _token(given), data, name[: FILE_NAME_MAX + 1], kind, subject, title_zh, title_en
        )

    try:
        await anyio.to_thread.run_sync(act)
    except GaugeblockError as error:
        return await _shared(
            request, services, reader, section="document", given=given, refusal=_refusal(error, reader)
        )
    return Redirect("/shared#documents-title", status_code=303)


@get("/shared/documents/{sha256:str}", guards=[needs("viewer")], include_in_schema=False)
async def download(services: GivenServices, sha256: Digest) -> Response[bytes]:
    """A document's bytes: to be kept, never shown by the browser."""
    desk = services.exchange.documents
    name = (await anyio.to_thread.run_sync(desk.document, sha256)).document.name
    data = await anyio.to_thread.run_sync(desk.content, sha256)
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "private, no-store"}
    return Response(data, media_type="application/octet-stream", headers=headers)


@post("/shared/documents/{sha256:str}/withdraw", guards=[needs("quality")], include_in_schema=False)
async def withdraw(request: Req, services: GivenServices, reader: GivenReader, sha256: Digest) -> Response[Any]:
    """Take a document back."""
    given = await _given(request)
    try:
        await anyio.to_thread.run_sync(services.exchange.documents.withdraw, person_of(reader), _token(given), sha256)
    except GaugeblockError as error:
        return await _shared(request, services, reader, refusal=_refusal(error, reader))
    return Redirect("/shared#documents-title", status_code=303)


# ── footprints ──────────────────────────────────────────────────────────────────────────────────────────────


@post("/shared/footprints", guards=[needs("quality")], include_in_schema=False)
async def state_footprint(request: Req, services: GivenServices, reader: GivenReader) -> Response[Any]:
    """Show what a footprint comes to, or state it."""
    given = await _given(request)
    desk, draft = services.exchange.footprints, draft_of(given)
    try:
        if given.get("action") != "state":
            statement = await anyio.to_thread.run_sync(desk.work_out, draft)
            return await _shared(
                request,
                services,
                reader,
                section="footprint",
                given=given,
                worked=worked_sum(statement),
                statement=statement,
            )
        await anyio.to_thread.run_sync(desk.state, person_of(reader), _token(given), draft)
    except GaugeblockError as error:
        return await _shared(
            request, services, reader, section="footprint", given=given, refusal=_refusal(error, reader)
        )
    return Redirect("/shared#footprints", status_code=303)


def draft_of(given: dict[str, str]) -> FootprintDraft:
    """The draft that a form states. What is empty is open; what makes no sense the desk refuses by name.

    >>> draft_of({"product": "P1", "methods": "ISO 14067; PACT 3.0"}).methods
    ('ISO 14067', 'PACT 3.0')
    """
    values: dict[str, Any] = {name: text for name in _TEXTS if (text := _text(given, name)) is not None}
    for name in LISTS:
        values[name] = _list(given.get(name, ""))
    return msgspec.convert(
        {
            **values,
            "product": given.get("product", "").strip(),
            "begin": _day(given.get("begin", "")),
            "end": _day(given.get("end", "")),
            "material_primary": given.get("material_primary") == "yes",
        },
        FootprintDraft,
    )


def _list(text: str) -> tuple[str, ...]:
    for mark in ";；、\n\r":
        text = text.replace(mark, ";")
    return tuple(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _day(text: str) -> str:
    """A date as the beginning of that day (UTC); anything else as it is, to be refused."""
    day = text.strip()[:40]
    return f"{day}T00:00:00Z" if len(day) == 10 else day


# ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────


def _text(given: dict[str, str], name: str) -> str | None:
    return given.get(name, "").strip() or None


async def _given(request: Req) -> dict[str, str]:
    form = await request.form()
    return {key: value for key in form if isinstance(value := form[key], str)}


def _token(given: dict[str, str]) -> str:
    token = given.get("token", "")
    if not (6 <= len(token) <= 64 and token.isalnum()):
        raise BadRequestError(detail="token")
    return token


def _refusal(error: GaugeblockError, reader: Reader) -> Problem:
    problem = problem_of(in_words(error, reader.language), reader.language, "/shared")
    if problem.status >= 500:
        raise error
    return problem


def in_words(error: GaugeblockError, language: Language) -> GaugeblockError:
    """The same error with the form's words in place of the names of fields.

    >>> from gaugeblock.exchange.shared_errors import FootprintPartsError
    >>> print(in_words(FootprintPartsError(given="methods", missing="mass_kg_per_unit"), "en").text("en"))
    The footprint lacks Mass per unit (kg) (given: Standards followed (apart by semicolons)).
    """
    facts = dict(error.facts)
    for name in _FIELD_FACTS & facts.keys():
        for group in ("field", "subject"):
            facts[name] = catalogue(language).get(f"shared.{group}.{facts[name]}", facts[name])
    return type(error)(**facts)


HANDLERS = [shared, share_document, download, withdraw, state_footprint]
