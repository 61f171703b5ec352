"""Actions that are done once: the Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header) of a request.

The first request with a key is carried out, and its answer kept for a day; the same request again gets that answer. The
record that it states carries the key in its identity, so that even where the answer was not kept, a crash say, the
record is stated once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import anyio.to_thread
from litestar import Response

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.customer.problems import status_of
from gaugeblock.web.customer.rest_common import JSON, Req, caller_of, services_of, view_of
from gaugeblock.web.customer.rest_errors import (
    IdempotencyConflictError,
    IdempotencyMissingError,
    IdempotencyRunningError,
)
from gaugeblock.web.customer.rest_ports import Idempotency
from gaugeblock.web.customer.versions import HEADER, version_headers, version_of

KEY_HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY_PATTERN = r"^[A-Za-z0-9_-]{8,64}$"
_KEY = re.compile(KEY_PATTERN)

Action = Callable[[str], tuple[int, bytes]]
"""Does it, under the key it is given; status and body of the answer."""


def key_of(request: Req) -> str:
    """The request's key.

    Raises
    ------
    IdempotencyMissingError
    """
    key = request.headers.get(KEY_HEADER)
    if key is None or not _KEY.fullmatch(key):
        raise IdempotencyMissingError
    return key


def digest_of(method: str, path: str, body: bytes) -> str:
    """What tells one request from another.

    >>> digest_of("POST", "/a", b"1") == digest_of("POST", "/a", b"2")
    False
    """
    return hashlib.sha256(f"{method}\x00{path}\x00".encode() + body).hexdigest()


async def once(request: Req, action: Action) -> Response[Any]:
    """Carry out an action once for its key.

    Raises
    ------
    IdempotencyMissingError, IdempotencyConflictError, IdempotencyRunningError
    GaugeblockError
        What the action refuses; the key is free again then.
    """
    key, customer = key_of(request), view_of(request).customer
    digest = digest_of(request.method, request.url.path, await request.body())
    store = services_of(request).idempotency
    # Keys of test credentials are their own: the sandbox must not answer for the plant.
    name = f"test/{key}" if caller_of(request).test else key
    running = services_of(request).running
    kept = await anyio.to_thread.run_sync(store.begin_idempotent, customer, name, digest)
    if kept is not None:
        if kept.request_sha256 != digest:
            raise IdempotencyConflictError
        if kept.status is not None and kept.body is not None:
            return _answer(request, kept.status, kept.body, replayed=True)
        if (customer, name) in running:
            raise IdempotencyRunningError
        # Claimed, and nobody works on it: the process ended in between. Doing it again states nothing twice.
    running.add((customer, name))
    try:
        status, body = await anyio.to_thread.run_sync(_act, store, action, customer, name)
    finally:
        running.discard((customer, name))
    return _answer(request, status, body, replayed=False)


def _act(store: Idempotency, action: Action, customer: str, name: str) -> tuple[int, bytes]:
    try:
        status, body = action(name)
    except GaugeblockError as error:
        # What did not answer may have done it: the key stays claimed, and the identity of its record decides.
        if status_of(error) < 500:
            store.drop_idempotent(customer, name)
        raise
    store.finish_idempotent(customer, name, status, JSON, body)
    return status, body


def _answer(request: Req, status: int, body: bytes, *, replayed: bool) -> Response[Any]:
    headers = {"Cache-Control": "private, no-store", **version_headers(version_of(request.headers.get(HEADER)))}
    if replayed:
        headers[REPLAYED] = "true"
    return Response(body, status_code=status, media_type=JSON, headers=headers)
