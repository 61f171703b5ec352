"""Who may call the exchange: API keys, and clients that prove a private key (OAuth 2.1 client credentials).

An API key is ``gbk_<id>_<secret>``: a prefix that secret scanners find, a public id that stands in transfer records,
and 256 random bits. Of the secret only its SHA-256 is kept: a secret of that many bits cannot be guessed, so that a
slow hash would only cost. Keys of the sandbox are ``gbk_test_<id>_<secret>`` and see no data of the plant.

A credential is replaced with an overlap, in which both are in force, and ends at once when it is revoked: the exchange
refuses to answer on a knowledge of credentials that is older than :data:`LEASE_S`, and a revocation is acknowledged
only :data:`GRACE_S` after it is durable.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol, get_args

import msgspec

from gaugeblock.exchange.access_errors import (
    CredentialLimitError,
    CredentialMissingError,
    CredentialNameError,
    CustomerUnknownError,
    ScopeUnknownError,
)
from gaugeblock.exchange.client_keys import check_client_key
from gaugeblock.plant.times import Clock, from_rfc3339, to_rfc3339
from gaugeblock.stores.exchange_state import CredentialRow

Scope = Literal["read", "message", "contract", "webhook", "capture"]
"""``read``: whatever the contract permits, by every face. ``message``: write messages, upload documents. ``contract``:
accept, decline, revoke. ``webhook``: manage endpoints. ``capture``: hand in EPCIS events."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
DEFAULT_SCOPES: tuple[Scope, ...] = ("read", "message", "webhook")

LEASE_S = 0.5
GRACE_S = 1.0
KEY_PREFIX = "gbk_"
TEST_PREFIX = "gbk_test_"
SECRET_BYTES = 32
ID_BYTES = 10
CREDENTIALS_PER_CUSTOMER = 50
NAME_MOST = 80
ROTATION_OVERLAP_H = 72.0

_KEY = re.compile(r"gbk_(test_)?([a-z2-7]{16})_([A-Za-z0-9_-]{43})")


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asks. ``credential`` is the public id of a key or a client, or ``user:<name>`` of a person with a session.

    Parameters
    ----------
    customer
        Id of ``plant.toml``.
    scopes
        What it may be used for.
    test
        Of the sandbox: sees seeded data, and never the plant's.
    session
        SHA-256 (hex) of the session's token where a person asks; the CSRF token derives from the cookie.
    """

    customer: str
    credential: str
    scopes: frozenset[str]
    test: bool = False
    session: str | None = None


class ApiKey(NamedTuple):
    """A key, taken apart."""

    id: str
    secret_sha256: str
    test: bool


def parse_api_key(text: str) -> ApiKey | None:
    """The parts of a key; ``None`` where it is none. The secret is hashed at once.

    >>> parse_api_key("gbk_abcdefghijklmnop_" + "A" * 43).id
    'abcdefghijklmnop'
    >>> parse_api_key("gbk_abc")
    """
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    return ApiKey(match[2], hashlib.sha256(match[3].encode()).hexdigest(), match[1] is not None)


def new_api_key(random: Callable[[int], bytes], *, test: bool = False) -> tuple[str, ApiKey]:
    """A key as the customer gets it, once, and as it is kept.

    >>> new_api_key(lambda count: bytes(count))[0]
    'gbk_aaaaaaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    identifier = base64.b32encode(random(ID_BYTES)).decode().lower()
    secret = base64.urlsafe_b64encode(random(SECRET_BYTES)).decode().rstrip("=")
    text = f"{TEST_PREFIX if test else KEY_PREFIX}{identifier}_{secret}"
    return text, ApiKey(identifier, hashlib.sha256(secret.encode()).hexdigest(), test)


def is_in_force(row: CredentialRow, now: datetime) -> bool:
    """Neither revoked nor expired (half open)."""
    return row.revoked_at is None and (row.expires_at is None or now < from_rfc3339(row.expires_at))


