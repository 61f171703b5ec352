"""Who is asked and who asks; records with their evidence; the changes feed."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from gaugeblock.exchange.contract import Disclosable
from gaugeblock.exchange.view_model import ChangeView, RecordView
from gaugeblock.web.customer.problems import may_answer
from gaugeblock.web.customer.rest_common import (
    Index,
    Limit,
    Listing,
    Req,
    answered,
    caller_of,
    derive,
    following,
    found,
    index_before,
    listed,
    services_of,
    shown,
    view_of,
)
from gaugeblock.web.customer.versions import VERSIONS

PAGED = {"paged": True}
TAGS = ["records"]


class AboutOut(msgspec.Struct, frozen=True, kw_only=True):
    """The plant, its log, and you.

    `log_key` is the public key (C2SP vkey) by which evidence is verified. `view` changes when anything that you can see
    changes. `contract` and `contract_version` are those in force, `null` where none is.
    """

    plant: str
    log_origin: str
    log_key: str
    customer: str
    credential: str
    scopes: tuple[str, ...]
    test: bool
    contract: str | None
    contract_version: int | None
    view: str
    log_size: int
    quota_per_day: int
    versions: tuple[str, ...]


class RecordsOut(Listing, frozen=True, kw_only=True):
    """Records, newest first."""

    records: tuple[RecordView, ...]


class ChangesOut(msgspec.Struct, frozen=True, kw_only=True):
    """Records that came, oldest first. ``after`` is where to go on, now or later; ``more`` says that there are more."""

    changes: tuple[ChangeView, ...]
    after: int
    more: bool


@get("/me", tags=TAGS, summary="Who is asked, and who asks", responses=may_answer())
async def me(request: Req) -> Response[AboutOut]:
    """A first call to try a key with."""
    view, caller, services = view_of(request), caller_of(request), services_of(request)
    plant_log = (services.log_origin, services.log_key)
    log_origin, log_key = (services.sandbox_log or plant_log) if caller.test else plant_log
    if view.contract is not None:
        derive(request, view.contract)
    return shown(
        request,
        AboutOut(
            plant=services.plant_name,
            log_origin=log_origin,
            log_key=log_key,
            customer=view.customer,
            credential=caller.credential,
            scopes=tuple(sorted(caller.scopes)),
            test=caller.test,
            contract=view.contract.contract if view.contract else None,
            contract_version=view.contract.version if view.contract else None,
            view=view.version,
            log_size=view.log_size,
            quota_per_day=view.quota_per_day,
            versions=tuple(version.name for version in VERSIONS),
        ),
    )


@get("/records", opt=PAGED, tags=TAGS, summary="Records", responses=may_answer())
async def records(
    request: Req,
    record_type: Annotated[Disclosable | None, QueryParameter(description="Only of this type.")] = None,
    limit: Limit = 100,
) -> Response[RecordsOut]:
    """Every record that you may see, as far as you may see it, newest first."""
    filters = {"record_type": record_type}
    page = view_of(request).records(record_type, index_before(request, "records", filters), limit)
    return listed(request, RecordsOut(records=page.items, next=following(request, page, "records", filters, limit)))


@get("/records/{index:int}", tags=TAGS, summary="One record", responses=may_answer())
async def record(request: Req, index: Index) -> Response[RecordView]:
    """Its facets as far as permitted. `proven_facets` are those that its evidence discloses."""
    return shown(request, found(request, view_of(request).record(index)))


@get("/records/{index:int}/evidence", tags=TAGS, summary="Evidence of a record", responses=may_answer())
async def evidence(request: Req, index: Index) -> Response[dict[str, Any]]:
    """Signed record, permitted disclosures, inclusion proof, checkpoint, key chain: verify it offline with `log_key`.

    503 with Retry-After while no checkpoint covers a record that was stated a moment ago.
    """
    view = view_of(request)
    found(request, view.record(index))
    data = found(request, await anyio.to_thread.run_sync(view.evidence, index))
    derive(request, index)
    return answered(request, data)


@get("/changes", tags=TAGS, summary="What has changed", responses=may_answer())
async def changes(
    request: Req,
    after: Annotated[int, QueryParameter(ge=-1, le=2**53, description="`after` of the answer before.")] = -1,
    limit: Limit = 100,
) -> Response[ChangesOut]:
    """Records beyond `after`, oldest first. Ask again with the `after` that is answered: nothing is missed."""
    page = view_of(request).changes(after, limit)
    last = int(page.next) if page.next is not None else after
    return shown(request, ChangesOut(changes=page.items, after=last, more=len(page.items) >= min(limit, 500)))


HANDLERS: list[Any] = [me, records, record, evidence, changes]
