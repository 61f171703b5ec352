"""Certificates, shared documents and footprints; files by digest."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
from litestar import Response, get

from gaugeblock.exchange.view_model import CertificateView, DocumentView, FootprintView
from gaugeblock.web.customer.problems import may_answer
from gaugeblock.web.customer.rest_common import (
    Digest,
    Index,
    Limit,
    Listing,
    Number,
    Req,
    Text,
    answered,
    derive,
    following,
    found,
    index_before,
    listed,
    services_of,
    shown,
    text_after,
    view_of,
)

PAGED = {"paged": True}
TAGS = ["documents"]
HANDED_OUT = frozenset(
    {"application/pdf", "application/json", "image/png", "image/jpeg", "image/webp", "image/tiff", "text/plain"}
)
"""Media types that are said; anything else is plain bytes. All are for keeping, never for showing."""


class CertificatesOut(Listing, frozen=True, kw_only=True):
    """Certificates by number."""

    certificates: tuple[CertificateView, ...]


class DocumentsOut(Listing, frozen=True, kw_only=True):
    """Documents by digest."""

    documents: tuple[DocumentView, ...]


class FootprintsOut(Listing, frozen=True, kw_only=True):
    """Footprints, newest first."""

    footprints: tuple[FootprintView, ...]


@get("/certificates", opt=PAGED, tags=TAGS, summary="Certificates", responses=may_answer())
async def certificates(
    request: Req, order: Text = None, lot: Text = None, limit: Limit = 100
) -> Response[CertificatesOut]:
    """Material certificates (EN 10204), of one order or lot where it is given; withdrawn ones say so."""
    filters = {"order": order, "lot": lot}
    page = view_of(request).certificates(order, lot, text_after(request, "certificates", filters), limit)
    out = CertificatesOut(certificates=page.items, next=following(request, page, "certificates", filters, limit))
    return listed(request, out)


@get("/certificates/{certificate:str}", tags=TAGS, summary="One certificate", responses=may_answer())
async def certificate(request: Req, certificate: Number) -> Response[CertificateView]:
    """With the digests of its files and the records that it was drawn from."""
    return shown(request, found(request, view_of(request).certificate(certificate)))


async def _file(request: Req, sha256: str | None, media_type: str, name: str) -> Response[Any]:
    grant = found(request, view_of(request).file(found(request, sha256)))
    data = await anyio.to_thread.run_sync(services_of(request).blobs.get, grant.sha256)
    derive(request, grant)
    return answered(request, data, media_type, name=name)


@get(
    "/certificates/{certificate:str}/json",
    tags=TAGS,
    summary="A certificate as JSON",
    media_type="application/json",
    responses=may_answer(),
)
async def certificate_json(request: Req, certificate: Number) -> Response[dict[str, Any]]:
    """The signed-off document (Metals JSON); its SHA-256 is in the certificate's record."""
    one = found(request, view_of(request).certificate(certificate))
    derive(request, one)
    return await _file(request, one.json_sha256, "application/json", f"{certificate}.json")


@get(
    "/certificates/{certificate:str}/pdf",
    tags=TAGS,
    summary="A certificate as PDF",
    media_type="application/pdf",
    responses=may_answer(),
)
async def certificate_pdf(request: Req, certificate: Number) -> Response[bytes]:
    """The same for people."""
    one = found(request, view_of(request).certificate(certificate))
    derive(request, one)
    return await _file(request, one.pdf_sha256, "application/pdf", f"{certificate}.pdf")


@get("/documents", opt=PAGED, tags=TAGS, summary="Documents", responses=may_answer())
async def documents(request: Req, limit: Limit = 100) -> Response[DocumentsOut]:
    """Drawings, manuals, type plates that the plant shares with you."""
    page = view_of(request).documents(text_after(request, "documents", {}), limit)
    return listed(request, DocumentsOut(documents=page.items, next=following(request, page, "documents", {}, limit)))


@get("/documents/{sha256:str}", tags=TAGS, summary="One document", responses=may_answer())
async def document(request: Req, sha256: Digest) -> Response[DocumentView]:
    """What it is, and what it is about."""
    return shown(request, found(request, view_of(request).document(sha256)))


@get(
    "/documents/{sha256:str}/content",
    tags=TAGS,
    summary="A document's bytes",
    media_type="application/octet-stream",
    responses=may_answer(),
)
async def document_content(request: Req, sha256: Digest) -> Response[bytes]:
    """Of a shared document, or of one that went with a message. To be kept, not shown."""
    grant = found(request, view_of(request).file(sha256))
    if grant.kind != "document":
        found(request, None)
    media_type = grant.media_type if grant.media_type in HANDED_OUT else "application/octet-stream"
    return await _file(request, sha256, media_type or "application/octet-stream", grant.name or sha256)


@get("/footprints", opt=PAGED, tags=TAGS, summary="Carbon footprints", responses=may_answer())
async def footprints(request: Req, product: Text = None, limit: Limit = 100) -> Response[FootprintsOut]:
    """Of products over periods, newest first."""
    filters = {"product": product}
    page = view_of(request).footprints(product, index_before(request, "footprints", filters), limit)
    out = FootprintsOut(footprints=page.items, next=following(request, page, "footprints", filters, limit))
    return listed(request, out)


@get("/footprints/{index:int}", tags=TAGS, summary="One footprint", responses=may_answer())
async def footprint(request: Req, index: Index) -> Response[FootprintView]:
    """By the index of its record."""
    return shown(request, found(request, view_of(request).footprint(index)))


HANDLERS: list[Any] = [
    certificates,
    certificate,
    certificate_json,
    certificate_pdf,
    documents,
    document,
    document_content,
    footprints,
    footprint,
]
