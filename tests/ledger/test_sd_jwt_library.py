"""Our records read by the `sd-jwt` library, which shares no code with ours."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger import i_json
from gaugeblock.ledger.record import SignedRecord, sd_jwt, sign_record

verifier = pytest.importorskip("sd_jwt.verifier", reason="the sd-jwt library is not installed")
jwk = pytest.importorskip("jwcrypto.jwk", reason="the jwcrypto library is not installed")


def read_by_library(text: str, key: Any) -> dict[str, Any]:
    public = jwk.JWK.from_json(json.dumps(key.public.to_jwk()))
    result: dict[str, Any] = verifier.SDJWTVerifier(text, lambda issuer, header: public).get_verified_payload()
    return result


@pytest.fixture(scope="module")
def record(kit: Any) -> SignedRecord:
    return sign_record(replace(kit.draft(7), author="person:李伟"), kit.key("station"), kit.salt("library"))


def test_the_library_reads_what_we_sign(kit: Any, record: SignedRecord) -> None:
    payload = read_by_library(sd_jwt(record), kit.key("station"))
    draft = kit.draft(7)
    assert payload["iss"] == "person:李伟"
    assert payload["jti"] == draft.identity
    assert payload["record_type"] == draft.record_type
    assert payload["clock"] == {"source": "synchronised", "uncertainty_ms": 5.0}
    for name, facet in draft.facets.items():
        assert payload[name] == json.loads(i_json.write(facet, name, max_bytes=10_000))


def test_withheld_facets_are_not_there(kit: Any, record: SignedRecord) -> None:
    shown = SignedRecord(record.jws, {"statement": record.disclosures["statement"]})
    payload = read_by_library(sd_jwt(shown), kit.key("station"))
    assert payload["statement"] == {"verdict": "OK"}
    assert not {"subject", "measurement", "process", "inputs"} & set(payload)


def test_another_key_is_refused(kit: Any, record: SignedRecord) -> None:
    with pytest.raises(Exception, match=r"(?i)verif|invalid"):
        read_by_library(sd_jwt(record), kit.key("another"))


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_altered_records_are_refused_by_the_library(kit: Any, record: SignedRecord, data: st.DataObject) -> None:
    """The library skips foreign characters, so a changed letter is another letter of the alphabet."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    jws = record.jws.decode()
    # The last letter of each part has bits that carry nothing; the library does not look at them, we do.
    carrying = [i for i, letter in enumerate(jws) if letter != "." and jws[i + 1 : i + 2] not in (".", "")]
    position = data.draw(st.sampled_from(carrying))
    other = data.draw(st.sampled_from([letter for letter in alphabet if letter != jws[position]]))
    altered = SignedRecord((jws[:position] + other + jws[position + 1 :]).encode(), record.disclosures)
    with pytest.raises(Exception):  # noqa: B017 - the library raises whatever its parsers raise
        read_by_library(sd_jwt(altered), kit.key("station"))


def test_altered_disclosures_do_not_enter(kit: Any, record: SignedRecord) -> None:
    other = sign_record(kit.draft(8), kit.key("station"), kit.salt("another"))
    forged = SignedRecord(record.jws, {"subject": other.disclosures["subject"]})
    assert "subject" not in read_by_library(sd_jwt(forged), kit.key("station"))
