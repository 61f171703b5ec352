"""Cosignatures: what witnesses said of this log's checkpoints, kept beside them.

A witness looks at the log from outside and sends back the note with its line. It is believed for its signature and not
for its connection, so anyone may carry the note here. A witness's own line is stored once for each checkpoint.

Source: C2SP tlog-cosignature, version 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from gaugeblock.ledger.checkpoint import Checkpoint
from gaugeblock.ledger.cosignature import verify_cosignature
from gaugeblock.ledger.note import COSIGNATURE_V1, NoteKey, read_note, signature_line
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import CheckpointUnknownError, WitnessUnknownError
from gaugeblock.stores.log_tables import log_checkpoints, log_cosignatures


class Cosignatures:
    """Takes cosigned checkpoints in.

    Parameters
    ----------
    database
        The log's.
    witnesses
        vkeys of the witnesses whose lines are kept.
    clock
        Time of receipt.

    Raises
    ------
    VkeyFormError
        A key that is none of a witness.
    """

    def __init__(self, database: Database, witnesses: Sequence[str], clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._witnesses = [NoteKey.from_vkey(text, COSIGNATURE_V1) for text in witnesses]

    def add(self, raw: bytes) -> list[str]:
        """Keep the lines of known witnesses on one of this log's checkpoints; the names of those on it.

        Adding a line again changes nothing.

        Raises
        ------
        NoteFormError, SizeLimitError, CheckpointFormError
            Not a checkpoint.
        CheckpointUnknownError
            Not one of this log.
        WitnessUnknownError
            No line of a witness whom ``plant.toml`` names.
        WitnessMissingError
            A line in a known witness's name that it did not sign.
        """
        note = read_note(raw)
        checkpoint = Checkpoint.from_text(note.text)
        with self._database.reading() as connection:
            ours = connection.execute(
                select(log_checkpoints.c.note).where(log_checkpoints.c.size == checkpoint.size)
            ).scalar()
        if ours is None or read_note(bytes(ours)).text != note.text:
            raise CheckpointUnknownError(size=checkpoint.size)
        named = [witness for witness in self._witnesses if note.by(witness) is not None]
        if not named:
            known = ", ".join(witness.name for witness in self._witnesses)
            raise WitnessUnknownError(known=known or "–")
        for witness in named:
            verify_cosignature(raw, witness)
        received_at = to_rfc3339(self._clock.now())
        with self._database.writing() as connection:
            kept = set(
                connection.execute(
                    select(log_cosignatures.c.witness).where(log_cosignatures.c.size == checkpoint.size)
                ).scalars()
            )
            for witness in named:
                line = note.by(witness)
                if line is not None and witness.vkey not in kept:
                    row = {
                        "size": checkpoint.size,
                        "witness": witness.vkey,
                        "line": signature_line(witness, line.signature),
                        "received_at": received_at,
                    }
                    connection.execute(log_cosignatures.insert(), row)
        return [witness.name for witness in named]
