from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from gaugeblock.ledger.cosignature import Witness, cosign, verify_cosignature, witness_key
from gaugeblock.ledger.errors import (
    CheckpointFormError,
    ConsistencyError,
    KeyFormError,
    NoteFormError,
    NoteSignatureError,
    RollbackError,
    SizeLimitError,
    WitnessMissingError,
)
from gaugeblock.ledger.merkle import consistency_proof, leaf_hash, reader_of, root_of
from gaugeblock.ledger.note import COSIGNATURE_V1, ED25519, NoteKey, open_note, read_note, sign_note
from gaugeblock.plant.errors import GaugeblockError

NAME = "plant.example/log"
LEAVES = [leaf_hash(bytes([n])) for n in range(40)]
UNIX_S = 1_795_323_600


def checkpoint_of(size: int, leaves: list[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(NAME, size, root_of(leaves[:size]))


@pytest.fixture(scope="module")
def note(kit: Any) -> bytes:
    return sign_checkpoint(checkpoint_of(40), kit.key("log"))


@pytest.fixture(scope="module")
def log(kit: Any) -> NoteKey:
    return NoteKey(NAME, kit.key("log").public)


def test_the_published_example_of_the_go_note_package() -> None:
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    key = NoteKey.from_vkey(vkey)
    assert key.vkey == vkey
    assert open_note(f"{text}\n{signature}".encode(), [key]).text == text


def test_checkpoint_round_trip(kit: Any, note: bytes, log: NoteKey) -> None:
    assert open_checkpoint(note, log) == checkpoint_of(40)
    extended = Checkpoint(NAME, 3, bytes(32), ("one", "two 二"))
    assert open_checkpoint(sign_checkpoint(extended, kit.key("log")), log) == extended


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_a_flipped_bit_in_a_note_is_found_and_named(note: bytes, log: NoteKey, data: st.DataObject) -> None:
    altered = bytearray(note)
    altered[data.draw(st.integers(0, len(note) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((NoteFormError, NoteSignatureError)):
        open_checkpoint(bytes(altered), log)


def test_other_keys_and_names_do_not_open_it(kit: Any, note: bytes) -> None:
    for key in (
        NoteKey(NAME, kit.key("other").public),
        NoteKey("other.example/log", kit.key("log").public),
        NoteKey(NAME, kit.key("log").public, COSIGNATURE_V1),
    ):
        with pytest.raises(NoteSignatureError):
            open_checkpoint(note, key)


def test_a_note_for_another_origin_by_the_same_key_is_refused(kit: Any, log: NoteKey) -> None:
    text = Checkpoint("other.example/log", 1, bytes(32)).text()
    with pytest.raises(CheckpointFormError):
        open_checkpoint(sign_note(text, NAME, kit.key("log")), log)


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n1\nAAAA\n",
        "o\n1\n" + "A" * 42 + "B=\n",
        "o\n99999999999999999\n" + "A" * 43 + "=\n",
        "o\n9999999999999999\n" + "A" * 43 + "=\n",
        "o\n１\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=\n\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=",
    ],
)
def test_texts_that_are_no_checkpoints(text: str) -> None:
    with pytest.raises(CheckpointFormError):
        Checkpoint.from_text(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"\n\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        "text\n\n— name\n".encode(),
        "text\n\n— name AAAA\n".encode(),
        "text\n\n— na+me AAAAAAAA\n".encode(),
        "text\n\n— name AAAAAAAB==\n".encode(),
        "text\n\n— name AAAAAAAA".encode(),
        "te\txt\n\n— name AAAAAAAA\n".encode(),
        "te\0xt\n\n— name AAAAAAAA\n".encode(),
        b"\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
    ],
)
def test_bytes_that_are_no_notes(raw: bytes) -> None:
    with pytest.raises(NoteFormError):
        read_note(raw)


def test_note_limits(kit: Any, note: bytes, log: NoteKey) -> None:
    with pytest.raises(SizeLimitError):
        read_note(b"x" * 70_000)
    with pytest.raises(SizeLimitError):
        sign_note("x" * 65_530 + "\n", NAME, kit.key("log"))
    line = note.rpartition(b"\n\n")[2]
    with pytest.raises(SizeLimitError):
        read_note(note + line * 64)
    with pytest.raises(NoteFormError):
        open_checkpoint(note + line, log)
    for text in ("no line feed", "tab\there\n"):
        with pytest.raises(NoteFormError):
            sign_note(text, NAME, kit.key("log"))
    for name in ("", "a b", "a+b", "x" * 201, "a\u2028b"):
        with pytest.raises(NoteFormError):
            sign_note("text\n", name, kit.key("log"))
    with pytest.raises(CheckpointFormError):
        sign_checkpoint(Checkpoint(NAME, 1, bytes(32), ("two\nlines",)), kit.key("log"))


def test_signatures_of_unknown_keys_are_ignored(kit: Any, note: bytes, log: NoteKey) -> None:
    assert open_checkpoint(note + "— someone/else AAAAAAAAAAAA\n".encode(), log).size == 40


def test_vkeys_are_read_strictly(kit: Any, log: NoteKey) -> None:
    vkey = log.vkey
    assert NoteKey.from_vkey(vkey + "\n") == log
    name, key_hash, body = vkey.split("+", 2)
    for text in (
        "",
        name,
        f"{name}+{key_hash}",
        f"{name}+00000000+{body}",
        f"{name}x+{key_hash}+{body}",
        f"{name}+{key_hash}+{body[:-4]}",
        f"{name}+{key_hash.upper()}+{body}" if key_hash.upper() != key_hash else f"+{key_hash}+{body}",
        f"{name}+{key_hash}+é",
        "x" * 600,
        NoteKey(NAME, kit.key("log").public, COSIGNATURE_V1).vkey,
    ):
        with pytest.raises(KeyFormError):
            NoteKey.from_vkey(text, ED25519)


def test_cosignatures(kit: Any, note: bytes, log: NoteKey) -> None:
    first, second = (witness_key(f"w{n}.example", kit.key(f"w{n}")) for n in (1, 2))
    cosigned = cosign(cosign(note, "w1.example", kit.key("w1"), UNIX_S), "w2.example", kit.key("w2"), UNIX_S + 1)
    assert open_checkpoint(cosigned, log).size == 40
    assert verify_cosignature(cosigned, first) == UNIX_S
    assert verify_cosignature(cosigned, second) == UNIX_S + 1
    for absent in (
        witness_key("w3.example", kit.key("w3")),
        witness_key("w1.example", kit.key("w2")),
        NoteKey("w1.example", kit.key("w1").public, ED25519),
    ):
        with pytest.raises(WitnessMissingError):
            verify_cosignature(cosigned, absent)
    for unix_s in (0, -1, 2**60):
        with pytest.raises(NoteFormError):
            cosign(note, "w1.example", kit.key("w1"), unix_s)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_flipped_bit_in_a_cosigned_note_is_found(kit: Any, note: bytes, data: st.DataObject) -> None:
    witness = witness_key("w1.example", kit.key("w1"))
    altered = bytearray(cosign(note, "w1.example", kit.key("w1"), UNIX_S))
    position = data.draw(st.integers(0, len(altered) - 1))
    altered[position] ^= 1 << data.draw(st.integers(0, 7))
    log = NoteKey(NAME, kit.key("log").public)

    def check() -> None:
        # The log's own line is checked by the log's key, the text and its line by the witness's.
        open_checkpoint(bytes(altered), log)
        verify_cosignature(bytes(altered), witness)

    with pytest.raises(GaugeblockError):
        check()


def test_a_witness_follows_growth_and_refuses_two_histories(kit: Any, log: NoteKey) -> None:
    witness = Witness("w1.example", kit.key("w1"), log)
    read = reader_of(LEAVES)
    seen = 0
    for size in (3, 3, 17, 40):
        signed = sign_checkpoint(checkpoint_of(size), kit.key("log"))
        cosigned = witness.cosign(signed, consistency_proof(read, seen, size), UNIX_S + size)
        assert verify_cosignature(cosigned, witness_key("w1.example", kit.key("w1"))) == UNIX_S + size
        seen = size
    with pytest.raises(RollbackError):
        witness.cosign(sign_checkpoint(checkpoint_of(17), kit.key("log")), [], UNIX_S)
    forked = [*LEAVES[:5], leaf_hash(b"fork"), *LEAVES[6:], LEAVES[0]]
    for size in (40, 41):
        fork = sign_checkpoint(checkpoint_of(size, forked), kit.key("log"))
        with pytest.raises(ConsistencyError):
            witness.cosign(fork, consistency_proof(reader_of(forked), 40, size), UNIX_S)
    with pytest.raises(NoteSignatureError):
        witness.cosign(sign_checkpoint(checkpoint_of(40), kit.key("thief")), [], UNIX_S)
    assert witness.seen == checkpoint_of(40)
