"""Statements that this process signs: as the server, and on behalf of people who are signed in.

A person's key is made when the person first states something, is kept beside the server's (see ``keyring``), and is
bound to ``person:<name>`` by the server with a proof of possession. So a record says *who* decided, and rotating or
revoking one person's key touches nobody else. What it does not prove: that the person, and not somebody with the
server's files, pressed the button. People who need that hold a key of their own and submit signed records.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Protocol

from gaugeblock.ledger.key_directory import SERVER, KeyDirectory
from gaugeblock.ledger.key_records import binding, hand_over
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.log_records import Receipt, Submission

WAIT_S = 30.0


class FindableLog(Protocol):
    """What is needed of a log: its name, who may sign, and where a record is."""

    @property
    def origin(self) -> str: ...

    @property
    def directory(self) -> KeyDirectory: ...

    def find(self, author: str, identity: str) -> int | None:
        """The index of the record with this identity."""
        ...


class Keys(Protocol):
    """Private keys by entity: a keyring, or a dictionary in tests."""

    def load_or_create(self, entity: str) -> SigningKey:
        """The entity's key, made now when there is none."""
        ...


class MemoryKeys:
    """Keys that end with the process.

    >>> keys = MemoryKeys()
    >>> keys.load_or_create("person:li.wei") is keys.load_or_create("person:li.wei")
    True
    """

    def __init__(self, keys: Mapping[str, SigningKey] | None = None) -> None:
        self._keys = dict(keys or {})

    def load_or_create(self, entity: str) -> SigningKey:
        """See :class:`Keys`."""
        return self._keys.setdefault(entity, SigningKey.generate())


class SignedStatements:
    """Signs and appends; returns when the record is durable.

    Parameters
    ----------
    log
        Where the record goes.
    submit
        The way to its writer.
    keys
        The server's key is there; others are made when they are needed.
    clock, clock_state
        Time, and how far it is to be trusted.

    Examples
    --------
    >>> from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
    >>> from gaugeblock.stores.clock import SystemClock
    >>> from gaugeblock.stores.log_writer import LogWriter
    >>> from gaugeblock.stores.memory import MemoryLog
    >>> server, clock = SigningKey.generate(), SystemClock()
    >>> log = MemoryLog("plant.example/log", SigningKey.generate(), clock, server)
    >>> with LogWriter(log) as writer:
    ...     people = SignedStatements(log, writer.submit, MemoryKeys({SERVER: server}), clock)
    ...     facets = {"subject": ReviewSubject("ST10", 7), "statement": ReviewStatement("good")}
    ...     people.state("person:li.wei", "inspection.review", "7/1", facets)
    2
    """

    def __init__(
        self,
        log: FindableLog,
        submit: Callable[[Submission], Future[Receipt]],
        keys: Keys,
        clock: Clock,
        clock_state: Callable[[], ClockState] = lambda: ClockState("unknown", None),
    ) -> None:
        self._log, self._submit, self._keys = log, submit, keys
        self._clock, self._clock_state = clock, clock_state
        self._lock = threading.Lock()

    def state(
        self,
        author: str,
        record_type: str,
        identity: str,
        facets: Mapping[str, Facet],
        observed_at: str | None = None,
    ) -> int:
        """Sign a record in its type's newest version and wait until it is durable; its index in the log.

        Stating the same identity again gives the first record's index and changes nothing.

        Raises
        ------
        GaugeblockError
            What admission refuses, and a log that takes nothing now.
        """
        found = self._log.find(author, identity)
        if found is not None:
            return found
        key = self._key(author)
        stated_at = to_rfc3339(self._clock.now())
        draft = Draft(
            record_type=record_type,
            version=LATEST[record_type],
            author=author,
            identity=identity,
            log=self._log.origin,
            stated_at=stated_at,
            observed_at=observed_at or stated_at,
            clock=self._clock_state(),
            facets=facets,
        )
        return self._append(draft, key).index

    def _key(self, author: str) -> SigningKey:
        # One at a time: two first statements of one person must not bind two keys.
        with self._lock:
            key = self._keys.load_or_create(author)
            bound = self._log.directory.current(author)
            if bound is None or bound.key != key.public:
                stated_at = to_rfc3339(self._clock.now())
                introduction = binding(
                    SERVER,
                    author,
                    key.public,
                    log=self._log.origin,
                    stated_at=stated_at,
                    clock=self._clock_state(),
                    possession=hand_over(self._log.origin, author, "", key),
                )
                self._append(introduction, self._keys.load_or_create(SERVER))
            return key

    def _append(self, draft: Draft, key: SigningKey) -> Receipt:
        signed = sign_record(draft, key, os.urandom)
        return self._submit(Submission(signed.jws, signed.disclosures)).result(WAIT_S)
