"""Who may sign for whom: a fold over the log's ``key.*`` records, and nothing else.

Record 0 binds ``server:plant`` to its key, signed by that key itself. The server's key binds the keys of
stations, persons and other servers. An entity rotates its key by a record that the old key signs and that
carries the new key's signature of the hand-over; a key is revoked by its own entity or by the server. What a
key signed before its revocation stays valid; what it signs later is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gaugeblock.ledger import base64s
from gaugeblock.ledger.detail import because, visible
from gaugeblock.ledger.errors import (
    AuthorMismatchError,
    CrossSignatureError,
    EntityHasKeyError,
    GenesisError,
    IndexOrderError,
    KeyReusedError,
    KeyStatementError,
    NotServerKeyError,
    RevocationAuthorityError,
    RevokedKeyError,
    ThumbprintMismatchError,
    UnknownKeyError,
)
from gaugeblock.ledger.keys import PublicKey
from gaugeblock.ledger.record import Payload
from gaugeblock.plant.record_types import Facet, KeyStatement, KeySubject

SERVER = "server:plant"
"""The entity whose key binds all others."""

_ACTIONS = {"key.binding": "bind", "key.rotation": "rotate", "key.revocation": "revoke"}


@dataclass(frozen=True, slots=True)
class BoundKey:
    """A key, whose it is, and for which stretch of the log.

    Parameters
    ----------
    bound_at_index
        Index of the binding, or of the rotation that introduced it.
    bound_by
        Thumbprint of the key that signed that record.
    revoked_at_index
        Index of the record that ended it (revocation, or rotation to a successor); None while in force.
    revoked_by
        Thumbprint of the key that signed that record.
    """

    entity: str
    key: PublicKey
    bound_at_index: int
    bound_by: str
    revoked_at_index: int | None = None
    revoked_by: str | None = None

    def in_force_at(self, index: int) -> bool:
        """Whether a record with this index may be signed by it. Its own end is the last one."""
        if self.revoked_at_index is not None and index > self.revoked_at_index:
            return False
        return index > self.bound_at_index or index == self.bound_at_index == 0


@dataclass(frozen=True, slots=True)
class _Change:
    """What one key record does: a key that ends, and a key that begins."""

    ends: BoundKey | None
    begins: BoundKey | None


def rotation_message(log: str, entity: str, predecessor: str, successor: str) -> bytes:
    """What the new key signs at a hand-over (and, where asked, at a first binding: predecessor empty).

    It names log, entity and both keys, so that it fits no other hand-over.
    """
    return f"gaugeblock-key-handover/v1\n{log}\n{entity}\n{predecessor}\n{successor}\n".encode()


class KeyDirectory:
    """The keys as the log's first records leave them. ``next_index`` is one past the last record applied."""

    def __init__(self) -> None:
        self._keys: dict[str, BoundKey] = {}
        self._in_force: dict[str, str] = {}
        self.next_index = 0

    def copy(self) -> KeyDirectory:
        """For a transaction that may be rolled back."""
        twin = KeyDirectory()
        twin._keys = dict(self._keys)
        twin._in_force = dict(self._in_force)
        twin.next_index = self.next_index
        return twin

    def key_for(self, kid: str) -> BoundKey:
        """The key with this thumbprint, in force or not.

        Raises
        ------
        UnknownKeyError
        """
        try:
            return self._keys[kid]
        except KeyError:
            raise UnknownKeyError(kid=kid) from None

    def knows(self, kid: str) -> bool:
        """Whether :meth:`key_for` has an answer."""
        return kid in self._keys

    def current(self, entity: str) -> BoundKey | None:
        """The entity's key in force."""
        kid = self._in_force.get(entity)
        return None if kid is None else self._keys[kid]

    def keys(self) -> list[BoundKey]:
        """All keys, in the order of their binding."""
        return sorted(self._keys.values(), key=lambda bound: bound.bound_at_index)

    def chain(self, kid: str) -> list[int]:
        """Indices of the key records that a stranger needs in order to trust this key, ascending.

        From record 0 to the key's binding: every binding, rotation and revocation of the keys on the way, and
        of the keys that signed those.

        Raises
        ------
        UnknownKeyError
        """
        indices: set[int] = set()
        followed: set[str] = set()
        open_ends = [kid]
        while open_ends:
            bound = self.key_for(open_ends.pop())
            if bound.key.thumbprint in followed:
                continue
            followed.add(bound.key.thumbprint)
            indices.add(bound.bound_at_index)
            open_ends.append(bound.bound_by)
            if bound.revoked_at_index is not None and bound.revoked_by is not None:
                indices.add(bound.revoked_at_index)
                open_ends.append(bound.revoked_by)
        return sorted(indices)

    def author_key(self, payload: Payload, index: int | None = None) -> BoundKey:
        """The key a record names, where its author may use it at ``index`` (default: after all applied).

        Raises
        ------
        UnknownKeyError, RevokedKeyError, AuthorMismatchError
        """
        bound = self.key_for(payload.kid)
        if not bound.in_force_at(self.next_index if index is None else index):
            if bound.revoked_at_index is None:
                raise UnknownKeyError(kid=payload.kid)
            raise RevokedKeyError(kid=payload.kid, index=bound.revoked_at_index)
        if bound.entity != payload.author:
            raise AuthorMismatchError(author=payload.author, entity=bound.entity)
        return bound

    def genesis_key(self, payload: Payload, facets: Mapping[str, Facet]) -> PublicKey:
        """The key that record 0 brings with it and is signed by.

        Raises
        ------
        GenesisError, KeyFormError, KeyStatementError, ThumbprintMismatchError
        """
        if payload.record_type != "key.binding":
            raise GenesisError(**because("genesis_type", record_type=payload.record_type))
        subject, statement = _parts(payload, facets)
        if subject.entity != SERVER or payload.author != SERVER:
            raise GenesisError(**because("genesis_entity", entity=visible(subject.entity), author=payload.author))
        key = _key_of(subject, statement)
        if payload.kid != key.thumbprint:
            raise GenesisError(**because("genesis_key"))
        return key

    def check(self, payload: Payload, facets: Mapping[str, Facet]) -> None:
        """Whether a ``key.*`` record whose signature is verified may stand at ``next_index``.

        Raises
        ------
        GenesisError, KeyFormError, KeyStatementError, ThumbprintMismatchError, NotServerKeyError,
        KeyReusedError, EntityHasKeyError, CrossSignatureError, RevocationAuthorityError, UnknownKeyError,
        RevokedKeyError, AuthorMismatchError
        """
        self._change(self.next_index, payload, facets)

    def apply(self, index: int, payload: Payload, facets: Mapping[str, Facet]) -> None:
        """Fold in the next record, whose signature the caller has verified. Others than ``key.*`` only count.

        ``index`` may leap: records that are not about keys need not be shown.

        Raises
        ------
        IndexOrderError
            ``index`` is behind ``next_index``.
        GaugeblockError
            As :meth:`check`.
        """
        if index < self.next_index:
            raise IndexOrderError(index=index, expected=self.next_index)
        if payload.record_type in _ACTIONS or index == 0:
            change = self._change(index, payload, facets)
            if change.ends is not None:
                kid = change.ends.key.thumbprint
                self._keys[kid] = replace(change.ends, revoked_at_index=index, revoked_by=payload.kid)
                self._in_force.pop(change.ends.entity, None)
            if change.begins is not None:
                self._keys[change.begins.key.thumbprint] = change.begins
                self._in_force[change.begins.entity] = change.begins.key.thumbprint
        self.next_index = index + 1

    def _change(self, index: int, payload: Payload, facets: Mapping[str, Facet]) -> _Change:
        if index == 0:
            key = self.genesis_key(payload, facets)
            return _Change(None, BoundKey(SERVER, key, 0, key.thumbprint))
        subject, statement = _parts(payload, facets)
        signer = self.author_key(payload, index)
        if statement.action == "bind":
            return self._binding(index, payload, subject, statement, signer)
        if statement.action == "rotate":
            return self._rotation(index, payload, subject, statement, signer)
        return self._revocation(subject, signer)

    def _binding(
        self, index: int, payload: Payload, subject: KeySubject, statement: KeyStatement, signer: BoundKey
    ) -> _Change:
        if signer.entity != SERVER:
            raise NotServerKeyError(record_type=payload.record_type, author=payload.author)
        key = self._new_key(subject, statement)
        holder = self.current(subject.entity)
        if holder is not None:
            raise EntityHasKeyError(entity=subject.entity, kid=holder.key.thumbprint)
        if statement.cross_signature is not None:
            message = rotation_message(payload.log, subject.entity, "", key.thumbprint)
            _check_cross_signature(statement.cross_signature, key, message)
        return _Change(None, BoundKey(subject.entity, key, index, payload.kid))

    def _rotation(
        self, index: int, payload: Payload, subject: KeySubject, statement: KeyStatement, signer: BoundKey
    ) -> _Change:
        if subject.entity != signer.entity:
            raise AuthorMismatchError(author=payload.author, entity=subject.entity)
        if statement.predecessor != payload.kid:
            raise ThumbprintMismatchError(named=str(statement.predecessor)[:64], actual=payload.kid)
        key = self._new_key(subject, statement)
        message = rotation_message(payload.log, subject.entity, payload.kid, key.thumbprint)
        _check_cross_signature(statement.cross_signature or "", key, message)
        return _Change(signer, BoundKey(subject.entity, key, index, payload.kid))

    def _revocation(self, subject: KeySubject, signer: BoundKey) -> _Change:
        bound = self.key_for(subject.thumbprint)
        if bound.entity != subject.entity:
            raise AuthorMismatchError(author=subject.entity, entity=bound.entity)
        if signer.entity not in (bound.entity, SERVER):
            raise RevocationAuthorityError(author=signer.entity, entity=bound.entity)
        if bound.revoked_at_index is not None:
            raise RevokedKeyError(kid=subject.thumbprint, index=bound.revoked_at_index)
        return _Change(bound, None)

    def _new_key(self, subject: KeySubject, statement: KeyStatement) -> PublicKey:
        key = _key_of(subject, statement)
        known = self._keys.get(key.thumbprint)
        if known is not None:
            raise KeyReusedError(kid=key.thumbprint, entity=known.entity)
        return key


