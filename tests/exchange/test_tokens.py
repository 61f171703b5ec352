"""Client assertions and access tokens: what is taken, and every way in which they are not."""

from __future__ import annotations

import base64
import os
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey

from gaugeblock.exchange.access_errors import AssertionRefusedError
from gaugeblock.exchange.client_keys import check_client_key
from gaugeblock.exchange.credentials import CredentialBook
from gaugeblock.exchange.tokens import TOKEN_S, AccessTokens, check_assertion
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.stores.exchange_state import CredentialRow

NOW_S = 1_800_000_000.0
URL = "https://exchange.example"
ED, EC = OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256")


def row(identifier: str, key: OKPKey | ECKey) -> CredentialRow:
    return CredentialRow(
        id=identifier,
        customer="acme",
        kind="client",
        name="",
        scopes=("read",),
        created_at="2026-01-01T00:00:00Z",
        jwk=check_client_key(key.as_dict(private=False)),
    )


BOOK = CredentialBook([row("client-ed", ED), row("client-ec", EC)])


def claims(client: str = "client-ed", **changes: Any) -> dict[str, Any]:
    made = {"iss": client, "sub": client, "aud": URL, "exp": NOW_S + 60, "iat": NOW_S, "jti": "1"} | changes
    return {name: value for name, value in made.items() if value is not None}


def assertion(key: Any = ED, alg: str = "EdDSA", header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode({"alg": alg, **(header or {})}, claims(**changes), key, algorithms=[alg])


def check(text: str) -> str:
    return check_assertion(text, BOOK, {URL, URL + "/oauth/token"}, NOW_S).client.id


def test_both_curves_are_taken() -> None:
    assert check(assertion()) == "client-ed"
    assert check(assertion(alg="Ed25519")) == "client-ed"
    assert check(assertion(EC, "ES256", client="client-ec")) == "client-ec"
    assert check(assertion(aud=URL + "/oauth/token")) == "client-ed"
    assert check(assertion(aud=[URL])) == "client-ed"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://other.example"}, "aud"),
        ({"aud": [URL, "https://other.example"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": NOW_S - 61}, "exp"),
        ({"exp": NOW_S + 3600}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"nbf": NOW_S + 120}, "nbf"),
        ({"iat": NOW_S + 120}, "iat"),
        ({"iat": NOW_S - 7200}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": "x" * 201}, "jti"),
        ({"jti": 7}, "jti"),
        ({"iss": "client-ec"}, "iss, sub"),
        ({"sub": "client-ec"}, "signature"),
        ({"sub": "nobody"}, "client"),
    ],
)
def test_wrong_claims_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(AssertionRefusedError) as refused:
        check(assertion(**changes))
    assert refused.value.facts["reason"] == reason


def test_the_key_decides_the_algorithm() -> None:
    public = msgspec.json.decode(check_client_key(ED.as_dict(private=False)))
    secret = OctKey.import_key(msgspec.json.encode(public))
    none = ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (b'{"alg":"none"}', msgspec.json.encode(claims()), b"x")
    )
    for text in (
        jwt.encode({"alg": "HS256"}, claims(), secret, algorithms=["HS256"]),
        none,
        none.rsplit(".", 1)[0] + ".",
        assertion(OKPKey.generate_key("Ed25519")),
        assertion(EC, "ES256"),
        assertion()[:-3] + "AAA",
        "a.b.c",
        "",
        "x" * 10_000,
    ):
        with pytest.raises(AssertionRefusedError):
            check(text)


def test_critical_and_foreign_headers_are_refused() -> None:
    with pytest.raises(AssertionRefusedError):
        check(assertion(header={"typ": "at+jwt"}))


def tokens(seed: int = 1, issuer: str = URL) -> AccessTokens:
    return AccessTokens(SigningKey.from_seed(bytes([seed]) * 32), issuer, os.urandom)


def test_a_token_is_read_until_it_expires() -> None:
    ours = tokens()
    text = ours.give("client-ed", ["read"], NOW_S)
    for _ in range(2):  # the second time it is known
        assert ours.read(text, NOW_S) == ("client-ed", frozenset({"read"}))
        assert ours.read(text, NOW_S + TOKEN_S - 1) is not None
        assert ours.read(text, NOW_S + TOKEN_S) is None


def test_tokens_of_others_and_altered_ones_are_refused() -> None:
    ours = tokens()
    text = ours.give("client-ed", ["read"], NOW_S)
    head, body, signature = text.split(".")
    wider = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(body + "==").replace(b'"scope":"read"', b'"scope":"read message"')
    ).decode()
    key = OKPKey.import_key(SigningKey.from_seed(bytes([1]) * 32).to_pem())
    good = {"iss": URL, "sub": "c", "aud": URL, "exp": int(NOW_S + 60), "scope": "read"}

    def made(header: dict[str, Any], **changes: Any) -> str:
        return jwt.encode({"alg": "Ed25519", **header}, good | changes, key, algorithms=["Ed25519"])

    assert ours.read(made({"typ": "at+jwt"}), NOW_S) is not None
    for wrong in (
        tokens(2).give("client-ed", ["read"], NOW_S),
        tokens(1, "https://other.example").give("client-ed", ["read"], NOW_S),
        f"{head}.{wider.rstrip('=')}.{signature}",
        made({"typ": "JWT"}),
        made({}),
        made({"typ": "at+jwt"}, aud="https://other.example"),
        made({"typ": "at+jwt"}, aud=[URL]),
        made({"typ": "at+jwt"}, exp="never"),
        assertion(),
        "gbk_x",
        "a.b.c",
    ):
        assert ours.read(wrong, NOW_S) is None
