"""What has become of each contract: the records about it folded in the order of the log. Pure.

A version is a record of a person of the plant. Where its data need an approval it waits for one, by a person **other
than its drafter**; from then on it is offered. The customer accepts or declines an offer; either side revokes the whole
contract: every version that was stated before the revocation ends with it, and only one that is drafted afterwards can
be accepted again. A step that does not fit where its version stands has no effect: the log keeps it, the fold skips it.

Of the accepted versions whose validity has begun, the greatest is in force, if its validity has not ended: a version
takes the place of those before it when it begins, and for good. A customer's contracts are in force one at a time: the
one that was accepted last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from gaugeblock.exchange.contract_errors import (
    ContractFourEyesError,
    ContractMissingError,
    ContractOtherInForceError,
    ContractPartyError,
    ContractStepError,
)
from gaugeblock.plant.exchange_facets import ContractStatement
from gaugeblock.plant.times import from_rfc3339

Stage = Literal["awaiting_approval", "offered", "accepted", "declined", "revoked"]
StepName = Literal["approved", "accepted", "declined", "revoked"]
NEEDS_APPROVAL = ("unclassified", "important", "core")


class VersionStated(msgspec.Struct, frozen=True, kw_only=True):
    """A record ``exchange.contract``."""

    index: int
    contract: str
    customer: str
    author: str
    stated_at: str
    statement: ContractStatement


class StepStated(msgspec.Struct, frozen=True, kw_only=True):
    """A record ``exchange.contract_step``; ``credential`` where the exchange states it for the customer."""

    index: int
    contract: str
    customer: str
    version: int
    step: StepName
    author: str
    stated_at: str
    reason: str = ""
    credential: str | None = None


class VersionState(msgspec.Struct, frozen=True, kw_only=True):
    """A version and the steps that had an effect on it, by name."""

    stated: VersionStated
    stage: Stage
    approved: StepStated | None = None
    accepted: StepStated | None = None
    ended: StepStated | None = None

    @property
    def statement(self) -> ContractStatement:
        """The terms."""
        return self.stated.statement


class ContractState(msgspec.Struct, frozen=True, kw_only=True):
    """A contract with its versions, oldest first."""

    contract: str
    customer: str
    versions: tuple[VersionState, ...]

    def version(self, version: int) -> VersionState | None:
        """One version."""
        return next((known for known in self.versions if known.statement.version == version), None)

    @property
    def latest(self) -> VersionState:
        """The version that was stated last."""
        return self.versions[-1]

    @property
    def ended(self) -> bool:
        """Whether every version was declined or revoked: there is nothing to revoke."""
        return all(state.stage in _ENDED for state in self.versions)


def needs_approval(statement: ContractStatement) -> bool:
    """Whether a second person must approve that these data leave the country."""
    return statement.classification in NEEDS_APPROVAL or statement.personal_information


def fold(events: Iterable[VersionStated | StepStated]) -> dict[str, ContractState]:
    """Each contract as the records leave it.

    Parameters
    ----------
    events
        In any order; they are taken in that of the log.
    """
    contracts: dict[str, ContractState] = {}
    for event in sorted(events, key=lambda event: event.index):
        known = contracts.get(event.contract)
        if isinstance(event, VersionStated):
            after = _with_version(known, event)
        elif known is not None and known.customer == event.customer:
            after = _with_step(known, event)
        else:
            after = None
        if after is not None:
            contracts[event.contract] = after
    return contracts


def _with_version(known: ContractState | None, stated: VersionStated) -> ContractState | None:
    fresh = VersionState(stated=stated, stage="awaiting_approval" if needs_approval(stated.statement) else "offered")
    if known is None:
        return ContractState(contract=stated.contract, customer=stated.customer, versions=(fresh,))
    if stated.customer != known.customer or stated.statement.version <= known.latest.statement.version:
        return None
    return msgspec.structs.replace(known, versions=(*known.versions, fresh))


def _with_step(known: ContractState, step: StepStated) -> ContractState | None:
    version = known.version(step.version)
    if version is None or _obstacle(known, version, step.step, step.author) is not None:
        return None
    if step.step == "revoked":
        ended = [
            state if state.stage in _ENDED else msgspec.structs.replace(state, stage="revoked", ended=step)
            for state in known.versions
        ]
        return msgspec.structs.replace(known, versions=tuple(ended))
    if step.step == "approved":
        moved = msgspec.structs.replace(version, stage="offered", approved=step)
    elif step.step == "accepted":
        moved = msgspec.structs.replace(version, stage="accepted", accepted=step)
    else:
        moved = msgspec.structs.replace(version, stage="declined", ended=step)
    return msgspec.structs.replace(
        known, versions=tuple(moved if state is version else state for state in known.versions)
    )


_ENDED = ("declined", "revoked")
_FROM: dict[StepName, tuple[Stage, ...]] = {
    "approved": ("awaiting_approval",),
    "accepted": ("offered",),
    "declined": ("offered",),
    "revoked": ("awaiting_approval", "offered", "accepted", "declined"),
}


def _obstacle(
    known: ContractState, version: VersionState, step: StepName, author: str
) -> Literal["stage", "party", "four_eyes"] | None:
    """Why a step would have no effect."""
    if version.stage not in _FROM[step]:
        return "stage"
    if step == "revoked" and known.ended:
        return "stage"
    kind, _, name = author.partition(":")
    if kind == "customer" and name != known.customer:
        return "party"
    if step == "approved":
        if kind != "person":
            return "party"
        return "four_eyes" if author == version.stated.author else None
    # The plant cannot accept or decline in the customer's place.
    return "party" if step in ("accepted", "declined") and kind == "person" else None


def check_step(
    contracts: Sequence[ContractState],
    customer: str,
    contract: str,
    version: int,
    step: StepName,
    author: str,
    now: datetime,
) -> VersionState:
    """The version that a step is about, if the step would have its effect.

    Parameters
    ----------
    contracts
        Those of the customer, from :func:`fold`.
    author
        Who states it: ``person:…``, ``customer:…``, or ``exchange:…`` on behalf of the customer.

    Raises
    ------
    ContractMissingError
        No such contract or version of this customer.
    ContractStepError
        The step does not fit where the version stands.
    ContractPartyError, ContractFourEyesError
        It is not this author's to state.
    ContractOtherInForceError
        Another contract of the customer is in force: one at a time.
    """
    known = next((k for k in contracts if k.contract == contract and k.customer == customer), None)
    state = known.version(version) if known is not None else None
    if known is None or state is None:
        raise ContractMissingError(contract=contract[:80], version=version)
    obstacle = _obstacle(known, state, step, author)
    if obstacle == "stage":
        raise ContractStepError(contract=contract, version=version, stage=state.stage, step=step)
    if obstacle == "party":
        raise ContractPartyError(step=step)
    if obstacle == "four_eyes":
        raise ContractFourEyesError(person=author.partition(":")[2])
    if step == "accepted":
        other = in_force([k for k in contracts if k.contract != contract], customer, now)
        if other is not None:
            raise ContractOtherInForceError(contract=contract, other=other.stated.contract)
    return state


def version_in_force(known: ContractState, now: datetime) -> VersionState | None:
    """The version of one contract that is in force at ``now``; validity is half open."""
    begun = [
        state
        for state in known.versions
        if state.stage == "accepted" and from_rfc3339(state.statement.valid_from) <= now
    ]
    if not begun:
        return None
    greatest = max(begun, key=lambda state: state.statement.version)
    return greatest if now < from_rfc3339(greatest.statement.valid_until) else None


def in_force(contracts: Iterable[ContractState], customer: str, now: datetime) -> VersionState | None:
    """The version by which a customer is served at ``now``; ``None``: none, and nothing may be seen."""
    candidates = [
        state
        for known in contracts
        if known.customer == customer and (state := version_in_force(known, now)) is not None
    ]
    return max(candidates, key=lambda state: state.accepted.index if state.accepted else -1, default=None)


def next_change(contracts: Iterable[ContractState], customer: str, now: datetime) -> datetime | None:
    """When, after ``now``, time alone can change what is in force: where a validity begins or ends."""
    moments = [
        moment
        for known in contracts
        if known.customer == customer
        for state in known.versions
        if state.stage == "accepted"
        for moment in (from_rfc3339(state.statement.valid_from), from_rfc3339(state.statement.valid_until))
        if moment > now
    ]
    return min(moments, default=None)
