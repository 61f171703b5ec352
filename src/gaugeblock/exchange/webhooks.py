"""Webhooks by the Standard Webhooks specification: what is sent, how it is signed, when it is tried again.

A message is a POST with three headers: ``webhook-id`` (the same at every attempt, so that a receiver can drop what it
has), ``webhook-timestamp`` (Unix seconds of the attempt) and ``webhook-signature``, a list of ``v1,`` (HMAC-SHA256)
and ``v1a,`` (Ed25519) signatures over ``id.timestamp.body``. While a secret is being exchanged both sign.

The body is **thin**: which record is news, of what type, and where to read it. What may be read there the contract
decides at the moment of reading, so that a webhook never says more than the API would.

Pure: times and random numbers are given. Source: Standard Webhooks 1.0 (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, get_args

import msgspec

from gaugeblock.exchange.webhook_errors import WebhookEventTypeError, WebhookSecretError, WebhookSignatureError

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
SECRET_BYTES = 32
PUBLIC_KEY_PREFIX = "whpk_"
TOLERANCE_S = 300
SIGNATURES_MAX = 16

RETRY_AFTER_S: tuple[int, ...] = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Waits between attempts, as the specification proposes them: ten attempts over three days and a bit."""

ATTEMPTS_MAX = len(RETRY_AFTER_S) + 1
JITTER = 0.2
"""Each wait is lengthened by up to this share: receivers that come back are not met by all senders at once."""

DISABLED_AFTER_S = 5 * 86_400
"""An endpoint that has answered nothing for so long is switched off; its owner sees it and switches it on again."""

ROTATION_OVERLAP_S = 86_400
RECEIVER_WAIT_MAX_S = 86_400

EventType = Literal[
    "order.updated",
    "lot.updated",
    "shipment.sent",
    "forecast.updated",
    "inspection.recorded",
    "nonconformity.updated",
    "certificate.issued",
    "result.recorded",
    "message.posted",
    "contract.changed",
    "document.shared",
    "footprint.stated",
    "webhook.test",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)

OF_RECORD_TYPE: dict[str, EventType] = {
    "production.order": "order.updated",
    "production.lot": "lot.updated",
    "production.genealogy": "lot.updated",
    "production.shipment": "shipment.sent",
    "production.forecast": "forecast.updated",
    "production.certificate": "certificate.issued",
    "production.result": "result.recorded",
    "inspection.verdict": "inspection.recorded",
    "inspection.review": "inspection.recorded",
    "exchange.message": "message.posted",
    "exchange.contract": "contract.changed",
    "exchange.contract_step": "contract.changed",
    "exchange.document": "document.shared",
    "exchange.footprint": "footprint.stated",
}
"""Which record is which news. A type that is not named is no news: transfers answer the customer's own reading."""


def event_type_of(record_type: str) -> EventType | None:
    """The event that a record of this type is.

    >>> event_type_of("production.order"), event_type_of("exchange.transfer"), event_type_of("nonconformity.opened")
    ('order.updated', None, 'nonconformity.updated')
    """
    if record_type.startswith("nonconformity."):
        return "nonconformity.updated"
    return OF_RECORD_TYPE.get(record_type)


def check_event_types(wanted: Sequence[str]) -> tuple[EventType, ...]:
    """The event types that an endpoint asks for, in the order of :data:`EVENT_TYPES`; none stands for all.

    Raises
    ------
    WebhookEventTypeError
    """
    for name in wanted:
        if name not in EVENT_TYPES:
            raise WebhookEventTypeError(event_type=name[:60])
    return tuple(name for name in EVENT_TYPES if name in wanted)


# ── the message ───────────────────────────────────────────────────────────────────────────────────────────


