"""Credentials: what is kept of them, who they stand for, and how they end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey

from gaugeblock.exchange.access_errors import (
    ClientKeyError,
    CredentialLimitError,
    CredentialMissingError,
    CustomerUnknownError,
    ScopeUnknownError,
)
from gaugeblock.exchange.client_keys import check_client_key
from gaugeblock.exchange.credentials import (
    CREDENTIALS_PER_CUSTOMER,
    GRACE_S,
    LEASE_S,
    CredentialBook,
    CredentialDesk,
    new_api_key,
    parse_api_key,
)
from gaugeblock.stores.database import Database
from gaugeblock.stores.exchange_state import ExchangeState

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return int(self.moment.timestamp() * 1e9)


class Counter:
    """Counts what a desk has waited."""

    def __init__(self) -> None:
        self.waited_s = 0.0

    def __call__(self, seconds: float) -> None:
        self.waited_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> Iterator[ExchangeState]:
    with Database(f"sqlite:///{tmp_path}/x.sqlite") as database:
        database.upgrade("exchange")
        yield ExchangeState(database, clock)


@pytest.fixture
def wait() -> Counter:
    return Counter()


@pytest.fixture
def desk(state: ExchangeState, clock: Clock, wait: Counter) -> CredentialDesk:
    return CredentialDesk(state, ["acme", "beta"], clock, os.urandom, wait)


def book(state: ExchangeState) -> CredentialBook:
    return CredentialBook(state.credentials())


def test_a_key_stands_for_its_customer_and_its_secret_is_not_kept(desk: CredentialDesk, state: ExchangeState) -> None:
    text, row = desk.issue_key("acme", "line 1", ["read"])
    secret = text.rsplit("_", 1)[-1] if text.count("_") == 2 else text.split("_", 2)[2]
    caller = book(state).of_key(text, NOW.timestamp())
    assert caller is not None
    assert (caller.customer, caller.credential, caller.scopes) == ("acme", row.id, {"read"})
    assert secret not in repr(state.credentials())
    assert secret.encode() not in (state.database.path or Path()).read_bytes()


@given(st.integers(0, 42), st.sampled_from("AZaz09-_"))
def test_a_key_with_any_letter_changed_is_nobodys(position: int, letter: str) -> None:
    text, key = new_api_key(lambda count: bytes(range(count)))
    place = len(text) - 43 + position
    other = text[:place] + letter + text[place + 1 :]
    found = parse_api_key(other)
    assert other == text or found is None or found.secret_sha256 != key.secret_sha256


@pytest.mark.parametrize("text", ["", "gbk_", "gbk_a_b", "Bearer x", "gbk_" + "a" * 16 + "_" + "é" * 43, "gbk_" * 5000])
def test_what_is_no_key_is_nobodys(text: str, state: ExchangeState) -> None:
    assert book(state).of_key(text, NOW.timestamp()) is None


def test_a_key_of_the_sandbox_is_none_of_the_plant(desk: CredentialDesk, state: ExchangeState) -> None:
    text, _ = desk.issue_key("acme", test=True)
    assert text.startswith("gbk_test_")
    caller = book(state).of_key(text, NOW.timestamp())
    assert caller is not None
    assert caller.test
    assert book(state).of_key(text.replace("gbk_test_", "gbk_"), NOW.timestamp()) is None


def test_a_key_ends_when_it_expires_and_when_it_is_revoked(
    desk: CredentialDesk, state: ExchangeState, wait: Counter
) -> None:
    expiring, _ = desk.issue_key("acme", days=1)
    revoked, row = desk.issue_key("acme")
    at_s = (NOW + timedelta(days=1)).timestamp()
    assert book(state).of_key(expiring, at_s - 0.001) is not None
    assert book(state).of_key(expiring, at_s) is None
    version = state.access_version()
    assert desk.revoke(row.id).revoked_at is not None
    assert book(state).of_key(revoked, NOW.timestamp()) is None
    assert state.access_version() > version
    assert wait.waited_s == GRACE_S > LEASE_S


def test_rotation_overlaps(desk: CredentialDesk, state: ExchangeState, clock: Clock) -> None:
    old, row = desk.issue_key("acme", "erp", ["read", "message"])
    new, fresh = desk.rotate_key(row.id, overlap_h=2)
    assert (fresh.name, fresh.scopes) == (row.name, row.scopes)
    for text in (old, new):
        assert book(state).of_key(text, NOW.timestamp()) is not None
    later_s = (NOW + timedelta(hours=2)).timestamp()
    assert book(state).of_key(old, later_s) is None
    assert book(state).of_key(new, later_s) is not None
    replaced = state.credential(row.id)
    assert replaced is not None
    assert replaced.replaced_by == fresh.id
    clock.moment += timedelta(hours=3)
    with pytest.raises(CredentialMissingError):
        desk.rotate_key(row.id)


def test_rotation_never_lengthens_a_life(desk: CredentialDesk, state: ExchangeState) -> None:
    _, row = desk.issue_key("acme", days=0.01)
    desk.rotate_key(row.id, overlap_h=72)
    kept = state.credential(row.id)
    assert kept is not None
    assert kept.expires_at == row.expires_at


def test_wrong_issues_are_refused(desk: CredentialDesk) -> None:
    with pytest.raises(CustomerUnknownError):
        desk.issue_key("gamma")
    with pytest.raises(ScopeUnknownError):
        desk.issue_key("acme", scopes=["read", "admin"])
    with pytest.raises(ScopeUnknownError):
        desk.issue_key("acme", scopes=[])
    with pytest.raises(CredentialMissingError):
        desk.revoke("nothing")
    for _ in range(CREDENTIALS_PER_CUSTOMER):
        desk.issue_key("acme")
    with pytest.raises(CredentialLimitError):
        desk.issue_key("acme")
    desk.issue_key("beta")


def test_client_keys_are_public_and_of_two_curves(desk: CredentialDesk) -> None:
    for key in (OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256")):
        public = key.as_dict(private=False)
        assert '"d"' not in check_client_key(public)
        assert desk.add_client("acme", public).id.startswith("client-")
        with pytest.raises(ClientKeyError):
            desk.add_client("acme", key.as_dict(private=True))
    wrong = [
        OctKey.generate_key(256).as_dict(private=True),
        ECKey.import_key(ec.generate_private_key(ec.SECP384R1())).as_dict(private=False),
        {"kty": "OKP", "crv": "Ed25519", "x": "AAA"},
        {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"},
        {},
    ]
    for jwk in wrong:
        with pytest.raises(ClientKeyError):
            check_client_key(jwk)
