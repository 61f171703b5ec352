"""Verification of evidence by a stranger: the file and the log's public key in, yes or the failed step out.

No file, no network, no clock. It proves that the record was in the log that this checkpoint names, unchanged,
signed by a key that the log's own records bind to its author. It does not prove that the statement is true,
and without a witness it does not prove that the owner shows everyone the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gaugeblock.ledger.admission import REQUIRED_FACETS
from gaugeblock.ledger.checkpoint import Checkpoint, open_checkpoint
from gaugeblock.ledger.cosignature import verify_cosignature
from gaugeblock.ledger.detail import because, reason_in
from gaugeblock.ledger.errors import (
    CountLimitError,
    ForeignLogError,
    InclusionError,
    KeyChainError,
    MissingFacetError,
    VkeyFormError,
    WitnessKeyError,
)
from gaugeblock.ledger.evidence import Evidence, LoggedRecord
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.merkle import leaf_hash, verify_inclusion
from gaugeblock.ledger.note import COSIGNATURE_V1, MAX_SIGNATURES, NoteKey
from gaugeblock.ledger.record import Payload, check_signature, open_facets, parse
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language, say
from gaugeblock.plant.record_types import Facet, check_author, facet_set, read_facet

STEPS: tuple[str, ...] = (
    "keys_given",
    "form",
    "checkpoint",
    "witnesses",
    "inclusion",
    "key_chain",
    "signature",
    "disclosures",
    "facets",
)
"""In order. Each has the sentences ``ledger.verify.<step>.ok`` and ``.failed``; ``key_chain`` also ``.ok_ended``."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken.

    Parameters
    ----------
    name
        One of :data:`STEPS`.
    ok
        Whether it held.
    facts
        What its sentence needs.
    error
        Why it did not hold.
    sentence
        Which of the step's sentences says it.
    """

    name: str
    ok: bool
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    error: GaugeblockError | None = None
    sentence: str = "ok"

    def named(self, language: Language) -> str:
        """The step's name in words."""
        return say(f"ledger.step.{self.name}", language)

    def text(self, language: Language) -> str:
        """What was checked and found, in one or two sentences."""
        said = say(f"ledger.verify.{self.name}.{self.sentence}", language, **self.facts)
        return said if self.error is None else f"{said} {self.error.text(language)}"


@dataclass(frozen=True, slots=True)
class Verification:
    """The steps taken, in order, up to the first that failed.

    ``payload``, ``facets`` and ``checkpoint`` are what was verified, and None or empty where a step before
    failed: nothing unverified is handed out.
    """

    ok: bool
    steps: tuple[Step, ...]
    payload: Payload | None = None
    facets: Mapping[str, Facet] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None

    @property
    def failed(self) -> Step | None:
        """The step that failed."""
        return next((step for step in self.steps if not step.ok), None)


_Facts = dict[str, str | int | float]


