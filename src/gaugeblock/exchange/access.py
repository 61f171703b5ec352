"""Who is calling: what the exchange knows of credentials, and how old that knowledge is.

Another thread reads the credentials again whenever they changed (:meth:`Access.renew`); the gate looks them up in
memory. Nothing is served on a knowledge older than :data:`~gaugeblock.exchange.credentials.LEASE_S`, so that a
revocation that was acknowledged after a longer grace holds without exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gaugeblock.exchange.credentials import LEASE_S, Caller, CredentialBook
from gaugeblock.exchange.tokens import AccessTokens
from gaugeblock.plant.times import Clock
from gaugeblock.stores.exchange_state import CredentialRow


class AccessStore(Protocol):
    """Where credentials are kept."""

    def access_version(self) -> int: ...

    def credentials(self, customer: str | None = None) -> list[CredentialRow]: ...


class Access:
    """See the module.

    Parameters
    ----------
    store
        Read by :meth:`renew` only.
    tokens
        Reads access tokens.
    clock
        Wall clock.
    monotonic_s
        Steady clock, for the age.
    """

    def __init__(
        self, store: AccessStore, tokens: AccessTokens, clock: Clock, monotonic_s: Callable[[], float]
    ) -> None:
        self._store, self.tokens, self._clock, self._monotonic_s = store, tokens, clock, monotonic_s
        self._version = -1
        self.book = CredentialBook([])
        self._read_at_s = float("-inf")

    def renew(self) -> None:
        """Read what changed. Blocks; to be called several times a :data:`LEASE_S` by one thread.

        Raises
        ------
        GaugeblockError
            The store does not answer: the knowledge grows older, and then nothing is served.
        """
        begun_s = self._monotonic_s()
        version = self._store.access_version()
        if version != self._version:
            self.book = CredentialBook(self._store.credentials())
            self._version = version
        self._read_at_s = begun_s

    @property
    def version(self) -> int:
        """Changes with the credentials."""
        return self._version

    def is_fresh(self) -> bool:
        """Whether the knowledge is young enough to serve on."""
        return self._monotonic_s() - self._read_at_s < LEASE_S

    def of_bearer(self, text: str, now_s: float) -> Caller | None:
        """The caller behind an API key or an access token."""
        if text.startswith("gbk_"):
            return self.book.of_key(text, now_s)
        read = self.tokens.read(text, now_s)
        if read is None:
            return None
        client, scopes = read
        known = self.book.caller(client, now_s)
        # A token never carries more than its client has now.
        return None if known is None else Caller(known.customer, client, known.scopes & scopes, known.test)

    def holds(self, caller: Caller, now_s: float) -> bool:
        """Whether the credential is still in force."""
        return caller.session is not None or self.book.caller(caller.credential, now_s) is not None
