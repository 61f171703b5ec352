"""Every named refusal of the ledger. Their words are in ``plant/language/{zh,en}/ledger.toml``."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError

MAX_REASON = 160
"""Characters of another error's words in a detail."""


def reason(error: Exception) -> str:
    """What another error says, short enough to stand in a ``detail``.

    >>> reason(ValueError("odd length"))
    'odd length'
    """
    text = error.text("en") if isinstance(error, GaugeblockError) else str(error)
    return text.rstrip(".")[:MAX_REASON]


class KeyFormError(GaugeblockError):
    """Not an Ed25519 key in the form asked for. Facts: ``detail``."""

    code = "ledger.key_form"


class JsonFormError(GaugeblockError):
    """Not I-JSON (RFC 7493): syntax, a name twice, a lone surrogate. Facts: ``what``, ``detail``."""

    code = "ledger.json_form"


class NumberRangeError(GaugeblockError):
    """NaN, infinity or an integer beyond ±2⁵³. Facts: ``what``, ``value``."""

    code = "ledger.number_range"


class SizeLimitError(LimitError):
    """Too many bytes. Facts: ``what``, ``limit`` (bytes)."""

    code = "ledger.size_limit"


class DepthLimitError(LimitError):
    """Nested too deeply. Facts: ``what``, ``limit`` (levels)."""

    code = "ledger.depth_limit"


class CountLimitError(LimitError):
    """Too many members. Facts: ``what``, ``limit`` (members)."""

    code = "ledger.count_limit"


class RecordFormError(GaugeblockError):
    """Not a record: header, claim or encoding is wrong. Facts: ``detail``."""

    code = "ledger.record_form"


class SignatureError(GaugeblockError):
    """The author's signature does not fit the bytes. Facts: ``kid``."""

    code = "ledger.signature"


class DisclosureError(GaugeblockError):
    """A disclosure is malformed, or is not the one the author signed. Facts: ``facet``, ``detail``."""

    code = "ledger.disclosure"


class MissingDisclosureError(GaugeblockError):
    """The log must receive every facet; some signed digest came without one. Facts: ``missing``."""

    code = "ledger.missing_disclosure"


class MissingFacetError(GaugeblockError):
    """A record says neither about what nor what. Facts: ``record_type``, ``facet``."""

    code = "ledger.missing_facet"


class UnknownKeyError(GaugeblockError):
    """No binding of this key is in the log. Facts: ``kid``."""

    code = "ledger.unknown_key"


class RevokedKeyError(GaugeblockError):
    """The key was revoked or rotated away before. Facts: ``kid``, ``index`` (of the revocation)."""

    code = "ledger.revoked_key"


class AuthorMismatchError(GaugeblockError):
    """The key belongs to someone else than the stated author. Facts: ``author``, ``entity``."""

    code = "ledger.author_mismatch"


class ForeignLogError(GaugeblockError):
    """The record was made for another log. Facts: ``log``, ``origin``."""

    code = "ledger.foreign_log"


class GenesisError(GaugeblockError):
    """Record 0 is not the self-signed binding of the server's key. Facts: ``detail``."""

    code = "ledger.genesis"


class KeyStatementError(GaugeblockError):
    """A ``key.*`` record lacks a member or carries one too many. Facts: ``record_type``, ``member``."""

    code = "ledger.key_statement"


class ThumbprintMismatchError(GaugeblockError):
    """The thumbprint named is not that of the key given. Facts: ``named``, ``actual``."""

    code = "ledger.thumbprint_mismatch"


class NotServerKeyError(GaugeblockError):
    """Only the server's key may say this. Facts: ``record_type``, ``author``."""

    code = "ledger.not_server_key"


class KeyReusedError(GaugeblockError):
    """A key is bound once and for ever. Facts: ``kid``, ``entity``."""

    code = "ledger.key_reused"


class EntityHasKeyError(GaugeblockError):
    """The entity has a key in force; rotate or revoke that first. Facts: ``entity``, ``kid``."""

    code = "ledger.entity_has_key"


class CrossSignatureError(GaugeblockError):
    """The new key did not sign its own introduction. Facts: ``kid``."""

    code = "ledger.cross_signature"


class RevocationAuthorityError(GaugeblockError):
    """A key is revoked by its own entity or by the server. Facts: ``author``, ``entity``."""

    code = "ledger.revocation_authority"


class IndexOrderError(GaugeblockError):
    """The key directory is folded in index order. Facts: ``index``, ``expected``."""

    code = "ledger.index_order"


class TileFormError(GaugeblockError):
    """Not a tile, an entry bundle or a path of one. Facts: ``detail``."""

    code = "ledger.tile_form"


class TreeRangeError(GaugeblockError):
    """An index or size outside the tree. Facts: ``index``, ``size``."""

    code = "ledger.tree_range"


class NoteFormError(GaugeblockError):
    """Not a C2SP signed note. Facts: ``detail``."""

    code = "ledger.note_form"


class NoteSignatureError(GaugeblockError):
    """The note carries no valid signature by the key asked for. Facts: ``name``."""

    code = "ledger.note_signature"


class CheckpointFormError(GaugeblockError):
    """The note is no checkpoint. Facts: ``detail``."""

    code = "ledger.checkpoint_form"


class InclusionError(GaugeblockError):
    """The record is not in the tree that the checkpoint names. Facts: ``index``, ``size``."""

    code = "ledger.inclusion"


class ConsistencyError(GaugeblockError):
    """The larger tree does not continue the smaller one. Facts: ``old_size``, ``size``."""

    code = "ledger.consistency"


class RollbackError(GaugeblockError):
    """The log shows a smaller tree than it showed before. Facts: ``old_size``, ``size``."""

    code = "ledger.rollback"


class WitnessMissingError(GaugeblockError):
    """No valid cosignature of a witness that was asked for. Facts: ``name``."""

    code = "ledger.witness_missing"


class EvidenceFormError(GaugeblockError):
    """Not an evidence file of a version this release reads. Facts: ``detail``."""

    code = "ledger.evidence_form"


class KeyChainError(GaugeblockError):
    """The author's key is not derived from the log's first record. Facts: ``detail``."""

    code = "ledger.key_chain"