class _Check:
    """What the steps hand on to each other."""

    def __init__(self, raw: bytes, log_key: str, witnesses: Sequence[str]) -> None:
        self._raw = raw
        self._log_key_text = log_key
        self._witness_texts = witnesses
        self._directory = KeyDirectory()
        self._log_key: NoteKey
        self._witnesses: list[NoteKey]
        self._evidence: Evidence
        self.checkpoint: Checkpoint
        self.payload: Payload
        self._plain: dict[str, object] = {}
        self.facets: dict[str, Facet] = {}

    def keys_given(self) -> _Facts:
        self._log_key = NoteKey.from_vkey(self._log_key_text)
        if len(self._witness_texts) > MAX_SIGNATURES:
            raise CountLimitError(what="witnesses", limit=MAX_SIGNATURES)
        self._witnesses = []
        for position, text in enumerate(self._witness_texts, 1):
            try:
                witness = NoteKey.from_vkey(text, COSIGNATURE_V1)
            except VkeyFormError as error:
                raise WitnessKeyError(position=position, **reason_in(error)) from error
            if any(witness.key == other.key for other in self._witnesses):
                raise WitnessKeyError(position=position, **because("witness_twice"))
            self._witnesses.append(witness)
        return {"log": self._log_key.name, "witnesses": len(self._witnesses)}

    def form(self) -> _Facts:
        self._evidence = Evidence.from_bytes(self._raw)
        return {"bytes": len(self._raw), "records": 1 + len(self._evidence.key_chain)}

    def checkpoint_signature(self) -> _Facts:
        self.checkpoint = open_checkpoint(self._evidence.checkpoint.encode(), self._log_key)
        return {"log": self.checkpoint.origin, "size": self.checkpoint.size}

    def witnesses(self) -> _Facts:
        for witness in self._witnesses:
            verify_cosignature(self._evidence.checkpoint.encode(), witness)
        return {"names": ", ".join(witness.name for witness in self._witnesses)}

    def inclusion(self) -> _Facts:
        for record in (self._evidence.record, *self._evidence.key_chain):
            self._check_inclusion(record)
        return {"index": self._evidence.record.index, "size": self.checkpoint.size}

    def _check_inclusion(self, record: LoggedRecord) -> None:
        leaf, size = leaf_hash(record.jws_bytes()), self.checkpoint.size
        if not verify_inclusion(leaf, record.index, size, record.proof_hashes(), self.checkpoint.root):
            raise InclusionError(index=record.index, size=size)

    def key_chain(self) -> _Facts:
        """Fold the chain as the log itself did, each record's signature checked before it is believed."""
        chain = self._evidence.key_chain
        if not chain or chain[0].index != 0:
            raise KeyChainError(**because("chain_start"))
        for record in chain:
            jws = record.jws_bytes()
            payload = parse(jws)
            if payload.log != self.checkpoint.origin:
                raise ForeignLogError(log=payload.log, origin=self.checkpoint.origin)
            if not payload.record_type.startswith("key."):
                raise KeyChainError(**because("chain_type", index=record.index, record_type=payload.record_type))
            facets = _shaped(payload, open_facets(payload, record.disclosures))
            if record.index == 0:
                key = self._directory.genesis_key(payload, facets)
            else:
                key = self._directory.author_key(payload, record.index).key
            check_signature(jws, payload.kid, key)
            self._directory.apply(record.index, payload, facets)
        payload = parse(self._evidence.record.jws_bytes())
        bound = self._directory.author_key(payload, self._evidence.record.index)
        facts: _Facts = {"entity": bound.entity, "kid": payload.kid, "bound_at": bound.bound_at_index}
        if bound.revoked_at_index is not None:
            facts["ended_at"] = bound.revoked_at_index
        return facts

    def signature(self) -> _Facts:
        jws = self._evidence.record.jws_bytes()
        payload = parse(jws)
        if payload.log != self.checkpoint.origin:
            raise ForeignLogError(log=payload.log, origin=self.checkpoint.origin)
        check_signature(jws, payload.kid, self._directory.key_for(payload.kid).key)
        self.payload = payload
        return {"author": payload.author, "stated_at": payload.stated_at, "record_type": payload.record_type}

    def disclosures(self) -> _Facts:
        self._plain = open_facets(self.payload, self._evidence.record.disclosures)
        shown = len(self._plain)
        return {"shown": shown, "withheld": len(self.payload.digests) - shown}

    def facet_shapes(self) -> _Facts:
        self.facets = _shaped(self.payload, self._plain)
        if len(self._plain) == len(self.payload.digests):
            for name in REQUIRED_FACETS:
                if name not in self.facets:
                    raise MissingFacetError(record_type=self.payload.record_type, facet=name)
        return {"names": ", ".join(self.facets) or "–"}


def _shaped(payload: Payload, plain: Mapping[str, object]) -> dict[str, Facet]:
    facet_set(payload.record_type, payload.version)
    check_author(payload.record_type, payload.author)
    return {name: read_facet(payload.record_type, payload.version, name, value) for name, value in plain.items()}


def verify_evidence(evidence_json: bytes, log_key: str, witnesses: Sequence[str] = ()) -> Verification:
    """Check an evidence file. Never raises, whatever the bytes.

    Parameters
    ----------
    evidence_json
        The file.
    log_key
        The log's vkey, from a source that is not the file.
    witnesses
        vkeys of witnesses who must each have cosigned the checkpoint; none are asked for by default.

    Examples
    --------
    >>> result = verify_evidence(b"{}", "no key")
    >>> result.ok, result.failed.name
    (False, 'keys_given')
    """
    check = _Check(evidence_json, log_key, witnesses)
    plan: list[tuple[str, Callable[[], _Facts]]] = [
        ("keys_given", check.keys_given),
        ("form", check.form),
        ("checkpoint", check.checkpoint_signature),
        ("witnesses", check.witnesses),
        ("inclusion", check.inclusion),
        ("key_chain", check.key_chain),
        ("signature", check.signature),
        ("disclosures", check.disclosures),
        ("facets", check.facet_shapes),
    ]
    steps: list[Step] = []
    for name, step in plan:
        if name == "witnesses" and not witnesses:
            continue
        try:
            facts = step()
        except GaugeblockError as error:
            steps.append(Step(name, False, error=error, sentence="failed"))
            return Verification(False, tuple(steps))
        steps.append(Step(name, True, facts, sentence="ok_ended" if "ended_at" in facts else "ok"))
    return Verification(True, tuple(steps), check.payload, check.facets, check.checkpoint)
