"""Images and heat-maps by digest. Stations put them with a signed header, people read them in a session."""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode
from typing import Annotated, Any, Literal

import anyio.to_thread
from litestar import Request, Response, get, put
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, PathParameter

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.access import needs
from gaugeblock.web.answers import BlobOut
from gaugeblock.web.dependencies import GivenServices
from gaugeblock.web.errors import (
    DigestMismatchError,
    KeyHeaderError,
    KeyRefusedError,
    KeyTimeError,
)
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import may_answer
from gaugeblock.web.thumbnails import Thumbnails

SCHEME = "Gaugeblock-Key"
HEADER_LIMIT = 512
FOR_EVER = "private, max-age=31536000, immutable"

Sha256 = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bytes in lower-case hex.")]


def check_key_header(header: str | None, sha256: str, services: Services) -> None:
    """Accepts ``Gaugeblock-Key <kid> <unix_s> <signature>``, Ed25519 over ``PUT\\n<sha256>\\n<unix_s>``.

    Raises
    ------
    KeyHeaderError, KeyTimeError, KeyRefusedError
    """
    if header is None:
        raise KeyHeaderError(detail="no Authorization header")
    parts = header[:HEADER_LIMIT].split(" ")
    if len(parts) != 4 or parts[0] != SCHEME:
        raise KeyHeaderError(detail=f"expected '{SCHEME} <kid> <unix_s> <signature>'")
    _, kid, unix_s, signature_text = parts
    if not (unix_s.isascii() and unix_s.isdigit() and len(unix_s) <= 12):
        raise KeyHeaderError(detail="the time is not whole seconds since 1970")
    skew_s = abs(services.clock.now().timestamp() - int(unix_s))
    if skew_s > services.settings.key_skew_s:
        raise KeyTimeError(skew_s=round(skew_s), limit_s=round(services.settings.key_skew_s))
    try:
        signature = urlsafe_b64decode(signature_text + "=" * (-len(signature_text) % 4))
    except (binascii.Error, ValueError):
        raise KeyHeaderError(detail="the signature is not base64url") from None
    key = services.log.key_of(kid)
    if key is None or not key.verify(signature, f"PUT\n{sha256}\n{unix_s}".encode()):
        raise KeyRefusedError(kid=kid[:64])


@put(
    "/blobs/{sha256:str}",
    tags=["records"],
    summary="Keep bytes under their digest",
    status_code=201,
    security=[{"station_key": []}],
    responses={
        200: ResponseSpec(data_container=BlobOut, generate_examples=False, description="The bytes were there already"),
        **may_answer(401, 413),
    },
)
async def put_blob(request: Request[Any, Any, Any], services: GivenServices, sha256: Sha256) -> Response[BlobOut]:
    """The body is the raw bytes. 201 for new bytes, 200 for bytes that were there; both when they are durable."""
    await anyio.to_thread.run_sync(check_key_header, request.headers.get("authorization"), sha256, services)
    data = await request.body()
    kept = await anyio.to_thread.run_sync(_keep, services, sha256, data)
    return Response(BlobOut(sha256, len(data)), status_code=201 if kept else 200)


def _keep(services: Services, sha256: str, data: bytes) -> bool:
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise DigestMismatchError(sha256=sha256, actual=actual)
    known = services.blobs.has(sha256)
    # Also where it is known: the store mends a damaged one, and only the bytes themselves tell.
    services.blobs.put(data)
    return not known


def media_type_of(data: bytes) -> str:
    """What a browser may treat the bytes as: an image by its first bytes, otherwise never anything it would run.

    >>> media_type_of(b"\\x89PNG\\r\\n\\x1a\\n..."), media_type_of(b"<script>")
    ('image/png', 'application/octet-stream')
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(b"BM"):
        return "image/bmp"
    return "application/octet-stream"


@get(
    "/blobs/{sha256:str}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["records"],
    summary="Bytes by digest",
    media_type="application/octet-stream",
    response_headers=[ResponseHeader(name="Cache-Control", value=FOR_EVER)],
    responses=may_answer(400, 401, 404),
)
def get_blob(
    request: Request[Any, Any, Any],
    services: GivenServices,
    sha256: Sha256,
    width: FromQuery[Literal[320] | None] = None,
) -> Response[bytes]:
    """An image or a heat-map (PNG, 8-bit grey, 128 = threshold). The digest never changes its bytes.

    With ``width`` an image comes as a JPEG of at most that width, for a list: those bytes have another digest. Of an
    image that was deleted by rule it is the thumbnail that was kept.
    """
    if width is None:
        data = services.blobs.get(sha256)
    else:
        thumbnails: Thumbnails = request.app.state.thumbnails
        data = thumbnails.of(sha256, lambda: _image_or_thumbnail(services, sha256))
    return Response(data, media_type=media_type_of(data), headers={"Cache-Control": FOR_EVER})


def _image_or_thumbnail(services: Services, sha256: str) -> bytes:
    try:
        return services.blobs.get(sha256)
    except GaugeblockError as error:
        gone = services.desks.retention.deleted(sha256) if error.code == "stores.blob_missing" else None
        if gone is None or gone.thumbnail_sha256 is None:
            raise
        return services.blobs.get(gone.thumbnail_sha256)


HANDLERS = [put_blob, get_blob]
