"""The life of a nonconformity (ISO 9001:2015, 8.7 and 10.2) as a pure fold over what the log says, in its order.

Units join while it is open, a person's review may take one out again, steps are stated by people. Whether it is closed
is worked out here and nowhere else: a closure that arrives while a unit has no disposition closes nothing, however it
came into the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

import msgspec

from gaugeblock.inspection.nonconformity_errors import (
    ConcessionAuthorityError,
    CorrectiveActionFormError,
    CorrectiveActionMissingError,
    DispositionMissingError,
    EffectivenessFormError,
    EffectivenessMissingError,
    NonconformityClosedError,
    NonconformityNotClosedError,
    StepTextError,
    UnitNotInNonconformityError,
    UnitsOpenError,
)
from gaugeblock.inspection.review_rules import Condition, Opinion, standing
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.nonconformity_facets import StepStatement
from gaugeblock.plant.review_facets import Decision, Role

UNITS_MAX = 1_000
"""Beyond, the next nonconforming unit opens another nonconformity."""
TEXT_MAX = 4_000

Severity = Literal["critical", "major", "minor"]


class Missing(StrEnum):
    """What stands in the way of closing. Words: ``inspection.nonconformity.missing.<value>``."""

    DISPOSITION = "disposition"
    CORRECTIVE_ACTION = "corrective_action"
    EFFECTIVENESS = "effectiveness"


class Found(msgspec.Struct, frozen=True):
    """A unit was found nonconforming: by its verdict, or by a person's review of it. ``index`` is that record's."""

    index: int
    verdict_index: int
    unit: str


class Reviewed(msgspec.Struct, frozen=True):
    """A person's opinion of a unit; ``second_wanted`` as the plant draws it."""

    index: int
    verdict_index: int
    person: str
    role: Role
    decision: Decision
    second_wanted: bool = False


class Stepped(msgspec.Struct, frozen=True):
    """A person's step."""

    index: int
    statement: StepStatement


Event = Found | Reviewed | Stepped


class UnitState(msgspec.Struct, frozen=True):
    """A unit of the nonconformity.

    Parameters
    ----------
    unit
        Its serial, or ``#`` and the verdict's index where it has none.
    verdict_indices
        The verdicts by which it belongs here, oldest first; more than one where it failed again.
    joined_index
        The record by which it last joined.
    good_index
        The review by which it left: a person found it good.
    disposition, disposition_index
        What is done with it, since it last joined.
    """

    unit: str
    verdict_indices: tuple[int, ...]
    joined_index: int
    good_index: int | None = None
    disposition: str | None = None
    disposition_index: int | None = None

    @property
    def belongs(self) -> bool:
        """Nobody has found it good."""
        return self.good_index is None

    @property
    def open(self) -> bool:
        """It belongs here and nobody has said what is to be done with it."""
        return self.belongs and self.disposition is None


class Lifecycle(msgspec.Struct, frozen=True):
    """Where a nonconformity stands.

    Parameters
    ----------
    units
        By serial, in the order in which they joined.
    action
        The corrective action in force: its step's index; ``None`` while none was planned.
    effective
        Whether it was verified, and how; ``None`` while it was not.
    closed_index
        The closure in force.
    refused_closures
        Closures that closed nothing, because something was missing in the log before them.
    steps
        Which kinds of step have been made, with the index of the last.
    """

    severity: Severity
    units: dict[str, UnitState] = {}
    opinions: dict[int, tuple[Reviewed, ...]] = {}
    action: int | None = None
    effective: bool | None = None
    closed_index: int | None = None
    refused_closures: tuple[int, ...] = ()
    steps: dict[str, int] = {}

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.closed_index is not None

    @property
    def full(self) -> bool:
        """No further unit joins."""
        return len(self.units) >= UNITS_MAX

    @property
    def open_units(self) -> list[UnitState]:
        """Units that wait for a disposition."""
        return [unit for unit in self.units.values() if unit.open]

    def missing(self) -> tuple[Missing, ...]:
        """What must be done before it can be closed.

        >>> Lifecycle("critical").missing()
        (<Missing.CORRECTIVE_ACTION: 'corrective_action'>,)
        """
        found = []
        if self.open_units:
            found.append(Missing.DISPOSITION)
        if (self.severity == "critical" and self.action is None) or self.effective is False:
            found.append(Missing.CORRECTIVE_ACTION)
        elif self.action is not None and self.effective is None:
            found.append(Missing.EFFECTIVENESS)
        return tuple(found)


def settled(opinions: Iterable[Reviewed]) -> Condition | None:
    """What people's opinions of one verdict, oldest first, come to; see :mod:`gaugeblock.inspection.review_rules`.

    >>> settled([Reviewed(1, 0, "person:a", "first", "good"), Reviewed(2, 0, "person:b", "second", "defective")])
    >>> settled([Reviewed(1, 0, "person:a", "first", "unsure"), Reviewed(2, 0, "person:b", "second", "defective")])
    'defective'
    """
    slots: dict[Role, Opinion] = {}
    wanted = False
    for said in opinions:
        wanted = said.second_wanted
        slots.pop(said.role, None)
        if said.decision != "withdrawn":
            slots[said.role] = Opinion(index=said.index, person=said.person, role=said.role, decision=said.decision)
    return standing(slots.get("first"), slots.get("second"), slots.get("adjudication"), second_wanted=wanted).condition


def unit_key(unit: str | None, verdict_index: int) -> str:
    """How a unit is called here.

    >>> unit_key(None, 7), unit_key("U-1", 7)
    ('#7', 'U-1')
    """
    return unit or f"#{verdict_index}"


