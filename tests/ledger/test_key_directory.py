from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gaugeblock.ledger import key_records
from gaugeblock.ledger.admission import admit
from gaugeblock.ledger.errors import (
    AuthorMismatchError,
    CrossSignatureError,
    EntityHasKeyError,
    GenesisError,
    IndexOrderError,
    KeyFormError,
    KeyReusedError,
    KeyStatementError,
    NotServerKeyError,
    RevocationAuthorityError,
    RevokedKeyError,
    SignatureError,
    ThumbprintMismatchError,
    UnknownKeyError,
)
from gaugeblock.ledger.key_directory import SERVER, KeyDirectory
from gaugeblock.ledger.record import sign_record
from gaugeblock.plant.record_types import KeyStatement, KeySubject


def attempt(log: Any, kit: Any, draft: Any, key: Any) -> None:
    """Sign and submit; nothing of the log may change where it is refused."""
    before = (len(log.records), log.directory.next_index, log.directory.keys())
    try:
        log.sign_and_append(draft, key)
    except Exception:
        assert (len(log.records), log.directory.next_index, log.directory.keys()) == before
        raise


def key_draft(kit: Any, kind: str, author: str, entity: str, thumbprint: str, **statement: Any) -> Any:
    return kit.draft(
        0,
        record_type=f"key.{kind}",
        author=author,
        identity=f"{kind}/{thumbprint}/{len(statement)}",
        facets={
            "subject": KeySubject(entity=entity, thumbprint=thumbprint),
            "statement": KeyStatement(**statement),
        },
    )


def test_life_of_a_key(kit: Any) -> None:
    log = kit.log()
    old, new = kit.key("station"), kit.key("station 2")
    first = log.sign_and_append(kit.draft(1), old)
    turn = log.rotate(kit.station, old, new)
    with pytest.raises(RevokedKeyError) as refused:
        attempt(log, kit, kit.draft(2), old)
    assert refused.value.facts["index"] == turn
    log.sign_and_append(kit.draft(3), new)
    end = log.revoke(SERVER, log.server, kit.station, new)
    with pytest.raises(RevokedKeyError):
        attempt(log, kit, kit.draft(4), new)
    back = log.bind(kit.station, kit.key("station 3"))
    log.sign_and_append(kit.draft(5), kit.key("station 3"))
    bound = [log.directory.key_for(k.public.thumbprint) for k in (old, new, kit.key("station 3"))]
    assert [(b.bound_at_index, b.revoked_at_index) for b in bound] == [(1, turn), (turn, end), (back, None)]
    assert bound[0].in_force_at(first)
    assert bound[0].in_force_at(turn)
    assert not bound[0].in_force_at(turn + 1)
    assert not bound[1].in_force_at(turn)
    assert log.directory.chain(old.public.thumbprint) == [0, 1, turn]
    assert log.directory.chain(new.public.thumbprint) == [0, 1, turn, end]
    current = log.directory.current(kit.station)
    assert current is not None
    assert current.key == kit.key("station 3").public
    assert log.directory.current("person:nobody") is None


def test_the_server_key_rotates_and_old_bindings_stand(kit: Any) -> None:
    log = kit.log()
    old = log.server
    turn = log.rotate(SERVER, old, kit.key("server 2"))
    log.sign_and_append(kit.draft(1), kit.key("station"))
    log.bind("person:li.wei", kit.key("li.wei"))
    with pytest.raises(RevokedKeyError):
        attempt(
            log,
            kit,
            key_records.binding(
                SERVER, "person:b", kit.key("b").public, log=kit.origin, stated_at=kit.now, clock=kit.clock
            ),
            old,
        )
    assert log.directory.chain(kit.key("li.wei").public.thumbprint) == [0, turn, turn + 2]
    # The chain of a key that a later server key revoked holds that server key's origin too.
    end = log.revoke(SERVER, log.server, kit.station, kit.key("station"))
    assert log.directory.chain(kit.key("station").public.thumbprint) == [0, 1, turn, end]


def test_an_entity_may_revoke_its_own_key(kit: Any) -> None:
    log = kit.log()
    log.revoke(kit.station, kit.key("station"), kit.station, kit.key("station"))
    with pytest.raises(RevokedKeyError):
        attempt(log, kit, kit.draft(1), kit.key("station"))
    log.revoke(SERVER, log.server, SERVER, log.server)
    with pytest.raises(RevokedKeyError):
        log.bind("person:late", kit.key("late"))


