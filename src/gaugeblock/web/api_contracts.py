"""Contracts and transfers as JSON, for the plant's own programs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from gaugeblock.exchange.contract_desk import Preview
from gaugeblock.exchange.contract_history import ContractState
from gaugeblock.exchange.transfers_queries import PAGE, TransferRow, TransferTotals
from gaugeblock.plant.exchange_facets import ContractStatement
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.pages_transfers import Day, transfer_filter
from gaugeblock.web.problems import may_answer

Token = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]{6,64}$")]
Text200 = Annotated[str, msgspec.Meta(max_length=200)]
Text1000 = Annotated[str, msgspec.Meta(max_length=1000)]


class ContractsOut(msgspec.Struct, frozen=True):
    """All contracts."""

    contracts: list[ContractState]


class DraftIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version; the same ``token`` again states nothing twice. ``terms.version`` is the one after the latest."""

    token: Token
    contract: Text200
    customer: Text200
    terms: ContractStatement


class PreviewIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Terms that nobody has stated yet."""

    customer: Text200
    terms: ContractStatement


class ContractStepIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step about a version, with its reason."""

    version: int
    reason: Text1000


class ContractStatedOut(msgspec.Struct, frozen=True):
    """The index of the record that states it."""

    index: int


class TransfersOut(msgspec.Struct, frozen=True):
    """A page of transfer records with the sums over all that fit; ``next`` is the cursor of the following page."""

    transfers: list[TransferRow]
    totals: TransferTotals
    next: int | None


@get(
    "/contracts",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["exchange"],
    summary="Contracts with customers",
    responses=may_answer(401),
)
def contracts(services: GivenServices) -> ContractsOut:
    """Each with its versions and the steps that had an effect on them."""
    return ContractsOut(services.exchange.contracts.reader.listed())


@get(
    "/contracts/{contract:str}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["exchange"],
    summary="One contract",
    responses=may_answer(401, 404),
)
def contract(services: GivenServices, contract: FromPath[str]) -> ContractState:
    """With its versions, oldest first."""
    return services.exchange.contracts.contract(contract)


@post(
    "/contracts",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["exchange"],
    summary="Draft a version of a contract",
    responses=may_answer(401, 403, 409, 422),
)
def draft(services: GivenServices, reader: GivenReader, data: JSONBody[DraftIn]) -> ContractStatedOut:
    """It is offered at once, or waits for its approval by a second person."""
    desk = services.exchange.contracts
    return ContractStatedOut(desk.draft(person_of(reader), data.contract, data.customer, data.terms, data.token))


@post(
    "/contracts/preview",
    guards=[needs("quality")],
    sync_to_thread=True,
    status_code=200,
    tags=["exchange"],
    summary="What terms would let a customer see",
    responses=may_answer(401, 403, 422),
)
def preview(services: GivenServices, data: JSONBody[PreviewIn]) -> Preview:
    """Counts by record type, and one record of each as the customer would see it. States nothing."""
    desk = services.exchange.contracts
    desk.check(data.customer, data.terms)
    return desk.preview(data.customer, data.terms)


@post(
    "/contracts/{contract:str}/approve",
    guards=[needs("admin")],
    sync_to_thread=True,
    tags=["exchange"],
    summary="Approve that the data of a version leave",
    responses=may_answer(401, 403, 404, 409, 422),
)
def approve(
    services: GivenServices, reader: GivenReader, contract: FromPath[str], data: JSONBody[ContractStepIn]
) -> ContractStatedOut:
    """By another person than its drafter."""
    desk = services.exchange.contracts
    return ContractStatedOut(desk.approve(person_of(reader), contract, data.version, data.reason))


@post(
    "/contracts/{contract:str}/revoke",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["exchange"],
    summary="Revoke a contract with all its versions",
    responses=may_answer(401, 403, 404, 409, 422),
)
def revoke(
    services: GivenServices, reader: GivenReader, contract: FromPath[str], data: JSONBody[ContractStepIn]
) -> ContractStatedOut:
    """When this answers, no answer to the customer begins any more."""
    desk = services.exchange.contracts
    return ContractStatedOut(desk.revoke(person_of(reader), contract, data.version, data.reason))


@get(
    "/transfers",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["exchange"],
    summary="What left the plant, newest first",
    responses=may_answer(400, 401),
)
def transfers(
    services: GivenServices,
    customer: FromQuery[str] = "",
    contract: FromQuery[str] = "",
    since: Day = "",
    until: Day = "",
    cursor: Annotated[int | None, QueryParameter(ge=0, description="From `next` of the page before.")] = None,
) -> TransfersOut:
    """Transfer records: each is of one customer, contract version and some milliseconds."""
    desk, wanted = services.exchange.transfers, transfer_filter(customer, contract, since, until)
    rows = desk.listed(wanted, cursor)
    return TransfersOut(rows, desk.totals(wanted), rows[-1].record_index if len(rows) == PAGE else None)


HANDLERS = [contracts, contract, draft, preview, approve, revoke, transfers]
