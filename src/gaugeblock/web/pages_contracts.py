"""The pages of contracts: what is in force with whom, drafting with a preview of what would leave, approval, end."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from gaugeblock.exchange.contract_desk import REASON_MOST, ContractDesk, Preview
from gaugeblock.exchange.contract_history import ContractState, VersionState, needs_approval, version_in_force
from gaugeblock.exchange.contract_terms import TEXT_MOST
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import ContractStatement
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.contract_form import CLASSIFICATIONS, TYPICAL, statement_of, type_choices
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version stands now: its stage, or, where it was accepted, what time makes of it."""

    word: str
    in_force: bool


def standing(known: ContractState, state: VersionState, now: datetime) -> Standing:
    """A version's standing for a page."""
    current = version_in_force(known, now)
    if current is not None and current.stated.index == state.stated.index:
        return Standing(word="in_force", in_force=True)
    if state.stage != "accepted":
        return Standing(word=state.stage, in_force=False)
    if now < from_rfc3339(state.statement.valid_from):
        return Standing(word="not_begun", in_force=False)
    expired = from_rfc3339(state.statement.valid_until) <= now
    return Standing(word="expired" if expired else "superseded", in_force=False)


@get("/contracts", guards=[needs("viewer")], include_in_schema=False)
async def contracts(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """All contracts, the newest first."""
    desk, now = services.exchange.contracts, services.clock.now()
    listed = await anyio.to_thread.run_sync(desk.reader.listed)
    rows = [
        {"contract": known, "latest": known.latest, "standing": standing(known, _shown(known, now), now)}
        for known in listed
    ]
    names = {customer.id: customer for customer in desk.customers}
    return page(request, reader, "contracts.html.j2", here_nav="exchange", rows=rows, customers=names)


def _shown(known: ContractState, now: datetime) -> VersionState:
    return version_in_force(known, now) or known.latest


# ── drafting ────────────────────────────────────────────────────────────────────────────────────────────


@get("/contracts/new", guards=[needs("quality")], include_in_schema=False)
async def new_contract(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    customer: FromQuery[str] = "",
    contract: FromQuery[str] = "",
    typical: FromQuery[bool] = False,
) -> Response[str]:
    """An empty form: nothing is permitted. Or the form of a contract's next version, with the terms of its latest."""
    desk = services.exchange.contracts
    known = await anyio.to_thread.run_sync(desk.contract, contract) if contract else None
    if known is not None:
        latest = known.latest.statement
        statement = msgspec.structs.replace(latest, version=latest.version + 1)
        return await _form(request, services, reader, known.contract, known.customer, statement, known=known)
    country = next((c.country for c in desk.customers if c.id == customer), None)
    statement = _empty(services.clock.now(), country or "")
    if typical:
        statement = msgspec.structs.replace(statement, permissions=TYPICAL)
    return await _form(request, services, reader, "", customer[:200], statement)


def _empty(now: datetime, country: str) -> ContractStatement:
    return ContractStatement(
        version=1,
        purpose="",
        permissions=(),
        valid_from=f"{now:%Y-%m-%d}T00:00:00.000000Z",
        valid_until=f"{now.year + 1}-{now:%m}-01T00:00:00.000000Z",
        recipient_country=country,
    )


async def _form(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    number: str,
    customer: str,
    statement: ContractStatement,
    *,
    known: ContractState | None = None,
    preview: Preview | None = None,
    refusal: Problem | None = None,
) -> Response[str]:
    desk = services.exchange.contracts
    shared = await anyio.to_thread.run_sync(services.exchange.documents.listed)
    return page(
        request,
        reader,
        "contract_form.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="exchange",
        number=number,
        customer=customer,
        customers=desk.customers,
        terms=statement,
        shared=shared,
        choices=type_choices(statement),
        known=known,
        preview=preview,
        samples=_samples(preview),
        approval=needs_approval(statement),
        refusal=refusal,
        classifications=CLASSIFICATIONS,
        text_max=TEXT_MOST,
        token=secrets.token_hex(8),
    )


def _samples(preview: Preview | None) -> dict[str, str]:
    """One record of each type as the customer would get it."""
    types = preview.types if preview is not None else ()
    return {
        seen.record_type: msgspec.json.format(msgspec.json.encode(seen.sample.facets), indent=2).decode()
        for seen in types
        if seen.sample is not None
    }


@post("/contracts/new", guards=[needs("quality")], include_in_schema=False)
async def draft_contract(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader
) -> Response[Any]:
    """Shows what would leave, or states the version."""
    form = await request.form()
    given = {key: value for key in form if isinstance(value := form[key], str)}
    desk = services.exchange.contracts
    number, customer = given.get("contract", "")[:200].strip(), given.get("customer", "")[:200]
    version = int(given["version"]) if given.get("version", "").isdecimal() and len(given["version"]) <= 6 else 1
    statement = statement_of(form, version)
    known = await anyio.to_thread.run_sync(desk.reader.contract, number)
    if known is not None and version == 1:
        known = None

    def refused(error: GaugeblockError) -> Problem:
        problem = problem_of(error, reader.language, "/contracts/new")
        if problem.status >= 500:
            raise error
        return problem

    try:
        if given.get("action") == "preview":
            preview = await anyio.to_thread.run_sync(_checked_preview, desk, customer, statement)
            return await _form(request, services, reader, number, customer, statement, known=known, preview=preview)
        token = _token(given)
        await anyio.to_thread.run_sync(desk.draft, person_of(reader), number, customer, statement, token)
    except GaugeblockError as error:
        refusal = refused(error)
        return await _form(request, services, reader, number, customer, statement, known=known, refusal=refusal)
    return Redirect(f"/contracts/{number}", status_code=303)


def _checked_preview(desk: ContractDesk, customer: str, statement: ContractStatement) -> Preview:
    desk.check(customer, statement)
    return desk.preview(customer, statement)


def _token(given: dict[str, str]) -> str:
    token = given.get("token", "")
    if not (6 <= len(token) <= 64 and token.isalnum()):
        raise BadRequestError(detail="token")
    return token


# ── one contract ────────────────────────────────────────────────────────────────────────────────────────


@get("/contracts/{contract:str}", guards=[needs("viewer")], include_in_schema=False)
async def contract(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, contract: FromPath[str]
) -> Response[str]:
    """A contract with its versions, what each lets the customer see, and the steps that are possible now."""
    return await _contract(request, services, reader, contract)


async def _contract(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    contract: str,
    refusal: Problem | None = None,
) -> Response[str]:
    desk, now = services.exchange.contracts, services.clock.now()
    known = await anyio.to_thread.run_sync(desk.contract, contract)
    me = f"person:{reader.account.name}" if reader.account is not None else ""
    return page(
        request,
        reader,
        "contract.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="exchange",
        known=known,
        customer=next((c for c in desk.customers if c.id == known.customer), None),
        versions=[
            {
                "state": state,
                "standing": standing(known, state, now),
                "choices": [choice for choice in type_choices(state.statement) if choice.chosen],
            }
            for state in reversed(known.versions)
        ],
        me=me,
        refusal=refusal,
        reason_max=REASON_MOST,
    )


@post("/contracts/{contract:str}/approve", guards=[needs("admin")], include_in_schema=False)
async def approve(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, contract: FromPath[str]
) -> Response[Any]:
    """A second person approves that the data of a version leave."""
    return await _step(request, services, reader, contract, "approve")


@post("/contracts/{contract:str}/revoke", guards=[needs("quality")], include_in_schema=False)
async def revoke(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, contract: FromPath[str]
) -> Response[Any]:
    """The contract ends. The answer comes when no answer to the customer begins any more."""
    return await _step(request, services, reader, contract, "revoke")


async def _step(
    request: Request[Any, Any, Any], services: Services, reader: Reader, contract: str, step: str
) -> Response[Any]:
    form = await request.form()
    given = {key: value for key in form if isinstance(value := form[key], str)}
    desk = services.exchange.contracts
    take = desk.approve if step == "approve" else desk.revoke
    version = int(given["version"]) if given.get("version", "").isdecimal() and len(given["version"]) <= 6 else 0
    try:
        await anyio.to_thread.run_sync(take, person_of(reader), contract, version, given.get("reason", ""))
    except GaugeblockError as error:
        problem = problem_of(error, reader.language, f"/contracts/{contract}")
        if problem.status >= 500 or error.code == "exchange.contract_missing":
            raise
        return await _contract(request, services, reader, contract, problem)
    return Redirect(f"/contracts/{contract}", status_code=303)


HANDLERS = [contracts, new_contract, draft_contract, contract, approve, revoke]
