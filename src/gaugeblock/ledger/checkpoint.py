"""Checkpoints: a log's signed statement "so many records, with this root".

Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gaugeblock.ledger import base64s
from gaugeblock.ledger.detail import because, reason, visible
from gaugeblock.ledger.errors import CheckpointFormError
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.merkle import HASH_BYTES, MAX_TREE_SIZE
from gaugeblock.ledger.note import NoteKey, check_key_name, open_note, sign_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's size and root, under the log's origin.

    Parameters
    ----------
    origin
        The log's name, also the name of its key: a schema-less URL such as ``plant.example/log``.
    size
        Leaves.
    root
        32 bytes.
    extensions
        Further lines, opaque.

    Examples
    --------
    >>> from gaugeblock.ledger.merkle import EMPTY_ROOT
    >>> Checkpoint("plant.example/log", 0, EMPTY_ROOT).text()
    'plant.example/log\\n0\\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\\n'
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note's text."""
        lines = [self.origin, str(self.size), base64s.encode(self.root), *self.extensions]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read a note's text.

        Raises
        ------
        CheckpointFormError
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise CheckpointFormError(**because("checkpoint_lines"))
        if not _SIZE.fullmatch(lines[1]) or int(lines[1]) > MAX_TREE_SIZE:
            raise CheckpointFormError(**because("checkpoint_size"))
        try:
            root = base64s.decode(lines[2])
        except ValueError as error:
            raise CheckpointFormError(**because("checkpoint_root", cause=reason(error))) from error
        if len(root) != HASH_BYTES:
            raise CheckpointFormError(**because("checkpoint_root_length"))
        return cls(lines[0], int(lines[1]), root, tuple(lines[3:-1]))


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """The checkpoint as a note, signed under the log's origin.

    Raises
    ------
    NoteFormError, SizeLimitError, CheckpointFormError
    """
    check_key_name(checkpoint.origin)
    text = checkpoint.text()
    if Checkpoint.from_text(text) != checkpoint:
        raise CheckpointFormError(**because("checkpoint_extension"))
    return sign_note(text, checkpoint.origin, key)


def open_checkpoint(raw: bytes, key: NoteKey) -> Checkpoint:
    """Read a checkpoint that this log key signed, for this origin.

    Raises
    ------
    NoteFormError, NoteSignatureError, CheckpointFormError, SizeLimitError

    Examples
    --------
    >>> from gaugeblock.ledger.merkle import EMPTY_ROOT
    >>> secret = SigningKey.from_seed(bytes(32))
    >>> note = sign_checkpoint(Checkpoint("plant.example/log", 0, EMPTY_ROOT), secret)
    >>> open_checkpoint(note, NoteKey("plant.example/log", secret.public)).size
    0
    """
    checkpoint = Checkpoint.from_text(open_note(raw, [key]).text)
    if checkpoint.origin != key.name:
        raise CheckpointFormError(**because("checkpoint_origin", origin=visible(checkpoint.origin), name=key.name))
    return checkpoint
