"""Every named refusal of the ledger. Their words are in ``plant/language/{zh,en}/ledger.toml``."""

from __future__ import annotations

from gaugeblock.ledger.detail import LedgerError
from gaugeblock.plant.errors import LimitError


class KeyFormError(LedgerError):
    """Not an Ed25519 key in the form asked for. Facts: ``detail``."""

    code = "ledger.key_form"


class VkeyFormError(KeyFormError):
    """Not the public key of a log (a vkey). Facts: ``detail``."""

    code = "ledger.vkey_form"


class WitnessKeyError(LedgerError):
    """A witness's key that cannot be used. Facts: ``position`` (from 1), ``detail``."""

    code = "ledger.witness_key"


class JsonFormError(LedgerError):
    """Not I-JSON (RFC 7493): syntax, a name twice, a lone surrogate. Facts: ``what``, ``detail``."""

    code = "ledger.json_form"


class NumberRangeError(LedgerError):
    """NaN, infinity or an integer beyond ±2⁵³. Facts: ``what``, ``value``."""

    code = "ledger.number_range"


class SizeLimitError(LedgerError, LimitError):
    """Too many bytes. Facts: ``what``, ``limit`` (bytes)."""

    code = "ledger.size_limit"


class DepthLimitError(LedgerError, LimitError):
    """Nested too deeply. Facts: ``what``, ``limit`` (levels)."""

    code = "ledger.depth_limit"


class CountLimitError(LedgerError, LimitError):
    """Too many members. Facts: ``what``, ``limit`` (members)."""

    code = "ledger.count_limit"


class RecordFormError(LedgerError):
    """Not a record: header, claim or encoding is wrong. Facts: ``detail``."""

    code = "ledger.record_form"


class SignatureError(LedgerError):
    """The author's signature does not fit the bytes. Facts: ``kid``."""

    code = "ledger.signature"


class DisclosureError(LedgerError):
    """A disclosure is malformed, or is not the one the author signed. Facts: ``facet``, ``detail``."""

    code = "ledger.disclosure"


class FacetUnknownError(DisclosureError):
    """A facet asked for is not among those that the log can disclose. Facts: ``facet``, ``known``."""

    code = "ledger.facet_unknown"


class MissingDisclosureError(LedgerError):
    """The log must receive every facet; some signed digest came without one. Facts: ``missing``."""

    code = "ledger.missing_disclosure"


class MissingFacetError(LedgerError):
    """A record says neither about what nor what. Facts: ``record_type``, ``facet``."""

    code = "ledger.missing_facet"


class UnknownKeyError(LedgerError):
    """No binding of this key is in the log. Facts: ``kid``."""

    code = "ledger.unknown_key"


class RevokedKeyError(LedgerError):
    """The key was revoked or rotated away before. Facts: ``kid``, ``index`` (of the revocation)."""

    code = "ledger.revoked_key"


class AuthorMismatchError(LedgerError):
    """The key belongs to someone else than the stated author. Facts: ``author``, ``entity``."""

    code = "ledger.author_mismatch"


class ForeignLogError(LedgerError):
    """The record was made for another log. Facts: ``log``, ``origin``."""

    code = "ledger.foreign_log"


class GenesisError(LedgerError):
    """Record 0 is not the self-signed binding of the server's key. Facts: ``detail``."""

    code = "ledger.genesis"


class KeyStatementError(LedgerError):
    """A ``key.*`` record lacks a member or carries one too many. Facts: ``record_type``, ``member``."""

    code = "ledger.key_statement"


class ThumbprintMismatchError(LedgerError):
    """The thumbprint named is not that of the key given. Facts: ``named``, ``actual``."""

    code = "ledger.thumbprint_mismatch"


class NotServerKeyError(LedgerError):
    """Only the server's key may say this. Facts: ``record_type``, ``author``."""

    code = "ledger.not_server_key"


class KeyReusedError(LedgerError):
    """A key is bound once and for ever. Facts: ``kid``, ``entity``."""

    code = "ledger.key_reused"


class EntityHasKeyError(LedgerError):
    """The entity has a key in force; rotate or revoke that first. Facts: ``entity``, ``kid``."""

    code = "ledger.entity_has_key"


class CrossSignatureError(LedgerError):
    """The new key did not sign its own introduction. Facts: ``kid``."""

    code = "ledger.cross_signature"


class RevocationAuthorityError(LedgerError):
    """A key is revoked by its own entity or by the server. Facts: ``author``, ``entity``."""

    code = "ledger.revocation_authority"


class IndexOrderError(LedgerError):
    """The key directory is folded in index order. Facts: ``index``, ``expected``."""

    code = "ledger.index_order"


class TileFormError(LedgerError):
    """Not a tile, an entry bundle or a path of one. Facts: ``detail``."""

    code = "ledger.tile_form"


class TreeRangeError(LedgerError):
    """An index or size outside the tree. Facts: ``index``, ``size``."""

    code = "ledger.tree_range"


class NoteFormError(LedgerError):
    """Not a C2SP signed note. Facts: ``detail``."""

    code = "ledger.note_form"


class NoteSignatureError(LedgerError):
    """The note carries no valid signature by the key asked for. Facts: ``name``."""

    code = "ledger.note_signature"


class CheckpointFormError(LedgerError):
    """The note is no checkpoint. Facts: ``detail``."""

    code = "ledger.checkpoint_form"


class InclusionError(LedgerError):
    """The record is not in the tree that the checkpoint names. Facts: ``index``, ``size``."""

    code = "ledger.inclusion"


class ConsistencyError(LedgerError):
    """The larger tree does not continue the smaller one. Facts: ``old_size``, ``size``."""

    code = "ledger.consistency"


class RollbackError(LedgerError):
    """The log shows a smaller tree than it showed before. Facts: ``old_size``, ``size``."""

    code = "ledger.rollback"


class WitnessMissingError(LedgerError):
    """No valid cosignature of a witness that was asked for. Facts: ``name``."""

    code = "ledger.witness_missing"


class EvidenceFormError(LedgerError):
    """Not an evidence file of a version this release reads. Facts: ``detail``."""

    code = "ledger.evidence_form"


class KeyChainError(LedgerError):
    """The author's key is not derived from the log's first record. Facts: ``detail``."""

    code = "ledger.key_chain"
