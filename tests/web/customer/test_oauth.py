"""The token endpoint, from the assertion to an answer by the token; and the ways in which there is none."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient

from gaugeblock.exchange.access import Access
from gaugeblock.exchange.credentials import CredentialDesk
from gaugeblock.exchange.tokens import ASSERTION_TYPE, AccessTokens
from gaugeblock.ledger.keys import PublicKey, SigningKey
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.exchange_state import ExchangeState
from gaugeblock.web.customer import oauth
from gaugeblock.web.customer.oauth import OAuthServices

URL = "https://exchange.example"


class House:
    """The endpoint over a real database."""

    def __init__(self, database: Database) -> None:
        clock = SystemClock()
        self.state = ExchangeState(database, clock)
        self.desk = CredentialDesk(self.state, ["acme"], clock, os.urandom, lambda _: None)
        self.key = OKPKey.generate_key("Ed25519")
        self.client = self.desk.add_client("acme", self.key.as_dict(private=False), scopes=["read", "message"]).id
        tokens = AccessTokens(SigningKey.generate(), URL, os.urandom)
        self.access = Access(self.state, tokens, clock, time.monotonic)
        self.access.renew()
        services = OAuthServices(self.access, self.state, clock, URL)
        self.app = Litestar(oauth.HANDLERS, state=State({"oauth": services}), openapi_config=None)
        self.http = TestClient(self.app)

    def assertion(self, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.client, "sub": self.client, "aud": URL, "exp": now + 60, "jti": os.urandom(8).hex()}
        return jwt.encode({"alg": "Ed25519"}, claims | changes, self.key, algorithms=["Ed25519"])

    def token(self, assertion: str | None = None, **fields: str) -> Any:
        data = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion if assertion is not None else self.assertion(),
        } | fields
        return self.http.post("/oauth/token", data=data)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Database(f"sqlite:///{tmp_path}/x.sqlite") as database:
        database.upgrade("exchange")
        made = House(database)
        with made.http:
            yield made


def test_from_assertion_to_caller(house: House) -> None:
    answer = house.token()
    assert answer.status_code == 200
    out = answer.json()
    assert (out["token_type"], out["expires_in"], out["scope"]) == ("Bearer", 600, "read message")
    assert answer.headers["cache-control"] == "no-store"
    caller = house.access.of_bearer(out["access_token"], time.time())
    assert caller is not None
    assert (caller.customer, caller.credential, caller.scopes) == ("acme", house.client, {"read", "message"})


def test_a_narrower_scope_is_given_and_a_wider_one_is_not(house: House) -> None:
    narrow = house.token(scope="read").json()
    caller = house.access.of_bearer(narrow["access_token"], time.time())
    assert caller is not None
    assert caller.scopes == {"read"}
    wide = house.token(scope="read contract")
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")


def test_an_assertion_is_taken_once(house: House) -> None:
    assertion = house.assertion()
    assert house.token(assertion).status_code == 200
    again = house.token(assertion)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    assert "jti" in again.json()["error_description"]


def test_an_assertion_is_taken_once_by_many_at_once(house: House) -> None:
    assertion = house.assertion()

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(asyncio.to_thread(lambda: house.token(assertion).status_code) for _ in range(8)))

    assert sorted(asyncio.run(all_at_once())) == [200] + [401] * 7


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, 401, "invalid_client"),
        ({"client_assertion": ""}, 401, "invalid_client"),
        ({"client_id": "client-other"}, 401, "invalid_client"),
    ],
)
def test_refusals_are_those_of_the_standard(house: House, fields: dict[str, str], status: int, error: str) -> None:
    answer = house.token(**fields)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_wrong_audience_and_expired(house: House) -> None:
    for changes in ({"aud": "https://other.example"}, {"exp": int(time.time()) - 120}):
        assert house.token(house.assertion(**changes)).status_code == 401


def test_a_revoked_client_loses_its_tokens(house: House) -> None:
    text = house.token().json()["access_token"]
    assert house.access.of_bearer(text, time.time()) is not None
    house.desk.revoke(house.client)
    house.access.renew()
    assert house.access.of_bearer(text, time.time()) is None
    assert house.token().status_code == 401


def test_a_replaced_client_ends_with_the_overlap(house: House) -> None:
    fresh = ECKey.generate_key("P-256")
    house.desk.rotate_client(house.client, fresh.as_dict(private=False), overlap_h=0)
    house.access.renew()
    assert house.token().status_code == 401


def test_metadata_and_key(house: House) -> None:
    metadata = house.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["issuer"] == URL
    assert metadata["token_endpoint"] == URL + "/oauth/token"
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    (jwk,) = house.http.get("/.well-known/jwks.json").json()["keys"]
    assert "d" not in jwk
    assert PublicKey.from_jwk({name: jwk[name] for name in ("kty", "crv", "x")}).thumbprint == jwk["kid"]