class EventData(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the news is about: ids only. ``index`` is the record in the log, ``link`` where it can be read."""

    customer: str
    index: int | None = None
    record_type: str | None = None
    order: str | None = None
    lot: str | None = None
    unit: str | None = None
    product: str | None = None
    id: str | None = None
    link: str | None = None


class Event(msgspec.Struct, frozen=True):
    """The body: ``type``, ``timestamp`` (RFC 3339, of the record) and ``data``, as the specification names them."""

    type: EventType
    timestamp: str
    data: EventData

    def to_bytes(self) -> bytes:
        """As it is signed and sent; never serialised a second time."""
        return msgspec.json.encode(self)


def message_id(endpoint: str, index: int) -> str:
    """The message's id: the same record is the same message to the same endpoint, whatever is restarted meanwhile.

    >>> message_id("ep_1", 7) == message_id("ep_1", 7), message_id("ep_1", 7) == message_id("ep_2", 7)
    (True, False)
    """
    digest = hashlib.sha256(f"gaugeblock webhook 1\n{endpoint}\n{index}".encode()).digest()
    return "msg_" + base64.b32encode(digest[:15]).decode().lower()


# ── signing ───────────────────────────────────────────────────────────────────────────────────────────────


class Ed25519Signer(Protocol):
    """Signs with the exchange's webhook key."""

    def sign(self, message: bytes) -> bytes: ...


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh ``whsec_`` secret of 256 bits.

    >>> new_secret(lambda count: bytes(count))
    'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
    """
    return SECRET_PREFIX + base64.b64encode(random_bytes(SECRET_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """The bytes of a secret.

    Raises
    ------
    WebhookSecretError
    """
    try:
        raw = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise WebhookSecretError from None
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(raw) <= 64:
        raise WebhookSecretError
    return raw


def _signed(message: str, timestamp_s: int, body: bytes) -> bytes:
    return f"{message}.{timestamp_s}.".encode() + body


def sign(secret: str, message: str, timestamp_s: int, body: bytes) -> str:
    """One ``v1`` signature.

    Examples
    --------
    >>> sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
    ...     b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    mac = hmac.new(secret_bytes(secret), _signed(message, timestamp_s, body), hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def headers(
    message: str, timestamp_s: int, body: bytes, secrets: Sequence[str], signer: Ed25519Signer | None = None
) -> dict[str, str]:
    """The three headers of an attempt, signed by every secret in force and by the exchange's key where it has one."""
    signatures = [sign(secret, message, timestamp_s, body) for secret in secrets]
    if signer is not None:
        signatures.append("v1a," + base64.b64encode(signer.sign(_signed(message, timestamp_s, body))).decode())
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }


def verify(secret: str, given: dict[str, str], body: bytes, now_s: float) -> None:
    """What a receiver does; here so that samples and tests hold the sender to it.

    Raises
    ------
    WebhookSignatureError
        No ``v1`` signature fits, or the attempt is older or newer than five minutes.
    """
    try:
        message, timestamp_s = given["webhook-id"], int(given["webhook-timestamp"])
        offered = given["webhook-signature"].split(" ")[:SIGNATURES_MAX]
    except (KeyError, ValueError):
        raise WebhookSignatureError from None
    expected = sign(secret, message, timestamp_s, body).encode()
    # Every candidate is compared, each in constant time.
    fits = [hmac.compare_digest(candidate.encode(), expected) for candidate in offered]
    if not any(fits) or abs(now_s - timestamp_s) > TOLERANCE_S:
        raise WebhookSignatureError


def public_key_text(raw: bytes) -> str:
    """A public key as the specification writes it, ``whpk_…``."""
    return PUBLIC_KEY_PREFIX + base64.b64encode(raw).decode()


# ── when it is tried again ────────────────────────────────────────────────────────────────────────────────

DeliveryState = Literal["pending", "delivered", "failed", "withheld"]


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one attempt went: an HTTP status, or the code of a named error. ``retry_after_s`` is the receiver's wish."""

    at_s: float
    status: int | None = None
    error: str | None = None
    took_ms: float = 0.0
    retry_after_s: float | None = None

    @property
    def accepted(self) -> bool:
        """2xx and nothing else; a redirect is not followed and not success."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """410: the receiver wants no more of it, ever."""
        return self.status == 410


class Next(msgspec.Struct, frozen=True):
    """What becomes of the delivery, when it is due again, and whether the endpoint is to be switched off."""

    state: DeliveryState
    due_s: float | None = None
    disable: Literal["gone", "failing"] | None = None


def after(attempt: Attempt, attempts: int, failing_since_s: float | None, draw: float) -> Next:
    """What follows an attempt.

    Parameters
    ----------
    attempt
        The one just made.
    attempts
        How many there have been, this one included.
    failing_since_s
        When the endpoint first failed since it last accepted anything; ``None`` where this is the first failure.
    draw
        Uniform in [0, 1): the jitter.

    Examples
    --------
    >>> after(Attempt(100.0, 204), 1, None, 0.5)
    Next(state='delivered', due_s=None, disable=None)
    >>> after(Attempt(100.0, 500), 1, None, 0.0).due_s
    105.0
    >>> after(Attempt(100.0, 410), 1, None, 0.0)
    Next(state='failed', due_s=None, disable='gone')
    """
    if attempt.accepted:
        return Next("delivered")
    if attempt.gone:
        return Next("failed", disable="gone")
    failing = failing_since_s is not None and attempt.at_s - failing_since_s >= DISABLED_AFTER_S
    if attempts >= ATTEMPTS_MAX or failing:
        return Next("failed", disable="failing" if failing else None)
    wait_s = RETRY_AFTER_S[attempts - 1] * (1.0 + JITTER * draw)
    if attempt.retry_after_s is not None:
        wait_s = max(wait_s, min(attempt.retry_after_s, RECEIVER_WAIT_MAX_S))
    return Next("pending", due_s=attempt.at_s + wait_s)
