"""How a batch of submissions becomes new leaves: admission, identity, index. Shared by every kind of log.

A refusal harms only its own record. A second delivery of the same bytes is a duplicate, whatever happened since:
also of a record whose key was revoked after the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from gaugeblock.ledger.admission import Admitted, admit
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.merkle import leaf_hash
from gaugeblock.ledger.record import parse
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.errors import IdentityConflictError
from gaugeblock.stores.log_records import Receipt, Submission

Identity = tuple[str, str]
FindMany = Callable[[Collection[Identity]], Mapping[Identity, tuple[int, bytes]]]
"""The index and leaf hash of those of these (author, identity) that are in the log."""


@dataclass(frozen=True, slots=True)
class AdmittedLeaf:
    """What the log needs to know of an admitted record; ``key_record`` is there for ``key.*`` records only."""

    author: str
    identity: str
    leaf_hash: bytes
    key_record: Admitted | None = None


@dataclass(frozen=True, slots=True)
class NewLeaf:
    """A leaf to be appended."""

    index: int
    submission: Submission
    admitted: AdmittedLeaf


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch does: its new leaves, each submission's outcome, and the key directory after it."""

    leaves: list[NewLeaf]
    outcomes: list[Receipt | GaugeblockError]
    directory: KeyDirectory


Admission = AdmittedLeaf | GaugeblockError


class AdmitAll(Protocol):
    """How a batch is admitted: here (:class:`AdmitHere`), or shared between processes."""

    def start(self, batch: Sequence[Submission], directory: KeyDirectory, origin: str) -> Callable[[], list[Admission]]:
        """Begin, and say where to get the admissions, one for each submission in order."""
        ...


class AdmitHere:
    """Admits in the caller's thread, when the admissions are asked for."""

    def start(self, batch: Sequence[Submission], directory: KeyDirectory, origin: str) -> Callable[[], list[Admission]]:
        """See :class:`AdmitAll`."""
        return partial(admit_all, batch, directory, origin)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch whose admission was begun. ``keys`` says for which state of the log's keys it is good."""

    batch: Sequence[Submission]
    admissions: Callable[[], list[Admission]]
    keys: int


def admit_one(submission: Submission, directory: KeyDirectory, origin: str) -> Admission:
    """Admit one submission against the directory as it stands, which is not changed."""
    try:
        admitted = admit(submission.jws, submission.disclosures, directory, origin)
    except GaugeblockError as refusal:
        return refusal
    payload = admitted.payload
    is_key_record = payload.record_type.startswith("key.")
    return AdmittedLeaf(payload.author, payload.identity, admitted.leaf_hash, admitted if is_key_record else None)


def admit_all(batch: Sequence[Submission], directory: KeyDirectory, origin: str) -> list[Admission]:
    """Admit each submission, in order, as if those before it that were admitted were in the log."""
    scratch = directory.copy()
    admissions: list[Admission] = []
    for submission in batch:
        admission = admit_one(submission, scratch, origin)
        if isinstance(admission, AdmittedLeaf):
            count(scratch, scratch.next_index, admission)
        admissions.append(admission)
    return admissions


def count(directory: KeyDirectory, index: int, leaf: AdmittedLeaf) -> None:
    """Let the directory go past the record at ``index``."""
    if leaf.key_record is not None:
        directory.apply(index, leaf.key_record.payload, leaf.key_record.facets)
    else:
        directory.next_index = index + 1


def plan(
    batch: Sequence[Submission],
    admissions: Sequence[Admission],
    directory: KeyDirectory,
    origin: str,
    find_many: FindMany,
) -> Plan:
    """Give the admitted records their indices, and find out which were there before.

    Parameters
    ----------
    batch, admissions
        As :func:`admit_all` gave them, one for each submission.
    directory
        As the log stands; not changed.
    origin
        The log's.
    find_many
        Looks identities up in the log.
    """
    identities = [_identity(*pair) for pair in zip(batch, admissions, strict=True)]
    known = dict(find_many({identity for identity in identities if identity is not None}))
    after = directory.copy()
    leaves: list[NewLeaf] = []
    outcomes: list[Receipt | GaugeblockError] = []
    for number, (submission, admission, identity) in enumerate(zip(batch, admissions, identities, strict=True)):
        found = None if identity is None else known.get(identity)
        if found is not None and found[1] == _leaf(submission, admission):
            outcomes.append(Receipt(found[0], found[1].hex(), duplicate=True))
            continue
        if isinstance(admission, GaugeblockError) or identity is None:
            assert isinstance(admission, GaugeblockError)  # an admitted record has an identity
            outcomes.append(admission)
            continue
        if found is not None:
            conflict = IdentityConflictError(author=identity[0], identity=identity[1], index=found[0])
            if admission.key_record is not None:
                # Later records of the batch were admitted as if this one counted: admit those again without.
                return _again(batch, number, conflict, directory, origin, find_many)
            outcomes.append(conflict)
            continue
        index = after.next_index
        count(after, index, admission)
        leaves.append(NewLeaf(index, submission, admission))
        outcomes.append(Receipt(index, admission.leaf_hash.hex(), duplicate=False))
        known[identity] = (index, admission.leaf_hash)
    return Plan(leaves, outcomes, after)


def _again(
    batch: Sequence[Submission],
    number: int,
    conflict: IdentityConflictError,
    directory: KeyDirectory,
    origin: str,
    find_many: FindMany,
) -> Plan:
    rest = [submission for position, submission in enumerate(batch) if position != number]
    result = plan(rest, admit_all(rest, directory, origin), directory, origin, find_many)
    result.outcomes.insert(number, conflict)
    return result


def _leaf(submission: Submission, admission: Admission) -> bytes:
    return leaf_hash(submission.jws) if isinstance(admission, GaugeblockError) else admission.leaf_hash


def _identity(submission: Submission, admission: Admission) -> Identity | None:
    if not isinstance(admission, GaugeblockError):
        return admission.author, admission.identity
    try:
        payload = parse(submission.jws)
    except GaugeblockError:
        return None
    return payload.author, payload.identity
