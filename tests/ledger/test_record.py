from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger.errors import (
    CountLimitError,
    DepthLimitError,
    DisclosureError,
    NumberRangeError,
    RecordFormError,
    SignatureError,
    SizeLimitError,
)
from gaugeblock.ledger.record import (
    MAX_DISCLOSURE_BYTES,
    MAX_ENTRY_BYTES,
    MAX_FACET_DEPTH,
    ClockState,
    digest_of,
    open_facets,
    parse,
    sd_jwt,
    sign_record,
    verify_signature,
)
from gaugeblock.plant.errors import GaugeblockError


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def unb64(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))


@pytest.fixture(scope="module")
def record(kit: Any) -> Any:
    return sign_record(kit.draft(7), kit.key("station"), kit.salt("record"))


def test_what_is_signed_is_what_is_read(kit: Any, record: Any) -> None:
    draft = kit.draft(7)
    payload = verify_signature(record.jws, kit.key("station").public)
    assert payload == parse(record.jws)
    for name in ("record_type", "version", "author", "identity", "log", "stated_at", "observed_at", "clock"):
        assert getattr(payload, name) == getattr(draft, name)
    facets = open_facets(payload, record.disclosures)
    assert set(facets) == set(draft.facets)
    assert facets["measurement"] == {"score": 0.25, "threshold": 0.5, "peak_x": 0.1, "peak_y": 0.9}


def test_the_form_on_the_wire(kit: Any, record: Any) -> None:
    header, payload, signature = record.jws.split(b".")
    assert json.loads(unb64(header)) == {
        "alg": "EdDSA",
        "typ": "gaugeblock-record+sd-jwt",
        "kid": kit.key("station").public.thumbprint,
    }
    claims = json.loads(unb64(payload))
    assert list(claims) == [
        "iss", "jti", "log", "record_type", "record_version", "stated_at", "observed_at", "clock", "_sd", "_sd_alg",
    ]  # fmt: skip
    assert claims["_sd_alg"] == "sha-256"
    assert len(unb64(signature)) == 64
    for name, disclosure in record.disclosures.items():
        salt, told, _ = json.loads(unb64(disclosure))
        assert told == name
        assert len(unb64(salt)) == 16
        assert digest_of(disclosure) in claims["_sd"]


def test_order_of_digests_tells_nothing_about_facets(kit: Any) -> None:
    orders = set()
    for number in range(20):
        signed = sign_record(kit.draft(number), kit.key("station"), kit.salt(f"order {number}"))
        digests = parse(signed.jws).digests
        assert list(digests) == sorted(digests)
        by_digest = {digest_of(text): name for name, text in signed.disclosures.items()}
        orders.add(tuple(by_digest[digest] for digest in digests))
    assert len(orders) > 10


def test_salts_hide_equal_facets(kit: Any) -> None:
    one = sign_record(kit.draft(1), kit.key("station"), kit.salt("a"))
    two = sign_record(kit.draft(1), kit.key("station"), kit.salt("b"))
    assert not set(parse(one.jws).digests) & set(parse(two.jws).digests)
    with pytest.raises(RecordFormError):
        sign_record(kit.draft(1), kit.key("station"), lambda count: b"short")


def test_any_subset_can_be_withheld(record: Any) -> None:
    payload = parse(record.jws)
    names = list(record.disclosures)
    for mask in range(1 << len(names)):
        shown = {n: record.disclosures[n] for bit, n in enumerate(names) if mask >> bit & 1}
        assert set(open_facets(payload, shown)) == set(shown)
    assert names[0] not in json.dumps(open_facets(payload, {}))


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_a_flipped_bit_in_a_record_is_found_and_named(kit: Any, record: Any, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(record.jws) - 1))
    altered = bytearray(record.jws)
    altered[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((SignatureError, RecordFormError)):
        verify_signature(bytes(altered), kit.key("station").public)


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_a_flipped_bit_in_a_disclosure_is_found_and_named(record: Any, data: st.DataObject) -> None:
    payload = parse(record.jws)
    name = data.draw(st.sampled_from(sorted(record.disclosures)))
    altered = bytearray(record.disclosures[name].encode())
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DisclosureError) as caught:
        open_facets(payload, {name: altered.decode("latin-1")})
    assert caught.value.facts["facet"] == name


def test_another_key_does_not_verify(kit: Any, record: Any) -> None:
    with pytest.raises(SignatureError):
        verify_signature(record.jws, kit.key("another").public)


