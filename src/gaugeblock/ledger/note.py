"""Signed notes: a text, a blank line, and signature lines that name their key.

Source: C2SP signed-note (Ed25519, signature type 0x01).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gaugeblock.ledger import base64s
from gaugeblock.ledger.detail import because, because_of, reason, visible
from gaugeblock.ledger.errors import KeyFormError, NoteFormError, NoteSignatureError, SizeLimitError, VkeyFormError
from gaugeblock.ledger.keys import KEY_BYTES, PublicKey, SigningKey

MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 64
MAX_KEY_NAME = 200
"""Characters."""

ED25519 = 0x01
COSIGNATURE_V1 = 0x04

_HASH_BYTES = 4
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def check_key_name(name: str) -> str:
    """The name, where it may stand in a note: not empty, no white space, no plus sign.

    Raises
    ------
    NoteFormError
    """
    if not name or len(name) > MAX_KEY_NAME or "+" in name or not name.isprintable() or " " in name:
        raise NoteFormError(**because("note_key_name", name=visible(name)))
    return name


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key with the name and the signature type that it signs notes under: a *vkey*.

    Examples
    --------
    >>> key = NoteKey("plant.example/log", SigningKey.from_seed(bytes(32)).public)
    >>> NoteKey.from_vkey(key.vkey) == key
    True
    """

    name: str
    key: PublicKey
    kind: int = ED25519

    @property
    def key_hash(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        body = check_key_name(self.name).encode() + b"\n" + bytes([self.kind]) + self.key.raw
        return hashlib.sha256(body).digest()[:_HASH_BYTES]

    @property
    def vkey(self) -> str:
        """``name+hash+base64(type || key)``: the text that a verifier is given."""
        return f"{self.name}+{self.key_hash.hex()}+{base64s.encode(bytes([self.kind]) + self.key.raw)}"

    @classmethod
    def from_vkey(cls, text: str, kind: int = ED25519) -> NoteKey:
        """Read a vkey of this signature type.

        Raises
        ------
        VkeyFormError
        """
        parts = text.strip().split("+", 2)
        if len(text) > 512 or len(parts) != 3:
            raise VkeyFormError(**because("vkey_parts"))
        try:
            body = base64s.decode(parts[2])
            check_key_name(parts[0])
        except (ValueError, NoteFormError) as error:
            raise VkeyFormError(**because_of(error)) from error
        if len(body) != 1 + KEY_BYTES or body[0] != kind:
            raise VkeyFormError(**_other_kind(body, kind))
        try:
            result = cls(parts[0], PublicKey(body[1:]), kind)
        except KeyFormError as error:
            raise VkeyFormError(**because_of(error)) from error
        if result.key_hash.hex() != parts[1]:
            raise VkeyFormError(**because("vkey_hash"))
        return result


def _other_kind(body: bytes, kind: int) -> dict[str, str]:
    """Why these bytes are no key of this kind; a witness's key and a log's are easily taken for each other."""
    if len(body) == 1 + KEY_BYTES and {body[0], kind} == {ED25519, COSIGNATURE_V1}:
        return because("vkey_of_log" if body[0] == ED25519 else "vkey_of_witness")
    return because("vkey_kind", kind=kind)


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature line as read: nothing about it is verified yet."""

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read."""

    text: str
    signatures: tuple[SignatureLine, ...]

    def by(self, key: NoteKey) -> SignatureLine | None:
        """The line that claims to be by this key.

        Raises
        ------
        NoteFormError
            There are two.
        """
        lines = [line for line in self.signatures if line.name == key.name and line.key_hash == key.key_hash]
        if len(lines) > 1:
            raise NoteFormError(**because("note_two_lines", name=key.name))
        return lines[0] if lines else None


def signature_line(key: NoteKey, signature: bytes) -> bytes:
    """One line as it stands in a note."""
    return f"— {key.name} {base64s.encode(key.key_hash + signature)}\n".encode()


def sign_note(text: str, name: str, key: SigningKey) -> bytes:
    """A note of ``text`` (which ends with a line feed) with one signature.

    Raises
    ------
    NoteFormError, SizeLimitError
    """
    _check_text(text)
    note_key = NoteKey(name, key.public)
    note = text.encode() + b"\n" + signature_line(note_key, key.sign(text.encode()))
    if len(note) > MAX_NOTE_BYTES:
        raise SizeLimitError(what="note", limit=MAX_NOTE_BYTES)
    return note


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteFormError(**because("note_text"))


def read_note(raw: bytes) -> Note:
    """Split a note into text and signature lines, verifying none.

    Raises
    ------
    NoteFormError, SizeLimitError
    """
    if len(raw) > MAX_NOTE_BYTES:
        raise SizeLimitError(what="note", limit=MAX_NOTE_BYTES)
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteFormError(**because_of(error)) from error
    _check_text(whole)
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not text:
        raise NoteFormError(**because("note_no_blank"))
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise SizeLimitError(what="signatures of a note", limit=MAX_SIGNATURES)
    return Note(text + "\n", tuple(_read_line(line) for line in lines))


def _read_line(line: str) -> SignatureLine:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise NoteFormError(**because("note_line", line=visible(line)))
    try:
        body = base64s.decode(parts[2])
    except ValueError as error:
        raise NoteFormError(**because("note_line_base64", cause=reason(error))) from error
    if len(body) <= _HASH_BYTES:
        raise NoteFormError(**because("note_line_short"))
    return SignatureLine(check_key_name(parts[1]), body[:_HASH_BYTES], body[_HASH_BYTES:])


def open_note(raw: bytes, keys: Sequence[NoteKey]) -> Note:
    """Read a note that every one of these Ed25519 keys must have signed.

    Raises
    ------
    NoteFormError, SizeLimitError
    NoteSignatureError
        With the name of the first key whose signature is missing or wrong.
    """
    note = read_note(raw)
    for key in keys:
        line = note.by(key)
        if key.kind != ED25519 or line is None or not key.key.verify(line.signature, note.text.encode()):
            raise NoteSignatureError(name=key.name)
    return note
