"""The pages of material certificates: issued ones, the draft of the next with everything it will say, and one."""

from __future__ import annotations

import secrets
from importlib.util import find_spec
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from gaugeblock.exchange.document_errors import CertificateGapsError, PrintingMissingError
from gaugeblock.exchange.material_certificate.building import metals_document, total_records
from gaugeblock.exchange.material_certificate.metals_json import digest, read_metals, write_metals
from gaugeblock.exchange.material_certificate.pdf import certificate_page, certificate_pdf
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import say
from gaugeblock.plant.production_facets import CertificateStatement, CertificateSubject
from gaugeblock.production.checks import check_number
from gaugeblock.production.read_model import PAGE, Certificate, OrderCase
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.certificate_drafting import Draft, Gap, Sources, draft
from gaugeblock.web.certificate_form import PARTY_FIELDS, given_of
from gaugeblock.web.certificate_sources import proposed, sources_of, today
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

NAMES_SHOWN = 8
PRINTERS = ("typst", "pylopdf_fonts_zh_cn")

Req = Request[Any, Any, Any]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that is ready: its bytes, and the records it is drawn from. ``pdf`` is ``None`` without the extra
    that sets it."""

    raw: bytes
    pdf: bytes | None
    records: tuple[int, ...]


# ── list ────────────────────────────────────────────────────────────────────────────────────────────────────


@get("/certificates", guards=[needs("viewer")], include_in_schema=False)
async def certificates(
    request: Req,
    services: GivenServices,
    reader: GivenReader,
    customer: Annotated[str, QueryParameter(max_length=200)] = "",
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """Issued and withdrawn ones, newest first."""
    orders = services.production.orders.reader

    def read() -> list[Certificate]:
        return orders.certificates_listed(customer=customer or None, before=cursor)

    rows = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "certificates.html.j2",
        here_nav="orders",
        rows=rows,
        customer=customer,
        customers=services.production.orders.customers,
        cursor=cursor,
        following=rows[-1].index if len(rows) == PAGE else None,
    )


# ── draft and issue ─────────────────────────────────────────────────────────────────────────────────────────


@get("/certificates/new", guards=[needs("quality")], include_in_schema=False)
async def new_certificate(
    request: Req,
    services: GivenServices,
    reader: GivenReader,
    order: Annotated[str, QueryParameter(max_length=200)] = "",
    lot: Annotated[str, QueryParameter(max_length=200)] = "",
    replaces: Annotated[str, QueryParameter(max_length=200)] = "",
) -> Response[str]:
    """Choose the order and its lot; then look at what the certificate will say."""
    if not (order and lot):
        return await _choice(request, services, reader, order.strip())
    return await _drafted(request, services, reader, order, lot, {"replaces": replaces}, first=True)


async def _choice(request: Req, services: Services, reader: Reader, order: str) -> Response[str]:
    def read() -> OrderCase | None:
        found = services.production.orders.reader.find(order) if order else None
        return None if found is None else services.production.orders.reader.case(found.order)

    case = await anyio.to_thread.run_sync(read)
    open_orders = await anyio.to_thread.run_sync(lambda: services.production.orders.reader.listed())
    return page(
        request,
        reader,
        "certificate_choice.html.j2",
        here_nav="orders",
        order=order,
        case=case,
        orders=open_orders,
    )


async def _drafted(
    request: Req,
    services: Services,
    reader: Reader,
    order: str,
    lot: str,
    form: dict[str, str],
    refusal: Problem | None = None,
    *,
    first: bool = False,
) -> Response[str]:
    def read() -> dict[str, Any]:
        sources = sources_of(services, order, lot)
        given = {**proposed(services, sources), **form} if first else form
        drafted = _draft(services, reader, sources, given)
        said: Problem | None = None
        shown: dict[str, object] | None = None
        if not drafted.blocked:
            try:
                document = metals_document(drafted.certificate)
                shown = certificate_page(document, digest(write_metals(document)))
            except GaugeblockError as error:
                said = problem_of(error, reader.language, request.url.path)
        return {"sources": sources, "given": given, "draft": drafted, "shown": shown, "said": said}

    try:
        context = await anyio.to_thread.run_sync(read)
    except GaugeblockError as error:
        problem = problem_of(error, reader.language, request.url.path)
        if problem.status >= 500 or problem.status == 404 or refusal is not None:
            raise
        context = {"sources": None, "given": form, "draft": None, "shown": None, "said": problem}
    said = refusal or context.pop("said")
    context.pop("said", None)
    gaps = context["draft"].gaps if context["draft"] is not None else ()
    return page(
        request,
        reader,
        "certificate_draft.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="orders",
        order=order,
        lot=lot,
        refusal=said,
        gaps=[gap for gap in gaps if gap.blocks],
        notes=[gap for gap in gaps if not gap.blocks],
        gap_text=gap_text,
        party_fields=PARTY_FIELDS,
        printable=can_print(),
        issuer=reader.account.name if reader.account else "",
        token=secrets.token_hex(8),
        **context,
    )


@post("/certificates/new", guards=[needs("quality")], include_in_schema=False)
async def issue_certificate(request: Req, services: GivenServices, reader: GivenReader) -> Response[Any]:
    """Show the draft with what was entered, or issue it: both files are kept, then the record is stated."""
    form = await request.form()
    given = {key: value[:2000] for key in form if isinstance(value := form[key], str)}
    order, lot = given.get("order", "").strip(), given.get("lot", "").strip()
    if given.get("action") != "issue":
        return await _drafted(request, services, reader, order, lot, given)
    try:
        await anyio.to_thread.run_sync(_issue, services, reader, order, lot, given)
    except GaugeblockError as error:
        problem = problem_of(error, reader.language, "/certificates/new")
        if problem.status >= 500 or problem.status == 404:
            raise
        return await _drafted(request, services, reader, order, lot, given, problem)
    return Redirect(f"/certificates/{given['number'].strip()}", status_code=303)


def _issue(services: Services, reader: Reader, order: str, lot: str, given: dict[str, str]) -> None:
    desk, author, token = services.production.orders, person_of(reader), _token(given)
    number, replaces = check_number(given.get("number", "").strip()), given.get("replaces", "").strip() or None
    replaced = None if replaces is None else desk.reader.certificate(replaces)
    sources = sources_of(services, order, lot)
    drafted = _draft(services, reader, sources, given)
    if drafted.blocked:
        told = "; ".join(gap_text(gap, reader.language) for gap in drafted.gaps if gap.blocks)
        raise CertificateGapsError(certificate=number, gaps=told[:600])
    made = make(drafted)
    statement = CertificateStatement(
        kind="3.1",
        json_sha256=desk.keep_document(made.raw),
        pdf_sha256=None if made.pdf is None else desk.keep_document(made.pdf),
        replaces=replaces,
    )
    heat = drafted.certificate.heat
    subject = CertificateSubject(
        certificate=number,
        customer=sources.order.customer,
        product=sources.lot.product,
        order=order,
        lot=lot,
        heat=heat.number if heat is not None else sources.lot.heat,
    )
    desk.certificate(author, token, subject, statement, made.records)
    if replaced is not None and replaced.state == "issued":
        _withdraw(services, author, token, replaced)


def make(drafted: Draft) -> Made:
    """The bytes of a certificate: JSON always, PDF where the extra ``dossier`` is installed.

    Raises
    ------
    GaugeblockError
        What :func:`~gaugeblock.exchange.material_certificate.building.metals_document` refuses.
    """
    document = metals_document(drafted.certificate)
    raw = write_metals(document)
    try:
        pdf = certificate_pdf(document, digest(raw))
    except PrintingMissingError:
        pdf = None
    return Made(raw=raw, pdf=pdf, records=total_records(drafted.certificate))


def can_print() -> bool:
    """Whether the extra that sets PDF files is installed."""
    return all(find_spec(name) is not None for name in PRINTERS)


def _draft(services: Services, reader: Reader, sources: Sources, given: dict[str, str]) -> Draft:
    assert reader.account is not None, "needs() lets nobody else in"
    try:
        said = given_of(given, reader.account.name)
    except ValueError as fault:
        raise BadRequestError(detail=f"delivered_on: {given.get('delivered_on', '')[:20]!r}") from fault
    return draft(sources, said, today(services))


def gap_text(gap: Gap, language: Any) -> str:
    """A gap in words.

    >>> gap_text(Gap(kind="undecided", names=("U1",)), "en")
    'units are not decided yet: U1'
    """
    names = gap.names
    if gap.kind == "party":
        names = tuple(_party_word(name, language) for name in names)
    shown = ", ".join(names[:NAMES_SHOWN]) + (f" … ({len(names)})" if len(names) > NAMES_SHOWN else "")
    return say(f"certificates.gap.{gap.kind}", language, names=shown)


def _party_word(name: str, language: Any) -> str:
    which, _, field = name.partition("_")
    if not field:
        return say(f"certificates.field.{which}", language)
    return f"{say(f'certificates.{which}', language)}: {say(f'certificates.field.{field}', language)}"


# ── one ─────────────────────────────────────────────────────────────────────────────────────────────────────


@get("/certificates/{certificate:str}", guards=[needs("viewer")], include_in_schema=False)
async def certificate(
    request: Req, services: GivenServices, reader: GivenReader, certificate: FromPath[str]
) -> Response[str]:
    """One with its files, the records it is drawn from, and what may be done with it."""

    def read() -> dict[str, Any]:
        known = services.production.orders.reader.certificate(certificate)
        shown: dict[str, object] | None = None
        try:
            shown = certificate_page(read_metals(services.blobs.get(known.json_sha256)).document, known.json_sha256)
        except GaugeblockError:
            # Of another maker or form, or not kept any more: the files speak for themselves.
            shown = None
        return {"known": known, "shown": shown}

    context = await anyio.to_thread.run_sync(read)
    return page(request, reader, "certificate.html.j2", here_nav="orders", token=secrets.token_hex(8), **context)


@get("/certificates/{certificate:str}/{form:str}", guards=[needs("viewer")], include_in_schema=False)
async def certificate_file(services: GivenServices, certificate: FromPath[str], form: FromPath[str]) -> Response[bytes]:
    """Its JSON or its PDF."""

    def read() -> tuple[bytes, str]:
        known = services.production.orders.reader.certificate(certificate)
        sha256 = {"json": known.json_sha256, "pdf": known.pdf_sha256}.get(form)
        if sha256 is None:
            raise BadRequestError(detail=form[:20])
        return services.blobs.get(sha256), known.certificate

    data, number = await anyio.to_thread.run_sync(read)
    name = "".join(letter if (letter.isascii() and letter.isalnum()) or letter in "-_." else "_" for letter in number)
    return Response(
        data,
        media_type="application/pdf" if form == "pdf" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "private, no-store"},
    )


@post("/certificates/{certificate:str}/withdraw", guards=[needs("quality")], include_in_schema=False)
async def withdraw_certificate(
    request: Req, services: GivenServices, reader: GivenReader, certificate: FromPath[str]
) -> Response[Any]:
    """Take it back; it stays in the log, and customers see that it is withdrawn."""
    form = await request.form()
    given = {key: value for key in form if isinstance(value := form[key], str)}
    author, token = person_of(reader), _token(given)

    def act() -> None:
        known = services.production.orders.reader.certificate(certificate)
        if known.state == "issued":
            _withdraw(services, author, token, known)

    await anyio.to_thread.run_sync(act)
    return Redirect(f"/certificates/{certificate}", status_code=303)


def _withdraw(services: Services, author: str, token: str, known: Certificate) -> None:
    subject = CertificateSubject(known.certificate, known.customer, known.product, known.order, known.lot, known.heat)
    statement = CertificateStatement(
        kind=known.kind,  # type: ignore[arg-type]  # as its record states it
        json_sha256=known.json_sha256,
        pdf_sha256=known.pdf_sha256,
        replaces=known.replaces,
        state="withdrawn",
    )
    services.production.orders.certificate(author, token, subject, statement, known.record_indices)


def _token(given: dict[str, str]) -> str:
    token = given.get("token", "")
    if not (6 <= len(token) <= 64 and token.isalnum()):
        raise BadRequestError(detail="token")
    return token


HANDLERS = [
    certificates,
    new_certificate,
    issue_certificate,
    certificate,
    certificate_file,
    withdraw_certificate,
]