def _parts(payload: Payload, facets: Mapping[str, Facet]) -> tuple[KeySubject, KeyStatement]:
    """Subject and statement of a key record, complete for its action."""
    subject, statement = facets.get("subject"), facets.get("statement")
    if not isinstance(subject, KeySubject):
        raise KeyStatementError(record_type=payload.record_type, member="subject")
    if not isinstance(statement, KeyStatement):
        raise KeyStatementError(record_type=payload.record_type, member="statement")
    if statement.action != _ACTIONS.get(payload.record_type):
        raise KeyStatementError(record_type=payload.record_type, member="action")
    needed = {
        "jwk": statement.action in ("bind", "rotate"),
        "predecessor": statement.action == "rotate",
    }
    for member, expected in needed.items():
        if (getattr(statement, member) is not None) != expected:
            raise KeyStatementError(record_type=payload.record_type, member=member)
    if statement.action == "revoke" and statement.cross_signature is not None:
        raise KeyStatementError(record_type=payload.record_type, member="cross_signature")
    return subject, statement


def _key_of(subject: KeySubject, statement: KeyStatement) -> PublicKey:
    key = PublicKey.from_jwk(statement.jwk or {})
    if key.thumbprint != subject.thumbprint:
        raise ThumbprintMismatchError(named=subject.thumbprint[:64], actual=key.thumbprint)
    return key


def _check_cross_signature(text: str, key: PublicKey, message: bytes) -> None:
    try:
        signature = base64s.decode_url(text.encode("ascii"))
    except ValueError as error:
        raise CrossSignatureError(kid=key.thumbprint) from error
    if not key.verify(signature, message):
        raise CrossSignatureError(kid=key.thumbprint)