@pytest.mark.parametrize(
    ("facet", "error"),
    [
        ({"score": float("nan")}, NumberRangeError),
        ({"deep": {"score": [1.0, float("inf")]}}, NumberRangeError),
        ({"count": 2**53 + 1}, NumberRangeError),
        ({"count": 2**80}, NumberRangeError),
        ({"text": "x" * 70_000}, SizeLimitError),
        ({"list": [0] * 5000}, CountLimitError),
    ],
)
def test_inexact_and_oversized_facets_are_not_signed(kit: Any, facet: Any, error: type[Exception]) -> None:
    draft = kit.draft(1, facets={"subject": {"station": "ST10"}, "measurement": facet})
    with pytest.raises(error):
        sign_record(draft, kit.key("station"), kit.salt("x"))


def test_what_can_be_signed_can_be_opened(kit: Any) -> None:
    for levels, allowed in ((MAX_FACET_DEPTH, True), (MAX_FACET_DEPTH + 1, False)):
        value: Any = 1
        for _ in range(levels):
            value = {"a": value}
        draft = kit.draft(1, facets={"subject": value})
        if allowed:
            signed = sign_record(draft, kit.key("station"), kit.salt("x"))
            assert open_facets(parse(signed.jws), signed.disclosures)["subject"] == value
        else:
            with pytest.raises(DepthLimitError):
                sign_record(draft, kit.key("station"), kit.salt("x"))
    for size, allowed in ((48_900, True), (49_100, False)):
        draft = kit.draft(1, facets={"subject": {"text": "x" * size}})
        if allowed:
            signed = sign_record(draft, kit.key("station"), kit.salt("x"))
            assert len(signed.disclosures["subject"]) <= MAX_DISCLOSURE_BYTES
            assert open_facets(parse(signed.jws), signed.disclosures)
        else:
            with pytest.raises(SizeLimitError):
                sign_record(draft, kit.key("station"), kit.salt("x"))


@pytest.mark.parametrize(
    "change",
    [
        {"author": "ST10"},
        {"author": "station:"},
        {"author": "Station:ST10"},
        {"author": "station:a b"},
        {"author": "station:" + "x" * 129},
        {"author": "station:\u202e10"},
        {"identity": ""},
        {"identity": "x" * 201},
        {"identity": "a\nb"},
        {"log": "has space"},
        {"log": "has+plus"},
        {"record_type": "verdict"},
        {"record_type": "Inspection.verdict"},
        {"record_type": "a." + "b" * 80},
        {"version": 0},
        {"version": 40_000},
        {"stated_at": "2026-11-22 05:00:00Z"},
        {"stated_at": "2026-11-22T05:00:00+00:00"},
        {"observed_at": "2026-13-22T05:00:00Z"},
        {"observed_at": "2026-11-22T05:00:60Z"},
        {"observed_at": "２026-11-22T05:00:00Z"},
        {"facets": {"Subject": {}}},
        {"facets": {"subject": [1]}},
        {"facets": {f"facet_{n}": {} for n in range(17)}},
    ],
)
def test_malformed_drafts_are_not_signed(kit: Any, change: dict[str, Any]) -> None:
    with pytest.raises(RecordFormError):
        sign_record(kit.draft(1, **change), kit.key("station"), kit.salt("x"))


def test_entities_may_have_chinese_names(kit: Any) -> None:
    signed = sign_record(kit.draft(1, author="person:李伟"), kit.key("station"), kit.salt("x"))
    assert parse(signed.jws).author == "person:李伟"


def forged(kit: Any, record: Any, header: Any = None, payload: Any = None, raw_payload: bytes | None = None) -> bytes:
    """Signed correctly, but not by our own writer."""
    parts = record.jws.split(b".")
    if header is not None:
        parts[0] = b64(json.dumps({**json.loads(unb64(parts[0])), **header}).encode())
    if payload is not None:
        parts[1] = b64(json.dumps({**json.loads(unb64(parts[1])), **payload}).encode())
    if raw_payload is not None:
        parts[1] = b64(raw_payload)
    signed = parts[0] + b"." + parts[1]
    return bytes(signed + b"." + b64(kit.key("station").sign(signed)))


def test_records_of_other_writers_are_read_when_they_keep_the_form(kit: Any, record: Any) -> None:
    claims = json.loads(unb64(record.jws.split(b".")[1]))
    spaced = forged(kit, record, raw_payload=json.dumps(claims, indent=2).encode())
    assert verify_signature(spaced, kit.key("station").public) == parse(record.jws)