def test_who_may_not(kit: Any) -> None:
    log = kit.log()
    log.bind("person:li.wei", kit.key("li.wei"))
    li, station = kit.key("li.wei"), kit.key("station")
    options = {"log": kit.origin, "stated_at": kit.now, "clock": kit.clock}
    third = kit.key("third").public
    cases: list[tuple[type[Exception], Any, Any]] = [
        (NotServerKeyError, key_records.binding("person:li.wei", "person:x", third, **options), li),
        (AuthorMismatchError, key_records.binding(SERVER, "person:x", third, **options), li),
        (UnknownKeyError, key_records.binding(SERVER, "person:x", third, **options), kit.key("thief")),
        (EntityHasKeyError, key_records.binding(SERVER, kit.station, third, **options), log.server),
        (KeyReusedError, key_records.binding(SERVER, "person:x", station.public, **options), log.server),
        (
            RevocationAuthorityError,
            key_records.revocation("person:li.wei", kit.station, station.public.thumbprint, **options),
            li,
        ),
        (AuthorMismatchError, key_records.revocation(SERVER, "person:x", li.public.thumbprint, **options), log.server),
        (UnknownKeyError, key_records.revocation(SERVER, "person:x", third.thumbprint, **options), log.server),
        (CrossSignatureError, key_records.binding(SERVER, "person:x", third, possession="AAAA", **options), log.server),
        (CrossSignatureError, key_records.binding(SERVER, "person:x", third, possession="é", **options), log.server),
    ]  # fmt: skip
    for error, draft, key in cases:
        with pytest.raises(error):
            attempt(log, kit, draft, key)


def test_possession_may_be_shown_at_binding(kit: Any) -> None:
    log = kit.log()
    possession = key_records.hand_over(kit.origin, "person:b", "", kit.key("b"))
    log.bind("person:b", kit.key("b"), possession=possession)
    with pytest.raises(CrossSignatureError):
        log.bind("person:c", kit.key("c"), possession=possession)


def test_rotations_that_are_none(kit: Any) -> None:
    log = kit.log()
    log.bind("person:li.wei", kit.key("li.wei"))
    old, new = kit.key("station"), kit.key("station 2")
    options = {"log": kit.origin, "stated_at": kit.now, "clock": kit.clock}

    def rotation(entity: str, cross: str, predecessor: Any = old, successor: Any = new) -> Any:
        return key_records.rotation(entity, predecessor.public, successor.public, cross, **options)

    good = key_records.hand_over(kit.origin, kit.station, old.public.thumbprint, new)
    by_the_old_key = key_records.hand_over(kit.origin, kit.station, old.public.thumbprint, old)
    other_log = key_records.hand_over("other.example/log", kit.station, old.public.thumbprint, new)
    for cross in ("", by_the_old_key, other_log):
        with pytest.raises(CrossSignatureError):
            attempt(log, kit, rotation(kit.station, cross), old)
    with pytest.raises(ThumbprintMismatchError):
        attempt(log, kit, rotation(kit.station, good, predecessor=kit.key("li.wei")), old)
    with pytest.raises(AuthorMismatchError):
        attempt(log, kit, replace(rotation("person:li.wei", good), author=kit.station), old)
    with pytest.raises(KeyReusedError):
        attempt(log, kit, rotation(kit.station, good, successor=old), old)
    with pytest.raises(UnknownKeyError):
        attempt(log, kit, rotation(kit.station, good), new)
    attempt(log, kit, rotation(kit.station, good), old)


@pytest.mark.parametrize(
    ("kind", "statement", "error"),
    [
        ("binding", {"action": "revoke"}, KeyStatementError),
        ("binding", {"action": "bind"}, KeyStatementError),
        ("binding", {"action": "bind", "jwk": {}}, KeyFormError),
        ("binding", {"action": "bind", "jwk": {"kty": "OKP"}, "predecessor": "x"}, KeyStatementError),
        ("rotation", {"action": "rotate", "jwk": {}}, KeyStatementError),
        ("revocation", {"action": "revoke", "jwk": {}}, KeyStatementError),
        ("revocation", {"action": "revoke", "cross_signature": "x"}, KeyStatementError),
    ],
)
def test_key_records_with_members_too_many_or_too_few(
    kit: Any, kind: str, statement: dict[str, Any], error: type[Exception]
) -> None:
    log = kit.log()
    with pytest.raises(error):
        attempt(log, kit, key_draft(kit, kind, SERVER, "person:x", "A" * 43, **statement), log.server)


def test_the_thumbprint_must_be_that_of_the_key(kit: Any) -> None:
    log = kit.log()
    draft = key_draft(kit, "binding", SERVER, "person:x", "A" * 43, action="bind", jwk=kit.key("x").public.to_jwk())
    with pytest.raises(ThumbprintMismatchError):
        attempt(log, kit, draft, log.server)


