"""Records: taking them in from their authors, showing one, giving out its evidence, verifying it here."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gaugeblock.ledger import base64s
from gaugeblock.ledger.record import open_facets, parse
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.plant.record_types import FACETS
from gaugeblock.web.access import needs
from gaugeblock.web.answers import (
    ProofOut,
    ReceiptOut,
    ReceiptsOut,
    RecordOut,
    RecordsIn,
    RefusalText,
    StepOut,
    VerificationOut,
)
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import (
    BadRequestError,
    BusyError,
    RecordNotFoundError,
    TooManyRecordsError,
)
from gaugeblock.web.ports import ReceiptLike, Services, StoredRecordLike
from gaugeblock.web.problems import may_answer
from gaugeblock.web.proof import place_of, read_checkpoint


@post(
    "/records",
    tags=["records"],
    summary="Submit signed records",
    status_code=200,
    security=[],
    responses=may_answer(413, 503),
)
async def submit_records(services: GivenServices, reader: GivenReader, data: JSONBody[RecordsIn]) -> ReceiptsOut:
    """Each record is authenticated by its own signature. Receipts come when the records are durable, in order.

    Sending a record again is harmless: the answer is its first receipt with `duplicate: true`.
    """
    settings = services.settings
    if len(data.records) > settings.records_per_request:
        raise TooManyRecordsError(count=len(data.records), limit=settings.records_per_request)
    # A full queue refuses the whole request; what was already queued will be a duplicate when it is sent again.
    waiting = [
        asyncio.wrap_future(services.submitter.submit(record.jws.encode("utf-8"), record.disclosures))
        for record in data.records
    ]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=settings.submit_timeout_s)
        if late:
            raise BusyError(seconds=round(settings.submit_timeout_s))
    return ReceiptsOut([_receipt(future, reader.language) for future in waiting])


def _receipt(future: asyncio.Future[ReceiptLike], language: Language) -> ReceiptOut:
    error = future.exception()
    if isinstance(error, GaugeblockError):
        return ReceiptOut(error=RefusalText(error.code, error.text(language), error.remedy(language)))
    receipt = future.result()
    return ReceiptOut(receipt.index, receipt.leaf_hash, receipt.duplicate)


def stored_record(services: Services, index: int) -> StoredRecordLike:
    """The record at ``index``.

    Raises
    ------
    RecordNotFoundError
    """
    size = services.log.size
    if not 0 <= index < size:
        raise RecordNotFoundError(index=index, log_size=size)
    return services.log.record(index)


def record_out(services: Services, index: int) -> RecordOut:
    """A record with its disclosed facets and its place under the latest checkpoint."""
    stored = stored_record(services, index)
    payload = parse(stored.jws)
    facets = open_facets(payload, stored.disclosures)
    checkpoint = read_checkpoint(services.log.checkpoint())
    size = checkpoint.size if index < checkpoint.size else services.log.size
    place = place_of(services.log, index, stored.jws, size)
    covered = index < checkpoint.size
    return RecordOut(
        index=index,
        received_at=stored.received_at,
        record_type=payload.record_type,
        record_version=payload.version,
        author=payload.author,
        identity=payload.identity,
        stated_at=payload.stated_at,
        observed_at=payload.observed_at,
        kid=payload.kid,
        payload=msgspec.json.decode(base64s.decode_url(stored.jws.split(b".")[1])),
        facets={name: facets[name] for name in FACETS if name in facets},
        withheld=len(payload.digests) - len(facets),
        jws=stored.jws.decode("ascii"),
        proof=ProofOut(
            leaf_hash=place.leaf.hex(),
            tree_size=size,
            root=place.root.hex() if covered else None,
            path=[rung.sibling.hex() for rung in place.rungs] if covered else None,
        ),
    )


@get(
    "/records/{index:int}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["records"],
    summary="One record",
    responses=may_answer(401, 404),
)
def record(services: GivenServices, index: FromPath[int]) -> RecordOut:
    """Payload, facets, and the inclusion proof under the latest checkpoint."""
    return record_out(services, index)


@get(
    "/records/{index:int}/evidence",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["records"],
    summary="Evidence: a file that proves the record offline",
    media_type="application/json",
    responses=may_answer(401, 404, 503),
)
def evidence(
    services: GivenServices,
    index: FromPath[int],
    facets: Annotated[
        str | None, QueryParameter(max_length=200, description="Facets to disclose, comma separated; all where absent.")
    ] = None,
) -> Response[bytes]:
    """JWS, disclosures, inclusion proof, checkpoint and key chain. `gaugeblock verify` needs this and the key only."""
    wanted = facets_of(facets)
    stored_record(services, index)
    return Response(
        services.log.evidence(index, wanted),
        media_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="gaugeblock-record-{index}.evidence.json"',
            "Cache-Control": "no-store",
        },
    )


def facets_of(text: str | None) -> list[str] | None:
    """Which facets a reader asks for.

    >>> facets_of("subject,statement"), facets_of(None), facets_of("")
    (['subject', 'statement'], None, [])
    """
    if text is None:
        return None
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in FACETS]
    if unknown:
        raise BadRequestError(detail=f"facets: {unknown[0][:40]} is not one of {', '.join(FACETS)}")
    return names


@post(
    "/records/{index:int}/verify",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["records"],
    summary="Verify the record's evidence on the server",
    status_code=200,
    responses=may_answer(401, 403, 404, 503),
)
def verify(services: GivenServices, reader: GivenReader, index: FromPath[int]) -> VerificationOut:
    """A convenience: whoever needs certainty verifies the evidence file elsewhere, with a key got another way."""
    stored_record(services, index)
    result = verify_evidence(services.log.evidence(index), services.settings.log_key)
    return VerificationOut(
        result.ok, [StepOut(step.name, step.ok, step.text(reader.language)) for step in result.steps]
    )


HANDLERS = [submit_records, record, evidence, verify]
