"""The uplink over HTTP: what goes out, and what each answer of the plant becomes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable

import httpx
import pytest

from gaugeblock.connectors.errors import (
    PlantAnswerError,
    PlantBusyError,
    PlantRefusedError,
    PlantUnreachableError,
)
from gaugeblock.connectors.plant_http import PlantHttp
from gaugeblock.edge.ports import Entry
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.errors import GaugeblockError

KEY = SigningKey.from_seed(bytes(32))
RECORD = Entry("1/1", b"a.b.c", {"subject": "xyz"})


def _uplink(handler: Callable[[httpx.Request], httpx.Response]) -> PlantHttp:
    return PlantHttp("http://plant", KEY, unix_s=lambda: 1700000000.9, transport=httpx.MockTransport(handler))


def _answers(status: int, body: object = None, headers: dict[str, str] | None = None) -> PlantHttp:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return _uplink(lambda _request: httpx.Response(status, content=content, headers=headers))


def test_records_go_out_as_agreed_and_answers_come_back_in_order() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        error = {"code": "ledger.revoked_key", "text": "revoked", "remedy": "bind another"}
        return httpx.Response(
            200, json={"receipts": [{"index": 4, "leaf_hash": "ab", "duplicate": True}, {"error": error}]}
        )

    first, second = _uplink(handler).send([RECORD, RECORD])
    assert (seen[0].method, seen[0].url.path) == ("POST", "/api/v1/records")
    assert json.loads(seen[0].content)["records"][0] == {"jws": "a.b.c", "disclosures": {"subject": "xyz"}}
    assert (first.index, first.duplicate, first.error_code) == (4, True, None)
    assert (second.index, second.error_code, second.error_text) == (None, "ledger.revoked_key", "revoked")


def test_an_image_carries_a_header_that_the_key_signed() -> None:
    seen: list[httpx.Request] = []
    uplink = _uplink(lambda request: (seen.append(request), httpx.Response(201))[1])
    sha256 = hashlib.sha256(b"image").hexdigest()
    uplink.send_blob(sha256, b"image")
    assert (seen[0].method, seen[0].url.path, seen[0].content) == ("PUT", f"/api/v1/blobs/{sha256}", b"image")
    scheme, kid, unix_s, signature = seen[0].headers["Authorization"].split()
    assert (scheme, kid, unix_s) == ("Gaugeblock-Key", KEY.public.thumbprint, "1700000000")
    raw = base64.urlsafe_b64decode(signature + "==")
    assert KEY.public.verify(raw, f"PUT\n{sha256}\n{unix_s}".encode())


@pytest.mark.parametrize(
    ("uplink", "error", "facts"),
    [
        (_answers(503, {}, {"Retry-After": "7"}), PlantBusyError, {"retry_after_s": 7.0}),
        (_answers(503, {}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), PlantBusyError, {"retry_after_s": 1.0}),
        (_answers(503, {}, {"Retry-After": "1e9"}), PlantBusyError, {"retry_after_s": 300.0}),
        (_answers(400, {}), PlantRefusedError, {"permanent": 1}),
        (_answers(413, {}), PlantRefusedError, {"permanent": 1}),
        (_answers(401, {}), PlantRefusedError, {"status": 401}),
        (_answers(500, {}), PlantRefusedError, {"status": 500}),
        (_answers(302, {}, {"Location": "http://elsewhere"}), PlantRefusedError, {"status": 302}),
        (_answers(200, b"<html>"), PlantAnswerError, {}),
        (_answers(200, {"receipts": []}), PlantAnswerError, {}),
        (_answers(200, {"receipts": [{"leaf_hash": "ab"}]}), PlantAnswerError, {}),
        (_answers(200, {"receipts": [{"index": -1}]}), PlantAnswerError, {}),
        (_answers(200, b"\xff\xfe"), PlantAnswerError, {}),
    ],
)
def test_every_other_answer_is_a_named_error(
    uplink: PlantHttp, error: type[GaugeblockError], facts: dict[str, object]
) -> None:
    with pytest.raises(error) as caught:
        uplink.send([RECORD])
    assert facts.items() <= caught.value.facts.items()
    assert "permanent" in facts or "permanent" not in caught.value.facts
    assert caught.value.text("zh")
    assert caught.value.remedy("en")


def test_a_plant_that_is_not_there_is_named() -> None:
    uplink = PlantHttp("http://127.0.0.1:9", KEY, timeout_s=1.0)
    with pytest.raises(PlantUnreachableError):
        uplink.send([RECORD])
    with pytest.raises(PlantUnreachableError):
        uplink.send_blob("00" * 32, b"")
    uplink.close()


def test_the_plant_is_asked_for_its_reasons_in_the_stations_language() -> None:
    problem = {
        "type": "urn:x",
        "title": "不被接受",
        "status": 413,
        "detail": "图像过大。",
        "code": "web.body_too_large",
    }
    seen: list[httpx.Request] = []
    uplink = _uplink(lambda request: (seen.append(request), httpx.Response(413, json=problem))[1])
    with pytest.raises(PlantRefusedError) as caught:
        uplink.send_blob("00" * 32, b"")
    assert seen[0].headers["Accept-Language"] == "zh"
    assert caught.value.facts["detail"] == "图像过大。"
