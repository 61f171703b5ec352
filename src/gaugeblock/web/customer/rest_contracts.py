"""Contracts: to see, accept, decline, revoke. And what left the plant under them."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Response, get, post
from litestar.params import HeaderParameter, JSONBody, PathParameter

from gaugeblock.exchange.contract_errors import ContractMissingError, ContractStepError
from gaugeblock.exchange.customer_commands import CustomerStep, possible_steps
from gaugeblock.exchange.transfers_queries import TransferRow
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import ContractView, Page
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.web.customer.preconditions import KEY_HEADER, KEY_PATTERN, once
from gaugeblock.web.customer.problems import may_answer
from gaugeblock.web.customer.rest_commands import commands_of
from gaugeblock.web.customer.rest_common import (
    Index,
    Limit,
    Listing,
    Number,
    Req,
    answered,
    caller_of,
    check_match,
    derive,
    following,
    found,
    index_before,
    listed,
    request_id_of,
    services_of,
    shown,
    view_of,
)

PAGED = {"paged": True}
TAGS = ["contracts"]
VersionNumber = Annotated[int, PathParameter(ge=1, le=2**31)]
IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name=KEY_HEADER,
        pattern=KEY_PATTERN,
        description="New for each action, kept for its repetitions. With another body it is refused (422).",
    ),
]


class ContractOut(ContractView, frozen=True, kw_only=True, omit_defaults=True):
    """A version, and what you may do with it now."""

    possible: tuple[CustomerStep, ...]


class ContractsOut(msgspec.Struct, frozen=True, kw_only=True):
    """Every version that was offered to you, newest first."""

    contracts: tuple[ContractOut, ...]


class ReasonIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, where you want to say; ``{}`` otherwise."""

    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class SteppedOut(msgspec.Struct, frozen=True, kw_only=True):
    """The record that states it."""

    contract: str
    version: int
    step: CustomerStep
    record_index: int


class TransfersOut(Listing, frozen=True, kw_only=True):
    """Transfer records, newest first."""

    transfers: tuple[TransferRow, ...]


class TransferOut(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer record with the answers that it binds: the digest of each body, and the records it came from."""

    transfer: TransferRow
    entries: tuple[TransferEntry, ...]


def _out(contract: ContractView) -> ContractOut:
    return ContractOut(**msgspec.structs.asdict(contract), possible=possible_steps(contract))


def _find(view: CustomerView, contract: str, version: int) -> ContractOut | None:
    return next((_out(c) for c in view.contracts() if (c.contract, c.version) == (contract, version)), None)


@get("/contracts", tags=TAGS, summary="Contracts", responses=may_answer())
async def contracts(request: Req) -> Response[ContractsOut]:
    """Also those that are not in force: what is offered can be seen before it is accepted."""
    return shown(request, ContractsOut(contracts=tuple(_out(one) for one in view_of(request).contracts())))


@get("/contracts/{contract:str}/{version:int}", tags=TAGS, summary="One version of a contract", responses=may_answer())
async def contract(request: Req, contract: Number, version: VersionNumber) -> Response[ContractOut]:
    """Its terms, what became of it, and its ETag, which accepting asks for."""
    return shown(request, found(request, _find(view_of(request), contract, version)))


async def _step(request: Req, contract: str, version: int, step: CustomerStep, reason: ReasonIn) -> Response[Any]:
    view, caller, commands = view_of(request), caller_of(request), commands_of(request)
    path = f"/api/v1/contracts/{contract}/{version}"
    now = _find(view, contract, version)

    def act(_key: str) -> tuple[int, bytes]:
        if now is None:
            raise ContractMissingError(contract=contract[:80], version=version)
        if step not in now.possible:
            # Where there is nothing to decide any more, what was read does not matter.
            raise ContractStepError(contract=contract, version=version, stage=now.state, step=step)
        check_match(request.headers.get("if-match"), msgspec.json.encode(now), path)
        index = commands.take_step(
            view, caller.credential, request_id_of(request), contract, version, step, reason.reason
        )
        derive(request, now)
        out = SteppedOut(contract=contract, version=version, step=step, record_index=index)
        return 201, msgspec.json.encode(out)

    return await once(request, act)


@post(
    "/contracts/{contract:str}/{version:int}/accept",
    tags=TAGS,
    summary="Accept a version",
    responses=may_answer(409, 412, 413, 422, 428),
)
async def accept(
    request: Req,
    contract: Number,
    version: VersionNumber,
    idempotency_key: IdempotencyKey,
    data: JSONBody[ReasonIn],
) -> Response[SteppedOut]:
    """From then on it is in force, within its validity. `If-Match` says which terms you read."""
    del idempotency_key
    return await _step(request, contract, version, "accepted", data)


@post(
    "/contracts/{contract:str}/{version:int}/decline",
    tags=TAGS,
    summary="Decline a version",
    responses=may_answer(409, 412, 413, 422, 428),
)
async def decline(
    request: Req,
    contract: Number,
    version: VersionNumber,
    idempotency_key: IdempotencyKey,
    data: JSONBody[ReasonIn],
) -> Response[SteppedOut]:
    """The plant may offer another one."""
    del idempotency_key
    return await _step(request, contract, version, "declined", data)


@post(
    "/contracts/{contract:str}/{version:int}/revoke",
    tags=TAGS,
    summary="Revoke a contract",
    responses=may_answer(409, 412, 413, 422, 428),
)
async def revoke(
    request: Req,
    contract: Number,
    version: VersionNumber,
    idempotency_key: IdempotencyKey,
    data: JSONBody[ReasonIn],
) -> Response[SteppedOut]:
    """At once, all of its versions. What you were given stays proven."""
    del idempotency_key
    return await _step(request, contract, version, "revoked", data)


@get("/transfers", opt=PAGED, tags=TAGS, summary="What you were given", responses=may_answer())
async def transfers(request: Req, limit: Limit = 100) -> Response[TransfersOut]:
    """Every answer that left the plant for you stands in one of these records, newest first."""
    view, source = view_of(request), found(request, services_of(request).transfers)
    before = index_before(request, "transfers", {})
    rows = await anyio.to_thread.run_sync(source.listed, view.customer, before, limit)
    page: Page[TransferRow] = Page(tuple(rows), rows[-1].record_index if len(rows) == limit else None)
    return listed(request, TransfersOut(transfers=page.items, next=following(request, page, "transfers", {}, limit)))


@get("/transfers/{index:int}", tags=TAGS, summary="One transfer record", responses=may_answer())
async def transfer(request: Req, index: Index) -> Response[TransferOut]:
    """The answers that it binds: address, digest of the body, and the records that it was derived from."""
    view, source = view_of(request), found(request, services_of(request).transfers)
    row = found(request, await anyio.to_thread.run_sync(source.find, view.customer, index))
    entries = found(request, await anyio.to_thread.run_sync(source.entries, view.customer, index))
    return shown(request, TransferOut(transfer=row, entries=entries))


@get("/transfers/{index:int}/evidence", tags=TAGS, summary="Evidence of a transfer", responses=may_answer())
async def transfer_evidence(request: Req, index: Index) -> Response[dict[str, Any]]:
    """With it you prove what the plant gave you, and when."""
    view, source = view_of(request), found(request, services_of(request).transfers)
    data = found(request, await anyio.to_thread.run_sync(source.evidence, view.customer, index))
    derive(request, index)
    return answered(request, data)


HANDLERS: list[Any] = [
    contracts,
    contract,
    accept,
    decline,
    revoke,
    transfers,
    transfer,
    transfer_evidence,
]