class CredentialBook:
    """All credentials at one moment, for lookup by the exchange. Immutable.

    Examples
    --------
    >>> text, key = new_api_key(lambda count: bytes(count))
    >>> row = CredentialRow(id=key.id, customer="C1", kind="api_key", name="", scopes=("read",),
    ...     created_at="2026-11-25T00:00:00Z", secret_sha256=key.secret_sha256)
    >>> CredentialBook([row]).of_key(text, from_rfc3339("2026-11-25T01:00:00Z").timestamp()).customer
    'C1'
    """

    def __init__(self, rows: Collection[CredentialRow]) -> None:
        self._rows = {row.id: row for row in rows if row.revoked_at is None}
        self._callers = {
            row.id: Caller(row.customer, row.id, frozenset(row.scopes), row.test) for row in self._rows.values()
        }
        # As seconds: comparing them costs a tenth of comparing datetimes.
        self._until_s = {
            row.id: float("inf") if row.expires_at is None else from_rfc3339(row.expires_at).timestamp()
            for row in self._rows.values()
        }

    def of_key(self, text: str, now_s: float) -> Caller | None:
        """The caller who shows this API key; compared in constant time. ``now_s`` is in Unix seconds."""
        key = parse_api_key(text)
        if key is None:
            return None
        row = self._rows.get(key.id)
        kept = row.secret_sha256 if row is not None and row.kind == "api_key" else None
        same = hmac.compare_digest(kept or "", key.secret_sha256)
        if row is None or not same or row.test != key.test or now_s >= self._until_s[key.id]:
            return None
        return self._callers[key.id]

    def of_client(self, client: str, now_s: float) -> CredentialRow | None:
        """The OAuth client in force with this id."""
        row = self._rows.get(client)
        if row is None or row.kind != "client" or now_s >= self._until_s[client]:
            return None
        return row

    def caller(self, credential: str, now_s: float) -> Caller | None:
        """The caller behind a credential that is in force."""
        until_s = self._until_s.get(credential)
        return self._callers[credential] if until_s is not None and now_s < until_s else None


class CredentialStore(Protocol):
    """Where credentials are kept (``stores.exchange_state.ExchangeState``)."""

    def credentials(self, customer: str | None = None) -> list[CredentialRow]: ...

    def credential(self, credential: str) -> CredentialRow | None: ...

    def add_credential(self, row: CredentialRow, replaces: str | None = None, until: str | None = None) -> None: ...

    def revoke_credential(self, credential: str, at: str) -> bool: ...


