"""Witnesses: others who saw that the log only ever grew, and say so with a time.

A witness remembers the last checkpoint it cosigned and cosigns a later one only with a consistency proof
between the two. Whoever trusts one witness knows that the log's owner cannot show two histories.

Source: C2SP tlog-cosignature, version 1 (Ed25519, signature type 0x04).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gaugeblock.ledger.checkpoint import Checkpoint, open_checkpoint
from gaugeblock.ledger.detail import because
from gaugeblock.ledger.errors import ConsistencyError, NoteFormError, RollbackError, WitnessMissingError
from gaugeblock.ledger.keys import SIGNATURE_BYTES, SigningKey
from gaugeblock.ledger.merkle import verify_consistency
from gaugeblock.ledger.note import COSIGNATURE_V1, NoteKey, read_note, signature_line

_TIME_BYTES = 8
MAX_UNIX_S = 2**53


def witness_key(name: str, key: SigningKey) -> NoteKey:
    """The public identity of a witness; its ``vkey`` is what verifiers are given."""
    return NoteKey(name, key.public, COSIGNATURE_V1)


def _message(text: str, unix_s: int) -> bytes:
    return f"cosignature/v1\ntime {unix_s}\n{text}".encode()


def cosign(raw: bytes, name: str, key: SigningKey, unix_s: int) -> bytes:
    """The note with one more line: "I saw this at ``unix_s``". Only for a checkpoint that was checked.

    Raises
    ------
    NoteFormError, SizeLimitError

    Examples
    --------
    >>> from gaugeblock.ledger.checkpoint import sign_checkpoint
    >>> from gaugeblock.ledger.merkle import EMPTY_ROOT
    >>> log, customer = SigningKey.from_seed(bytes(32)), SigningKey.from_seed(bytes([1] * 32))
    >>> note = sign_checkpoint(Checkpoint("plant.example/log", 0, EMPTY_ROOT), log)
    >>> cosigned = cosign(note, "customer.example/witness", customer, 1_795_323_600)
    >>> verify_cosignature(cosigned, witness_key("customer.example/witness", customer))
    1795323600
    """
    if not 0 < unix_s <= MAX_UNIX_S:
        raise NoteFormError(**because("cosignature_time", unix_s=unix_s))
    text = read_note(raw).text
    signature = unix_s.to_bytes(_TIME_BYTES, "big") + key.sign(_message(text, unix_s))
    result = raw + signature_line(witness_key(name, key), signature)
    read_note(result)
    return result


def verify_cosignature(raw: bytes, witness: NoteKey) -> int:
    """When (Unix seconds) this witness cosigned the note.

    Raises
    ------
    NoteFormError, SizeLimitError
    WitnessMissingError
        No line of this witness, or one that does not verify.
    """
    note = read_note(raw)
    line = note.by(witness)
    if line is None or witness.kind != COSIGNATURE_V1 or len(line.signature) != _TIME_BYTES + SIGNATURE_BYTES:
        raise WitnessMissingError(name=witness.name)
    unix_s = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    if not witness.key.verify(line.signature[_TIME_BYTES:], _message(note.text, unix_s)):
        raise WitnessMissingError(name=witness.name)
    return unix_s


@dataclass(slots=True)
class Witness:
    """What a witness must remember, and the one thing it does.

    Parameters
    ----------
    name, key
        Its own.
    log
        The log's key.
    seen
        The last checkpoint it cosigned; None at first (the first one is trusted as it is).
    """

    name: str
    key: SigningKey
    log: NoteKey
    seen: Checkpoint | None = None

    def cosign(self, raw: bytes, proof: Sequence[bytes], unix_s: int) -> bytes:
        """Check that this checkpoint continues the last one, remember it, and return it cosigned.

        Raises
        ------
        NoteFormError, NoteSignatureError, CheckpointFormError, SizeLimitError
        RollbackError
            It is smaller than the last one.
        ConsistencyError
            It does not continue the last one: the log shows two histories.
        """
        new = open_checkpoint(raw, self.log)
        old = self.seen
        if old is not None:
            if new.size < old.size:
                raise RollbackError(old_size=old.size, size=new.size)
            if not verify_consistency(old.size, new.size, proof, old.root, new.root):
                raise ConsistencyError(old_size=old.size, size=new.size)
        cosigned = cosign(raw, self.name, self.key, unix_s)
        self.seen = new
        return cosigned
