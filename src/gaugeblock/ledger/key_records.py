"""The four statements about keys, as drafts ready to be signed."""

from __future__ import annotations

from gaugeblock.ledger import base64s
from gaugeblock.ledger.key_directory import rotation_message
from gaugeblock.ledger.keys import PublicKey, SigningKey
from gaugeblock.ledger.record import ClockState, Draft
from gaugeblock.plant.record_types import Facet, KeyStatement, KeySubject


def hand_over(log: str, entity: str, predecessor: str, key: SigningKey) -> str:
    """The new key's signature of its introduction: proof that whoever introduces it holds it.

    ``predecessor`` is the old key's thumbprint, empty at a first binding.
    """
    message = rotation_message(log, entity, predecessor, key.public.thumbprint)
    return base64s.encode_url(key.sign(message)).decode()


def binding(
    author: str,
    entity: str,
    key: PublicKey,
    *,
    log: str,
    stated_at: str,
    clock: ClockState,
    possession: str | None = None,
) -> Draft:
    """``key`` is ``entity``'s. Signed by the server's key; the genesis record by the key that it binds.

    Parameters
    ----------
    possession
        :func:`hand_over` with an empty predecessor, where the key's holder gave it.
    """
    statement = KeyStatement(action="bind", jwk=key.to_jwk(), cross_signature=possession)
    return _draft("key.binding", author, entity, key.thumbprint, statement, log, stated_at, clock)


def rotation(
    entity: str, old: PublicKey, new: PublicKey, cross_signature: str, *, log: str, stated_at: str, clock: ClockState
) -> Draft:
    """``entity`` goes on with ``new``. Signed by the old key; ``cross_signature`` is :func:`hand_over`."""
    statement = KeyStatement(
        action="rotate", jwk=new.to_jwk(), predecessor=old.thumbprint, cross_signature=cross_signature
    )
    return _draft("key.rotation", entity, entity, new.thumbprint, statement, log, stated_at, clock)


def revocation(
    author: str,
    entity: str,
    thumbprint: str,
    *,
    log: str,
    stated_at: str,
    clock: ClockState,
    reason: str | None = None,
    compromised_since: str | None = None,
) -> Draft:
    """The key is void from here on. Signed by the entity's own key or by the server's.

    Parameters
    ----------
    compromised_since
        RFC 3339: from when on the key may have been in other hands; a reader's warning, not a rule.
    """
    statement = KeyStatement(action="revoke", reason=reason, compromised_since=compromised_since)
    return _draft("key.revocation", author, entity, thumbprint, statement, log, stated_at, clock)


def _draft(
    record_type: str,
    author: str,
    entity: str,
    thumbprint: str,
    statement: KeyStatement,
    log: str,
    stated_at: str,
    clock: ClockState,
) -> Draft:
    facets: dict[str, Facet] = {"subject": KeySubject(entity=entity, thumbprint=thumbprint), "statement": statement}
    return Draft(
        record_type=record_type,
        version=1,
        author=author,
        identity=f"{record_type}/{thumbprint}",
        log=log,
        stated_at=stated_at,
        observed_at=stated_at,
        clock=clock,
        facets=facets,
    )
