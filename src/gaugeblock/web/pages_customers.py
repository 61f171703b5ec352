"""The pages of customers: with which contract and by which credentials each reaches the exchange."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath
from litestar.response import Redirect

from gaugeblock.exchange.access_errors import CredentialMissingError
from gaugeblock.exchange.credentials import DEFAULT_SCOPES, NAME_MOST, SCOPES, CredentialDesk, is_in_force
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.settings import Customer
from gaugeblock.stores.exchange_state import CredentialRow
from gaugeblock.web.access import needs
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError, NotFoundError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

DAYS = (30, 90, 365)
JWK_MOST = 4_000


@get("/customers", guards=[needs("viewer")], include_in_schema=False)
async def customers(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """Each customer with contract, credentials and the last answer."""

    def read() -> list[dict[str, Any]]:
        desks, now = services.exchange, services.clock.now()
        known = desks.contracts.customers
        last = desks.transfers.last_of([customer.id for customer in known])
        rows = desks.credentials.list() if desks.credentials is not None else []
        return [
            {
                "customer": customer,
                "state": desks.contracts.in_force(customer.id),
                "credentials": sum(row.customer == customer.id and is_in_force(row, now) for row in rows),
                "last_at": last.get(customer.id),
            }
            for customer in known
        ]

    rows = await anyio.to_thread.run_sync(read)
    served = services.exchange.credentials is not None
    return page(request, reader, "customers.html.j2", here_nav="exchange", rows=rows, served=served)


@get("/customers/{customer:str}", guards=[needs("viewer")], include_in_schema=False)
async def customer(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, customer: FromPath[str]
) -> Response[str]:
    """One customer's contracts and credentials."""
    return await _customer(request, services, reader, customer)


async def _customer(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    customer: str,
    refusal: Problem | None = None,
    issued: str | None = None,
    issued_row: CredentialRow | None = None,
) -> Response[str]:
    known = _named(services, customer)

    def read() -> dict[str, Any]:
        desks = services.exchange
        rows = desks.credentials.list(customer) if desks.credentials is not None else []
        return {
            "state": desks.contracts.in_force(customer),
            "contracts": desks.contracts.reader.of_customer(customer),
            "credentials": list(reversed(rows)),
        }

    context = await anyio.to_thread.run_sync(read)
    now = services.clock.now()
    return page(
        request,
        reader,
        "customer_access.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="exchange",
        customer=known,
        served=services.exchange.credentials is not None,
        usable={row.id for row in context["credentials"] if is_in_force(row, now)},
        scopes=SCOPES,
        default_scopes=DEFAULT_SCOPES,
        days=DAYS,
        name_max=NAME_MOST,
        refusal=refusal,
        issued=issued,
        issued_row=issued_row,
        **context,
    )


def _named(services: Services, customer: str) -> Customer:
    known = next((known for known in services.exchange.contracts.customers if known.id == customer), None)
    if known is None:
        raise NotFoundError(path=f"/customers/{customer[:80]}")
    return known


@post("/customers/{customer:str}/credentials", guards=[needs("admin")], include_in_schema=False)
async def change_credentials(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, customer: FromPath[str]
) -> Response[Any]:
    """Issues, replaces or ends a credential. A key is shown in this answer and nowhere ever again."""
    form = await request.form()
    desk = services.exchange.credentials
    _named(services, customer)
    if desk is None:
        raise NotFoundError(path=f"/customers/{customer[:80]}/credentials")
    try:
        text, row = await anyio.to_thread.run_sync(_change, desk, customer, form)
    except GaugeblockError as error:
        problem = problem_of(error, reader.language, f"/customers/{customer}")
        if problem.status >= 500:
            raise
        return await _customer(request, services, reader, customer, refusal=problem)
    if text is None:
        return Redirect(f"/customers/{customer}", status_code=303)
    return await _customer(request, services, reader, customer, issued=text, issued_row=row)


def _change(desk: CredentialDesk, customer: str, form: FormMultiDict) -> tuple[str | None, CredentialRow]:
    given = {key: value for key in form if isinstance(value := form[key], str)}
    scopes = [value for value in form.getall("scope", []) if isinstance(value, str)]
    name, days = given.get("name", "").strip(), _days(given.get("days", ""))
    match given.get("action"):
        case "issue":
            return desk.issue_key(customer, name, scopes, days=days, test=given.get("test") == "yes")
        case "client":
            return None, desk.add_client(customer, _jwk(given.get("jwk", "")), name, scopes, days=days)
        case "rotate":
            return desk.rotate_key(_own(desk, customer, given))
        case "revoke":
            return None, desk.revoke(_own(desk, customer, given))
    raise BadRequestError(detail="action")


def _own(desk: CredentialDesk, customer: str, given: dict[str, str]) -> str:
    """The credential named, if it is this customer's."""
    credential = given.get("credential", "")
    if all(row.id != credential for row in desk.list(customer)):
        raise CredentialMissingError(credential=credential[:80])
    return credential


def _days(text: str) -> float | None:
    return float(text) if text.isdecimal() and int(text) in DAYS else None


def _jwk(text: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text[:JWK_MOST], type=dict[str, object])
    except msgspec.DecodeError as error:
        raise BadRequestError(detail=f"JWK: {str(error)[:200]}") from error


HANDLERS = [customers, customer, change_credentials]