def test_genesis(kit: Any) -> None:
    options = {"log": kit.origin, "stated_at": kit.now, "clock": kit.clock}
    server, other = kit.key("server"), kit.key("other")

    def first(draft: Any, key: Any) -> None:
        record = sign_record(draft, key, kit.salt("g"))
        admitted = admit(record.jws, record.disclosures, KeyDirectory(), kit.origin)
        KeyDirectory().apply(0, admitted.payload, admitted.facets)

    first(key_records.binding(SERVER, SERVER, server.public, **options), server)
    with pytest.raises(GenesisError):
        first(kit.draft(1), kit.key("station"))
    with pytest.raises(GenesisError):
        first(key_records.binding(kit.station, kit.station, other.public, **options), other)
    with pytest.raises(GenesisError):
        first(key_records.binding(SERVER, SERVER, server.public, **options), other)
    record = sign_record(key_records.binding(SERVER, SERVER, server.public, **options), server, kit.salt("g"))
    altered = record.jws[:-2] + (b"AA" if record.jws[-2:] != b"AA" else b"QQ")
    with pytest.raises(SignatureError):
        admit(altered, record.disclosures, KeyDirectory(), kit.origin)


def test_records_are_folded_in_order(kit: Any, small_log: Any) -> None:
    record = small_log.records[5]
    admitted = admit(record.jws, record.disclosures, small_log.directory, kit.origin)
    directory = small_log.directory.copy()
    with pytest.raises(IndexOrderError):
        directory.apply(5, admitted.payload, admitted.facets)
    directory.apply(500, admitted.payload, admitted.facets)
    assert directory.next_index == 501
    assert small_log.directory.next_index == len(small_log.records)


ENTITIES = ["station:A", "station:B", "person:C"]


class KeyLife(RuleBasedStateMachine):
    """Whatever is bound, rotated and revoked in whatever order, one entity has at most one key in force."""

    kit: Any

    @initialize()
    def begin(self) -> None:
        self.log = self.kit.log()
        self.number = 0
        self.keys: dict[str, Any] = {}
        self.gone: list[tuple[str, Any]] = []

    def _new_key(self) -> Any:
        self.number += 1
        return self.kit.key(f"life {self.number}")

    @rule(entity=st.sampled_from(ENTITIES))
    def bind(self, entity: str) -> None:
        key = self._new_key()
        if entity in self.keys:
            with pytest.raises(EntityHasKeyError):
                self.log.bind(entity, key)
        else:
            self.log.bind(entity, key)
            self.keys[entity] = key

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def rotate(self, data: Any) -> None:
        entity = data.draw(st.sampled_from(sorted(self.keys)))
        new = self._new_key()
        self.log.rotate(entity, self.keys[entity], new)
        self.gone.append((entity, self.keys[entity]))
        self.keys[entity] = new

    @rule()
    def rotate_server(self) -> None:
        self.gone.append((SERVER, self.log.server))
        self.log.rotate(SERVER, self.log.server, self._new_key())

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), by_itself=st.booleans())
    def revoke(self, data: Any, by_itself: bool) -> None:
        entity = data.draw(st.sampled_from(sorted(self.keys)))
        key = self.keys.pop(entity)
        author, signer = (entity, key) if by_itself else (SERVER, self.log.server)
        self.log.revoke(author, signer, entity, key)
        self.gone.append((entity, key))

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def gone_keys_say_nothing_more(self, data: Any) -> None:
        entity, key = data.draw(st.sampled_from(self.gone))
        with pytest.raises(RevokedKeyError):
            self.log.sign_and_append(self.kit.draft(self.number, author=entity), key)

    @rule(entity=st.sampled_from(ENTITIES))
    def state(self, entity: str) -> None:
        if entity in self.keys:
            self.number += 1
            self.log.sign_and_append(self.kit.draft(self.number, author=entity), self.keys[entity])

    @invariant()
    def the_directory_is_what_the_log_says(self) -> None:
        in_force = [bound for bound in self.log.directory.keys() if bound.revoked_at_index is None]  # noqa: SIM118
        assert {b.entity: b.key for b in in_force} == {
            SERVER: self.log.server.public,
            "station:L1-ST10": self.kit.key("station").public,
            **{entity: key.public for entity, key in self.keys.items()},
        }
        assert len(in_force) == len({b.entity for b in in_force})
        replayed = KeyDirectory()
        for index, record in enumerate(self.log.records):
            admitted = admit(record.jws, record.disclosures, replayed, self.log.origin)
            replayed.apply(index, admitted.payload, admitted.facets)
        assert replayed.keys() == self.log.directory.keys()
        for bound in replayed.keys():  # noqa: SIM118
            chain = replayed.chain(bound.key.thumbprint)
            assert chain[0] == 0
            assert bound.bound_at_index in chain


def test_key_life(kit: Any) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Life", (KeyLife,), {"kit": kit})
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=12, deadline=None))
