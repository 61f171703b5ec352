"""Evidence: one file with everything a stranger needs to check one record, given only the log's public key.

It holds the record with the disclosures that its receiver may see, its inclusion proof, a checkpoint, and the
**key chain**: the ``key.*`` records from record 0 to the author's key, each with its own inclusion proof under
the same checkpoint.

What it cannot show: that the author's key was not revoked *later*. A revocation is a record of its own;
evidence carries those its maker knew and chose to add. Whoever must know asks the log, or a witness's copy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Literal

import msgspec

from gaugeblock.ledger import base64s, i_json
from gaugeblock.ledger.detail import because, because_of, reason, visible
from gaugeblock.ledger.errors import CountLimitError, EvidenceFormError, FacetUnknownError
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.merkle import HASH_BYTES, MAX_PROOF_HASHES, MAX_TREE_SIZE, HashReader, inclusion_proof
from gaugeblock.ledger.record import MAX_FACETS, SignedRecord, parse
from gaugeblock.plant.errors import GaugeblockError

EVIDENCE_FORM: Literal["gaugeblock-evidence/1"] = "gaugeblock-evidence/1"
MAX_EVIDENCE_BYTES = 4 * 1024 * 1024
MAX_CHAIN_RECORDS = 64
"""Key records in one chain: a key rotated yearly fills it in sixty years."""

_Index = Annotated[int, msgspec.Meta(ge=0, lt=MAX_TREE_SIZE)]


class LoggedRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record, and the proof that it is leaf ``index`` under the evidence's checkpoint.

    Parameters
    ----------
    jws
        As stored; ASCII.
    disclosures
        Facet name → disclosure, those that are shown.
    proof
        Sibling hashes from the leaf to the root, standard base64.
    """

    index: _Index
    jws: str
    disclosures: Annotated[dict[str, str], msgspec.Meta(max_length=MAX_FACETS)]
    proof: Annotated[list[str], msgspec.Meta(max_length=MAX_PROOF_HASHES)]

    def proof_hashes(self) -> list[bytes]:
        """The proof as bytes.

        Raises
        ------
        EvidenceFormError
        """
        try:
            hashes = [base64s.decode(text) for text in self.proof]
        except ValueError as error:
            raise EvidenceFormError(**because("proof", index=self.index, cause=reason(error))) from error
        if any(len(h) != HASH_BYTES for h in hashes):
            raise EvidenceFormError(**because("proof_hash", index=self.index))
        return hashes

    def jws_bytes(self) -> bytes:
        """The leaf's bytes.

        Raises
        ------
        EvidenceFormError
        """
        try:
            return self.jws.encode("ascii")
        except UnicodeEncodeError as error:
            raise EvidenceFormError(**because("record_ascii", index=self.index)) from error


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The evidence file.

    Parameters
    ----------
    record
        What is proven.
    key_chain
        Key records from record 0 on, ascending, that lead to the author's key.
    checkpoint
        The signed note, with cosignatures where the log has them.
    """

    form: Literal["gaugeblock-evidence/1"]
    record: LoggedRecord
    key_chain: Annotated[list[LoggedRecord], msgspec.Meta(max_length=MAX_CHAIN_RECORDS)]
    checkpoint: str

    def to_bytes(self) -> bytes:
        """As JSON.

        Raises
        ------
        SizeLimitError
        """
        return i_json.write(self, "evidence", max_bytes=MAX_EVIDENCE_BYTES)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Evidence:
        """Read a file strictly; nothing in it is verified yet.

        Raises
        ------
        EvidenceFormError
            Not JSON, not this form, or beyond a limit; the detail says which.
        """
        try:
            return msgspec.convert(i_json.read(raw, "evidence", max_bytes=MAX_EVIDENCE_BYTES), cls)
        except (GaugeblockError, msgspec.ValidationError) as error:
            raise EvidenceFormError(**because_of(error)) from error


def select(disclosures: Mapping[str, str], facets: Collection[str] | None) -> dict[str, str]:
    """The disclosures of these facets; all of them for None.

    Raises
    ------
    FacetUnknownError
        A facet asked for is not there: the record never had it, or its disclosure was erased.
    """
    if facets is None:
        return dict(disclosures)
    for name in facets:
        if name not in disclosures:
            raise FacetUnknownError(facet=visible(name, 32), known=", ".join(disclosures) or "–")
    return {name: text for name, text in disclosures.items() if name in facets}


def make_evidence(
    index: int,
    record_at: Callable[[int], SignedRecord],
    directory: KeyDirectory,
    read: HashReader,
    size: int,
    checkpoint: bytes,
    facets: Collection[str] | None = None,
) -> Evidence:
    """Put the evidence for one record together.

    Parameters
    ----------
    index
        Of the record.
    record_at
        Gives a stored record by index.
    directory
        As of the log, to find the author's key chain.
    read, size
        The tree at the checkpoint.
    checkpoint
        The signed note for exactly this size.
    facets
        Which to disclose; None for all. The key chain's records are always whole.

    Raises
    ------
    TreeRangeError
        The record or a key record is beyond the checkpoint.
    UnknownKeyError, FacetUnknownError, CountLimitError
    """

    def logged(at: int, wanted: Collection[str] | None) -> LoggedRecord:
        record = record_at(at)
        return LoggedRecord(
            index=at,
            jws=record.jws.decode("ascii"),
            disclosures=select(record.disclosures, wanted),
            proof=[base64s.encode(h) for h in inclusion_proof(read, at, size)],
        )

    chain = [at for at in directory.chain(parse(record_at(index).jws).kid) if at < size]
    if len(chain) > MAX_CHAIN_RECORDS:
        raise CountLimitError(what="key chain", limit=MAX_CHAIN_RECORDS)
    return Evidence(
        form=EVIDENCE_FORM,
        record=logged(index, facets),
        key_chain=[logged(at, None) for at in chain],
        checkpoint=checkpoint.decode("utf-8"),
    )
