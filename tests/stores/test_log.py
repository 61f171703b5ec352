"""One suite for every kind of log: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from gaugeblock.ledger.checkpoint import open_checkpoint
from gaugeblock.ledger.errors import (
    DisclosureError,
    ForeignLogError,
    MissingDisclosureError,
    RecordFormError,
    RevokedKeyError,
    SignatureError,
    TileFormError,
    UnknownKeyError,
)
from gaugeblock.ledger.key_records import revocation
from gaugeblock.ledger.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.record import ClockState, sign_record
from gaugeblock.ledger.tiles import decode_bundle
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.stores.errors import (
    CheckpointPendingError,
    IdentityConflictError,
    LogClosedError,
    RecordMissingError,
    TileMissingError,
)
from gaugeblock.stores.log import Receipt, Submission


def fill(log: Any, author: Any, count: int) -> list[Submission]:
    sent = [author.bind(), *(author.verdict(n) for n in range(count))]
    outcomes = log.append(sent)
    assert all(isinstance(outcome, Receipt) and not outcome.duplicate for outcome in outcomes)
    return sent


def test_a_new_log_begins_with_the_servers_own_key(log: Any, author: Any) -> None:
    assert log.size == 1
    genesis = log.directory.current("server:plant")
    assert genesis.key == author.server_key.public
    assert genesis.bound_at_index == 0
    checkpoint = open_checkpoint(log.checkpoint(), NoteKey(author.origin, author.log_key.public))
    assert (checkpoint.size, checkpoint.root) == (1, leaf_hash(log.record(0).jws))


def test_records_come_out_as_they_went_in(log: Any, author: Any, clock: Any) -> None:
    clock.forward(7)
    sent = fill(log, author, 300)
    assert log.size == 302
    stored = list(log.records(1, 1000))
    assert [record.index for record in stored] == list(range(1, 302))
    assert [record.jws for record in stored] == [submission.jws for submission in sent]
    assert [dict(record.disclosures) for record in stored] == [dict(s.disclosures) for s in sent]
    assert stored[5].received_at == "2026-11-22T05:00:07.000000Z"
    assert log.record(42).jws == sent[41].jws
    assert log.find(author.station, "1/17") == 19
    assert log.find(author.station, "1/999") is None


def test_a_record_that_is_not_there_is_named(log: Any) -> None:
    for index in (-1, 1, 10**6):
        with pytest.raises(RecordMissingError) as caught:
            log.record(index)
        assert caught.value.facts == {"index": index, "size": 1}


def test_a_second_delivery_changes_nothing(log: Any, author: Any) -> None:
    sent = fill(log, author, 5)
    again = log.append([sent[3], author.verdict(5), sent[0], sent[3]])
    assert [(r.index, r.duplicate) for r in again] == [(4, True), (7, False), (1, True), (4, True)]
    assert again[0].leaf_hash == leaf_hash(sent[3].jws).hex()
    assert log.size == 8


def test_a_record_twice_in_one_batch_is_one_record(log: Any, author: Any) -> None:
    record = author.verdict(1)
    _, one, two = log.append([author.bind(), record, record])
    assert (one.index, one.duplicate, two.index, two.duplicate) == (2, False, 2, True)
    assert log.size == 3


def test_the_same_identity_with_other_bytes_is_a_conflict(log: Any, author: Any) -> None:
    fill(log, author, 3)
    (outcome,) = log.append([author.verdict(1, verdict="NOK")])
    assert isinstance(outcome, IdentityConflictError)
    assert outcome.facts == {"author": author.station, "identity": "1/1", "index": 3}
    assert log.size == 5


def test_a_refusal_harms_only_its_own_record(log: Any, author: Any) -> None:
    fill(log, author, 1)
    good = author.verdict(10)
    unsigned = Submission(good.jws[:-8] + b"AAAAAAAA", good.disclosures)
    altered = {**good.disclosures, "subject": good.disclosures["subject"][:-2] + "AA"}
    withheld = {name: text for name, text in good.disclosures.items() if name != "inputs"}
    batch = [
        author.verdict(2),
        unsigned,
        Submission(good.jws, altered),
        Submission(good.jws, withheld),
        author.verdict(3, key=author.other_key),
        author.verdict(4, origin="elsewhere.example/log"),
        Submission(b"not a record", {}),
        author.verdict(5),
    ]
    outcomes = log.append(batch)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [
        Receipt,
        SignatureError,
        DisclosureError,
        MissingDisclosureError,
        UnknownKeyError,
        ForeignLogError,
        RecordFormError,
        Receipt,
    ]
    assert (outcomes[0].index, outcomes[-1].index, log.size) == (3, 4, 5)


def test_a_key_counts_from_its_binding_to_its_revocation(log: Any, author: Any) -> None:
    before, after = author.verdict(0), author.verdict(1)
    draft = revocation(
        "server:plant",
        author.station,
        author.station_key.public.thumbprint,
        log=author.origin,
        stated_at=author.stated_at,
        clock=ClockState("local", None),
    )
    signed = sign_record(draft, author.server_key, lambda n: bytes(n))
    end = Submission(signed.jws, signed.disclosures)
    early, bound, first, ended, late = log.append([author.verdict(9), author.bind(), before, end, after])
    assert isinstance(early, UnknownKeyError)
    assert [bound.index, first.index, ended.index] == [1, 2, 3]
    assert isinstance(late, RevokedKeyError)
    # What was delivered while the key was good is still a duplicate, not a refusal.
    (again,) = log.append([before])
    assert (again.index, again.duplicate) == (2, True)
    assert [record.index for record in log.reader.key_records()] == [0, 1, 3]


def test_a_key_record_that_conflicts_does_not_bind(log: Any, author: Any) -> None:
    log.append([author.bind()])
    bind_other = author.bind("station:L1-ST20", author.other_key)
    assert isinstance(log.append([bind_other])[0], Receipt)
    again = author.bind("station:L1-ST20", author.other_key)  # same identity, other salts
    (outcome,) = log.append([again])
    assert not isinstance(outcome, Receipt)
    assert log.size == 3


def test_checkpoints_prove_every_record(log: Any, author: Any) -> None:
    fill(log, author, 600)
    first = open_checkpoint(log.sign_checkpoint(), NoteKey(author.origin, author.log_key.public))
    log.append([author.verdict(n) for n in range(1000, 1100)])
    second = open_checkpoint(log.sign_checkpoint(), NoteKey(author.origin, author.log_key.public))
    leaves = [record.leaf_hash for record in log.records(0, log.size)]
    assert (first.size, second.size) == (602, 702)
    assert first.root == root_of(leaves[:602])
    assert second.root == root_of(leaves)
    reader = log.reader
    for index in (0, 1, 255, 256, 511, 601):
        assert verify_inclusion(leaves[index], index, 702, reader.inclusion(index, 702), second.root)
    assert verify_consistency(602, 702, reader.consistency(602, 702), first.root, second.root)


def test_a_checkpoint_of_an_unchanged_log_is_the_same(log: Any, author: Any) -> None:
    fill(log, author, 2)
    assert log.sign_checkpoint() == log.sign_checkpoint() == log.checkpoint()


def test_tiles_are_served_full_and_partial(log: Any, author: Any) -> None:
    sent = fill(log, author, 300)
    leaves = [record.leaf_hash for record in log.records(0, log.size)]
    assert log.tile("tile/0/000") == b"".join(leaves[:256])
    assert log.tile("tile/0/001.p/46") == b"".join(leaves[256:302])
    assert log.tile("tile/0/001.p/7") == b"".join(leaves[256:263])
    assert log.tile("tile/1/000.p/1") == root_of(leaves[:256])
    assert decode_bundle(log.tile("tile/entries/001.p/46")) == [s.jws for s in sent[255:]]
    for path in ("tile/0/001.p/47", "tile/0/002.p/1", "tile/0/001", "tile/1/000.p/2", "tile/entries/001"):
        with pytest.raises(TileMissingError):
            log.tile(path)
    with pytest.raises(TileFormError):
        log.tile("tile/0/../../etc")


def test_evidence_convinces_a_stranger(log: Any, author: Any) -> None:
    fill(log, author, 20)
    with pytest.raises(CheckpointPendingError) as caught:
        log.evidence(10)
    assert caught.value.facts == {"index": 10, "checkpoint_size": 1}
    with pytest.raises(RecordMissingError):
        log.evidence(10**6)
    log.sign_checkpoint()
    whole = log.evidence(10)
    result = verify_evidence(whole, log.reader.log_key)
    assert result.ok, result.failed
    assert set(result.facets) == {"subject", "statement", "measurement", "process", "inputs"}
    partial = verify_evidence(log.evidence(10, {"statement"}), log.reader.log_key)
    assert partial.ok
    assert set(partial.facets) == {"statement"}
    with pytest.raises(DisclosureError):
        log.evidence(10, {"price"})
    assert not verify_evidence(whole.replace(b'"index":10', b'"index":11'), log.reader.log_key).ok


def test_a_closed_log_takes_nothing(log: Any, author: Any) -> None:
    log.close()
    with pytest.raises(LogClosedError):
        log.append([author.bind()])