class CredentialDesk:
    """Issues, replaces and revokes credentials: used by the plant's pages and by the command line.

    Parameters
    ----------
    store
        The exchange's state.
    customers
        Ids of ``plant.toml``.
    clock
        Wall clock.
    random
        Gives unpredictable bytes (``os.urandom``).
    wait
        Sleeps some seconds (``time.sleep``): a revocation is acknowledged only when no exchange can still answer on the
        old knowledge.
    """

    def __init__(
        self,
        store: CredentialStore,
        customers: Collection[str],
        clock: Clock,
        random: Callable[[int], bytes],
        wait: Callable[[float], None],
    ) -> None:
        self._store, self._customers, self._clock = store, frozenset(customers), clock
        self._random, self._wait = random, wait

    def list(self, customer: str | None = None) -> list[CredentialRow]:
        """Credentials, oldest first, with those that have ended."""
        return self._store.credentials(customer)

    def issue_key(
        self,
        customer: str,
        name: str = "",
        scopes: Collection[str] = DEFAULT_SCOPES,
        *,
        days: float | None = None,
        test: bool = False,
    ) -> tuple[str, CredentialRow]:
        """A new API key: its text, which nobody can read again, and what is kept of it.

        Raises
        ------
        CustomerUnknownError, ScopeUnknownError, CredentialNameError, CredentialLimitError
        """
        text, key = new_api_key(self._random, test=test)
        row = self._row(key.id, customer, "api_key", name, scopes, days)
        row = msgspec.structs.replace(row, test=test, secret_sha256=key.secret_sha256)
        self._store.add_credential(row)
        return text, row

    def add_client(
        self,
        customer: str,
        jwk: Mapping[str, object],
        name: str = "",
        scopes: Collection[str] = DEFAULT_SCOPES,
        *,
        days: float | None = None,
    ) -> CredentialRow:
        """An OAuth client with this public key (Ed25519 or P-256); its id is the ``client_id``.

        Raises
        ------
        ClientKeyError, and those of :meth:`issue_key`
        """
        public = check_client_key(jwk)
        identifier = "client-" + base64.b32encode(self._random(ID_BYTES)).decode().lower()
        row = self._row(identifier, customer, "client", name, scopes, days)
        row = msgspec.structs.replace(row, jwk=public)
        self._store.add_credential(row)
        return row

    def rotate_key(self, credential: str, overlap_h: float = ROTATION_OVERLAP_H) -> tuple[str, CredentialRow]:
        """A new key in the place of an old one, which ends after the overlap.

        Raises
        ------
        CredentialMissingError
        """
        old = self._in_force(credential)
        if old.kind != "api_key":
            raise CredentialMissingError(credential=credential[:80])
        text, key = new_api_key(self._random, test=old.test)
        now = self._clock.now()
        row = msgspec.structs.replace(
            old, id=key.id, secret_sha256=key.secret_sha256, created_at=to_rfc3339(now), replaced_by=None
        )
        self._store.add_credential(row, old.id, to_rfc3339(now + timedelta(hours=max(0.0, overlap_h))))
        return text, row

    def rotate_client(
        self, credential: str, jwk: Mapping[str, object], overlap_h: float = ROTATION_OVERLAP_H
    ) -> CredentialRow:
        """Another client in the place of an old one, which ends after the overlap.

        Raises
        ------
        CredentialMissingError, ClientKeyError
        """
        old = self._in_force(credential)
        if old.kind != "client":
            raise CredentialMissingError(credential=credential[:80])
        now = self._clock.now()
        identifier = "client-" + base64.b32encode(self._random(ID_BYTES)).decode().lower()
        row = msgspec.structs.replace(
            old, id=identifier, jwk=check_client_key(jwk), created_at=to_rfc3339(now), replaced_by=None
        )
        self._store.add_credential(row, old.id, to_rfc3339(now + timedelta(hours=max(0.0, overlap_h))))
        return row

    def revoke(self, credential: str) -> CredentialRow:
        """End a credential; when this returns, no answer to it begins any more.

        Raises
        ------
        CredentialMissingError
        """
        row = self._store.credential(credential)
        if row is None:
            raise CredentialMissingError(credential=credential[:80])
        self._store.revoke_credential(credential, to_rfc3339(self._clock.now()))
        self._wait(GRACE_S)
        return self._store.credential(credential) or row

    def _in_force(self, credential: str) -> CredentialRow:
        row = self._store.credential(credential)
        if row is None or not is_in_force(row, self._clock.now()):
            raise CredentialMissingError(credential=credential[:80])
        return row

    def _row(
        self, identifier: str, customer: str, kind: str, name: str, scopes: Collection[str], days: float | None
    ) -> CredentialRow:
        if customer not in self._customers:
            raise CustomerUnknownError(customer=customer[:80], known=", ".join(sorted(self._customers))[:400] or "–")
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise ScopeUnknownError(scope=(unknown or ["–"])[0][:40], known=", ".join(SCOPES))
        if len(name) > NAME_MOST or not name.isprintable():
            raise CredentialNameError(limit=NAME_MOST)
        now = self._clock.now()
        if sum(is_in_force(row, now) for row in self._store.credentials(customer)) >= CREDENTIALS_PER_CUSTOMER:
            raise CredentialLimitError(customer=customer, limit=CREDENTIALS_PER_CUSTOMER)
        return CredentialRow(
            id=identifier,
            customer=customer,
            kind=kind,
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created_at=to_rfc3339(now),
            expires_at=None if days is None else to_rfc3339(now + timedelta(days=days)),
        )