def fold(severity: Severity, events: Iterable[Event]) -> Lifecycle:
    """Where it stands after all events, which come in the order of the log.

    >>> found = Found(5, 5, "U-1")
    >>> scrapped = Stepped(6, StepStatement(step="disposition", text="", disposition="scrap"))
    >>> closed = Stepped(7, StepStatement(step="closure", text="done"))
    >>> fold("minor", [found, closed]).closed, fold("minor", [found, scrapped, closed]).closed
    (False, True)
    """
    state = Lifecycle(severity)
    for event in events:
        state = after(state, event)
    return state


def after(state: Lifecycle, event: Event) -> Lifecycle:
    """One event further."""
    match event:
        case Found():
            return _found(state, event)
        case Reviewed():
            return _reviewed(state, event)
        case Stepped():
            return _stepped(state, event.index, event.statement)


def _found(state: Lifecycle, event: Found) -> Lifecycle:
    known = state.units.get(event.unit)
    if state.closed or (known is None and state.full):
        return state
    if known is not None and event.verdict_index in known.verdict_indices:
        return state
    # Found again, after rework say: what was to be done with it before does not count any more.
    indices = (*(known.verdict_indices if known else ()), event.verdict_index)
    return _with_unit(state, UnitState(event.unit, indices, event.index))


def _reviewed(state: Lifecycle, event: Reviewed) -> Lifecycle:
    opinions = (*state.opinions.get(event.verdict_index, ()), event)
    state = msgspec.structs.replace(state, opinions={**state.opinions, event.verdict_index: opinions})
    for unit in state.units.values():
        if unit.verdict_indices[-1] != event.verdict_index:
            continue
        answer = settled(opinions)
        if answer == "good" and unit.belongs:
            return _with_unit(state, msgspec.structs.replace(unit, good_index=event.index))
        if answer != "good" and not unit.belongs and not state.closed:
            rejoined = UnitState(unit.unit, unit.verdict_indices, event.index)
            return _with_unit(state, rejoined)
    return state


def _with_unit(state: Lifecycle, unit: UnitState) -> Lifecycle:
    return msgspec.structs.replace(state, units={**state.units, unit.unit: unit})


def _stepped(state: Lifecycle, index: int, step: StepStatement) -> Lifecycle:
    state = msgspec.structs.replace(state, steps={**state.steps, step.step: index})
    replace = msgspec.structs.replace
    match step.step:
        case "disposition" if not state.closed:
            names = step.units or tuple(unit.unit for unit in state.units.values() if unit.belongs)
            units = {
                name: replace(unit, disposition=step.disposition, disposition_index=index)
                if name in names and unit.belongs
                else unit
                for name, unit in state.units.items()
            }
            return replace(state, units=units)
        case "corrective_action" if not state.closed:
            return replace(state, action=index, effective=None)
        case "effectiveness" if state.action is not None:
            # Not effective: also one that was closed is open again.
            return replace(state, effective=step.effective, closed_index=state.closed_index if step.effective else None)
        case "closure" if not state.closed:
            if state.missing():
                return replace(state, refused_closures=(*state.refused_closures, index))
            return replace(state, closed_index=index)
        case "reopening":
            return replace(state, closed_index=None)
    return state


def check_step(state: Lifecycle, step: StepStatement) -> None:
    """Refuse a step that does not make sense now.

    Raises
    ------
    StepTextError, NonconformityClosedError, NonconformityNotClosedError, UnitNotInNonconformityError,
    DispositionMissingError, ConcessionAuthorityError, CorrectiveActionFormError, EffectivenessFormError,
    UnitsOpenError, CorrectiveActionMissingError, EffectivenessMissingError
    """
    refusal = _refusal(state, step)
    if refusal is not None:
        raise refusal


def _refusal(state: Lifecycle, step: StepStatement) -> GaugeblockError | None:
    needs_text = step.step not in {"disposition", "effectiveness"}
    if len(step.text) > TEXT_MAX or (needs_text and not step.text.strip()):
        return StepTextError(limit=TEXT_MAX)
    if step.step == "reopening":
        return None if state.closed else NonconformityNotClosedError()
    if state.closed and step.step not in {"note", "effectiveness", "prevention"}:
        return NonconformityClosedError(index=state.closed_index or 0)
    match step.step:
        case "disposition":
            return _disposition_refusal(state, step)
        case "corrective_action" if not step.responsible.strip() or step.due is None:
            return CorrectiveActionFormError()
        case "effectiveness" if step.effective is None or state.action is None:
            return EffectivenessFormError()
        case "closure" if missing := state.missing():
            return _closure_refusal(state, missing[0])
    return None


def _closure_refusal(state: Lifecycle, missing: Missing) -> GaugeblockError:
    if missing is Missing.DISPOSITION:
        units = state.open_units
        return UnitsOpenError(units=len(units), example=units[0].unit)
    if missing is Missing.CORRECTIVE_ACTION:
        return CorrectiveActionMissingError()
    return EffectivenessMissingError()


def _disposition_refusal(state: Lifecycle, step: StepStatement) -> GaugeblockError | None:
    if step.disposition is None:
        return DispositionMissingError()
    if step.disposition == "concession" and not step.authority.strip():
        return ConcessionAuthorityError()
    there = {name for name, unit in state.units.items() if unit.belongs}
    unknown = next((name for name in step.units if name not in there), None)
    return None if unknown is None else UnitNotInNonconformityError(unit=unknown[:200])
