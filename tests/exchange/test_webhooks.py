"""Webhooks: signed as the specification says, tried again as it says, thin."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.webhook_errors import WebhookEventTypeError, WebhookSecretError, WebhookSignatureError
from gaugeblock.exchange.webhooks import (
    ATTEMPTS_MAX,
    DISABLED_AFTER_S,
    EVENT_TYPES,
    JITTER,
    OF_RECORD_TYPE,
    RECEIVER_WAIT_MAX_S,
    RETRY_AFTER_S,
    TOLERANCE_S,
    Attempt,
    Event,
    EventData,
    after,
    check_event_types,
    event_type_of,
    headers,
    message_id,
    new_secret,
    secret_bytes,
    sign,
    verify,
)
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.record_types import LATEST

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_764_000_000


def test_signature_of_the_specification_s_libraries() -> None:
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.binary(max_size=200), flip=st.integers(0, 10_000))
def test_verifies_what_was_signed_and_nothing_else(body: bytes, flip: int) -> None:
    sent = headers("msg_1", NOW, body, [SECRET])
    verify(SECRET, sent, body, NOW)
    altered = bytearray(body or b"x")
    altered[flip % len(altered)] ^= 1
    with pytest.raises(WebhookSignatureError):
        verify(SECRET, sent, bytes(altered), NOW)
    with pytest.raises(WebhookSignatureError):
        verify(SECRET, {**sent, "webhook-id": "msg_2"}, body, NOW)
    with pytest.raises(WebhookSignatureError):
        verify(new_secret(os.urandom), sent, body, NOW)


@pytest.mark.parametrize("late_s", [TOLERANCE_S + 1, -TOLERANCE_S - 1])
def test_an_old_attempt_is_refused(late_s: int) -> None:
    sent = headers("msg_1", NOW, b"{}", [SECRET])
    verify(SECRET, sent, b"{}", NOW + TOLERANCE_S)
    with pytest.raises(WebhookSignatureError):
        verify(SECRET, sent, b"{}", NOW + late_s)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_refused(missing: str) -> None:
    sent = headers("msg_1", NOW, b"{}", [SECRET])
    del sent[missing]
    with pytest.raises(WebhookSignatureError):
        verify(SECRET, sent, b"{}", NOW)


def test_rotation_signs_with_both_secrets_and_the_exchange_s_key() -> None:
    old, new, key = new_secret(os.urandom), new_secret(os.urandom), SigningKey.from_seed(bytes(range(32)))
    sent = headers("msg_1", NOW, b"{}", [new, old], key)
    verify(old, sent, b"{}", NOW)
    verify(new, sent, b"{}", NOW)
    version, signature = sent["webhook-signature"].split(" ")[-1].split(",")
    assert version == "v1a"
    assert key.public.verify(base64.b64decode(signature), b"msg_1.%d.{}" % NOW)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***", "whsec_" + "A" * 200]
)
def test_a_secret_has_its_form(secret: str) -> None:
    with pytest.raises(WebhookSecretError):
        secret_bytes(secret)
    assert len(secret_bytes(new_secret(os.urandom))) == 32


@given(attempts=st.integers(1, ATTEMPTS_MAX - 1), draw=st.floats(0, 1, exclude_max=True))
def test_waits_grow_with_jitter_inside_its_share(attempts: int, draw: float) -> None:
    due_s = after(Attempt(0.0, 503), attempts, None, draw).due_s
    wait_s = RETRY_AFTER_S[attempts - 1]
    assert due_s is not None
    assert wait_s <= due_s <= wait_s * (1 + JITTER)


@given(
    status=st.one_of(st.none(), st.integers(100, 599)),
    attempts=st.integers(1, 50),
    failing=st.one_of(st.none(), st.floats(0, 1e7)),
    draw=st.floats(0, 1, exclude_max=True),
    wish=st.one_of(st.none(), st.floats(0, 1e9)),
)
def test_every_delivery_ends(
    status: int | None, attempts: int, failing: float | None, draw: float, wish: float
) -> None:
    now_s = 1e7
    following = after(Attempt(now_s, status, retry_after_s=wish), attempts, failing, draw)
    if status is not None and 200 <= status < 300:
        assert following.state == "delivered"
        assert following.disable is None
    elif following.state == "pending":
        assert attempts < ATTEMPTS_MAX
        assert status != 410
        assert following.due_s is not None
        assert now_s < following.due_s <= now_s + max(RETRY_AFTER_S[-1] * (1 + JITTER), RECEIVER_WAIT_MAX_S)
    else:
        assert following.state == "failed"
        assert (
            status == 410 or attempts >= ATTEMPTS_MAX or (failing is not None and now_s - failing >= DISABLED_AFTER_S)
        )
    if following.disable == "failing":
        assert failing is not None
        assert now_s - failing >= DISABLED_AFTER_S


def test_a_redirect_is_no_success() -> None:
    assert after(Attempt(0.0, 302), 1, None, 0.0).state == "pending"


def test_the_receiver_s_wish_lengthens_the_wait() -> None:
    assert after(Attempt(0.0, 429, retry_after_s=60.0), 1, None, 0.0).due_s == 60.0
    assert after(Attempt(0.0, 429, retry_after_s=1.0), 1, None, 0.0).due_s == 5.0
    assert after(Attempt(0.0, 429, retry_after_s=1e9), 1, None, 0.0).due_s == RECEIVER_WAIT_MAX_S


def test_a_message_is_thin_and_named_once() -> None:
    event = Event(
        "order.updated", "2026-11-25T00:00:00Z", EventData("acme", index=7, order="WO-1", link="/api/v1/orders/WO-1")
    )
    assert event.to_bytes() == (
        b'{"type":"order.updated","timestamp":"2026-11-25T00:00:00Z",'
        b'"data":{"customer":"acme","index":7,"order":"WO-1","link":"/api/v1/orders/WO-1"}}'
    )
    ids = {message_id(endpoint, index) for endpoint in ("ep_a", "ep_b") for index in range(50)}
    assert len(ids) == 100


def test_event_types_are_of_record_types_that_exist() -> None:
    assert set(OF_RECORD_TYPE) - set(LATEST) == set()
    assert event_type_of("exchange.transfer") is None
    assert set(OF_RECORD_TYPE.values()) | {"webhook.test", "nonconformity.updated"} == set(EVENT_TYPES)


def test_event_types_asked_for() -> None:
    assert check_event_types([]) == ()
    assert check_event_types(["message.posted", "order.updated"]) == ("order.updated", "message.posted")
    with pytest.raises(WebhookEventTypeError):
        check_event_types(["order.deleted"])
