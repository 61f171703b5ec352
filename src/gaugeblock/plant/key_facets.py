"""Facets of statements about keys."""

from __future__ import annotations

from typing import Literal

from gaugeblock.plant.facet import Facet

# ── key.*: who may sign for which entity ──────────────────────────────────────────────────────────────────


class KeySubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The entity (``station:ST10``, ``server:plant``, ``person:li.wei``) and the RFC 7638 thumbprint of its key."""

    entity: str
    thumbprint: str


class KeyStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is stated of the key. ``jwk`` is the public key (RFC 8037); ``successor`` names its replacement."""

    action: Literal["bind", "rotate", "revoke"]
    jwk: dict[str, str] | None = None
    predecessor: str | None = None
    cross_signature: str | None = None
    reason: str | None = None
    compromised_since: str | None = None