@pytest.mark.parametrize(
    "case",
    [
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"typ": "JWT"}},
        {"header": {"kid": 7}},
        {"header": {"kid": "x"}},
        {"header": {"crit": ["exp"]}},
        {"header": {"jwk": {}}},
        {"payload": {"exp": 1}},
        {"payload": {"iss": 5}},
        {"payload": {"record_version": 1.5}},
        {"payload": {"record_version": True}},
        {"payload": {"_sd_alg": "sha-512"}},
        {"payload": {"_sd": ["short"]}},
        {"payload": {"_sd": ["A" * 43, "A" * 43]}},
        {"payload": {"_sd": ["B" * 42 + "A", "A" * 43]}},
        {"payload": {"_sd": ["A" * 42 + "B"]}},
        {"payload": {"_sd": ["A" * 42 + "é"]}},
        {"payload": {"clock": {"source": "gps", "uncertainty_ms": None}}},
        {"payload": {"clock": {"source": "local", "uncertainty_ms": -1}}},
        {"payload": {"clock": {"source": "local"}}},
        {"raw_payload": b"[]"},
        {"raw_payload": b'{"iss":NaN}'},
        {"raw_payload": b"\xff"},
        {"raw_payload": b""},
    ],
)
def test_correctly_signed_nonsense_is_refused_by_name(kit: Any, record: Any, case: dict[str, Any]) -> None:
    with pytest.raises(RecordFormError):
        verify_signature(forged(kit, record, **case), kit.key("station").public)


def test_a_claim_twice_is_refused(kit: Any, record: Any) -> None:
    raw = unb64(record.jws.split(b".")[1])
    with pytest.raises(RecordFormError):
        parse(forged(kit, record, raw_payload=b'{"iss":"station:other",' + raw[1:]))


@pytest.mark.parametrize("raw", [b"", b".", b"..", b"a.b", b"a.b.c.d", b"\xff\xff.\xff.\xff", b"=.=.="])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(RecordFormError):
        parse(raw)


def test_size_limit(kit: Any, record: Any) -> None:
    with pytest.raises(SizeLimitError):
        parse(record.jws + b"A" * MAX_ENTRY_BYTES)


def test_foreign_and_swapped_disclosures_are_refused(kit: Any, record: Any) -> None:
    other = sign_record(kit.draft(8), kit.key("station"), kit.salt("other"))
    payload = parse(record.jws)
    with pytest.raises(DisclosureError):
        open_facets(payload, {"subject": other.disclosures["subject"]})
    with pytest.raises(DisclosureError):
        open_facets(payload, {"subject": record.disclosures["statement"]})
    with pytest.raises(DisclosureError):
        open_facets(payload, {"subject": record.disclosures["subject"] + "="})
    with pytest.raises(DisclosureError):
        open_facets(payload, {"subject": "A" * 70_000})
    with pytest.raises(DisclosureError):
        open_facets(payload, {f"f{n}": "" for n in range(17)})


@pytest.mark.parametrize(
    "content",
    [b"{}", b'["s","subject"]', b'["s","subject",{},1]', b'[1,"subject",{}]', b'["s","other",{}]', b"nonsense",
     b'["s","subject",{"n":1e999}]', b'["s","subject",{"n":9007199254740993}]',
     b'["s","subject",' + b"[" * 30 + b"]" * 30 + b"]"],
)  # fmt: skip
def test_disclosures_that_were_signed_but_are_malformed(record: Any, content: bytes) -> None:
    text = b64(content).decode()
    payload = replace(parse(record.jws), digests=(digest_of(text),))
    with pytest.raises(DisclosureError):
        open_facets(payload, {"subject": text})


def test_clock_states(kit: Any) -> None:
    for clock in (ClockState("unknown", None), ClockState("local", 90_000.0), ClockState("synchronised", 0)):
        signed = sign_record(kit.draft(1, clock=clock), kit.key("station"), kit.salt("x"))
        assert parse(signed.jws).clock == clock


def test_the_exchange_form(record: Any) -> None:
    text = sd_jwt(record)
    assert text.startswith(record.jws.decode() + "~")
    assert text.endswith("~")
    assert text.count("~") == len(record.disclosures) + 1


@given(st.binary(max_size=200) | st.text(alphabet="abA0_-.~=", max_size=80).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_parsing_anything_raises_only_named_errors(raw: bytes) -> None:
    with pytest.raises(GaugeblockError):
        parse(raw)
