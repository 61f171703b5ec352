"""``gaugeblock witness``: watch a log from outside and cosign its checkpoints, so that nobody is shown another history.

Whoever runs it needs the log's address and public key, and keeps two files: the witness's private key and the last
checkpoint it cosigned. That checkpoint is kept **before** the cosignature is given away: a witness that forgets what it
has signed is no witness.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gaugeblock.apps.console import Console
from gaugeblock.apps.evidence import read_key
from gaugeblock.connectors.log_http import RemoteLog
from gaugeblock.ledger.checkpoint import Checkpoint, open_checkpoint
from gaugeblock.ledger.cosignature import Witness, verify_cosignature, witness_key
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.merkle import consistency_proof
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.tiles import TileReader
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.files import make_directory, write_whole

KEY_FILE, SEEN_FILE = "witness.key.pem", "seen.checkpoint"


class WitnessStateError(GaugeblockError):
    """A file of the witness cannot be read or is not what it was. Facts: ``file``, ``detail``."""

    code = "apps.witness_state"


@dataclass(frozen=True)
class WitnessFiles:
    """The directory of one witness of one log."""

    directory: Path

    def key(self) -> SigningKey:
        """The private key, made the first time.

        Raises
        ------
        WitnessStateError
        """
        file = self.directory / KEY_FILE
        make_directory(self.directory, 0o700)
        try:
            if not file.exists():
                write_whole(file, SigningKey.generate().to_pem(), 0o600)
            return SigningKey.from_pem(file.read_bytes())
        except (OSError, GaugeblockError) as error:
            raise WitnessStateError(file=str(file), detail=str(error)) from error

    def seen(self, log: NoteKey) -> Checkpoint | None:
        """The last checkpoint that was cosigned.

        Raises
        ------
        WitnessStateError
        """
        file = self.directory / SEEN_FILE
        try:
            return open_checkpoint(file.read_bytes(), log) if file.exists() else None
        except (OSError, GaugeblockError) as error:
            raise WitnessStateError(file=str(file), detail=str(error)) from error

    def keep(self, cosigned: bytes) -> None:
        """Durable when it returns."""
        write_whole(self.directory / SEEN_FILE, cosigned, 0o600)


def look_once(remote: RemoteLog, witness: Witness, files: WitnessFiles, unix_s: int) -> bytes:
    """Fetch the checkpoint, prove that it continues the last one, cosign, keep, give back; the cosigned note.

    Raises
    ------
    RollbackError, ConsistencyError
        The log shows another history than before. Nothing is cosigned; both checkpoints are evidence.
    LogUnreachableError, LogAnswerError, and what a note that is no checkpoint raises
    """
    note = remote.checkpoint()
    new = open_checkpoint(note, witness.log)
    old = witness.seen
    proof: list[bytes] = []
    if old is not None and 0 < old.size < new.size:
        proof = consistency_proof(TileReader(remote.tile, new.size), old.size, new.size)
    cosigned = witness.cosign(note, proof, unix_s)
    files.keep(cosigned)
    remote.send_cosignature(cosigned)
    return cosigned


def witness_command(
    url: str,
    log_key: str,
    name: str,
    directory: Path,
    console: Console,
    *,
    every_s: float | None,
    authorization: str | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Cosign once, or every ``every_s`` seconds until stopped; 1 where the log shows two histories.

    A log that does not answer is waited for; a history that was changed ends the command.
    """
    log = NoteKey.from_vkey(read_key(log_key))
    files = WitnessFiles(directory)
    witness = Witness(name, files.key(), log, files.seen(log))
    own = witness_key(name, witness.key)
    console.say("apps.witness.key", key=own.vkey)
    with RemoteLog(url, {"Authorization": authorization} if authorization else None) as remote:
        while True:
            try:
                cosigned = look_once(remote, witness, files, int(time.time()))
            except GaugeblockError as error:
                console.error(error)
                if every_s is None or error.code in ("ledger.rollback", "ledger.consistency"):
                    return 1
            else:
                assert witness.seen is not None
                console.say(
                    "apps.witness.cosigned", size=witness.seen.size, at=verify_cosignature(cosigned, own), log=log.name
                )
                if every_s is None:
                    return 0
            wait(every_s)
