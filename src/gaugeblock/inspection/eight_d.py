"""The 8D report as customers ask for it, filled from a nonconformity's steps; what has not been done is said.

Pure. D1 team, D2 problem, D3 containment, D4 root cause, D5 corrective action chosen, D6 carried out and verified,
D7 recurrence prevented, D8 closed.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gaugeblock.inspection.nonconformity_read_model import Case, Nonconformity, Step

FORM = "gaugeblock-8d/1"

Number = Literal["D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8"]

_STEPS: dict[Number, tuple[str, ...]] = {
    "D3": ("containment", "disposition"),
    "D4": ("cause",),
    "D5": ("corrective_action",),
    "D6": ("effectiveness",),
    "D7": ("prevention",),
    "D8": ("closure",),
}


class Discipline(msgspec.Struct, frozen=True, kw_only=True):
    """One of the eight.

    Parameters
    ----------
    number
        Words: ``web.quality.eight_d.<number>``.
    people
        Of D1: authors of the steps, and who is responsible for actions.
    steps
        Of the others; D2 is the nonconformity itself.
    missing
        Nothing has been stated that would answer it.
    """

    number: Number
    people: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    missing: bool


class EightD(msgspec.Struct, frozen=True, kw_only=True):
    """The report; every step in it names its record, and ``log`` where that is."""

    form: str = FORM
    log: str
    problem: Nonconformity
    units: tuple[str, ...]
    kinds: dict[str, int]
    disciplines: tuple[Discipline, ...]


def eight_d(case: Case, log: str) -> EightD:
    """A nonconformity as an 8D report.

    Parameters
    ----------
    log
        The log's origin.
    """
    people = dict.fromkeys(step.author.removeprefix("person:") for step in case.steps)
    people.update(dict.fromkeys(s.statement.responsible for s in case.steps if s.statement.responsible))
    disciplines = [
        Discipline(number="D1", people=tuple(people), missing=not people),
        Discipline(number="D2", missing=not (case.units or case.head.text)),
    ]
    for number, names in _STEPS.items():
        steps = tuple(step for step in case.steps if step.statement.step in names and step.in_force)
        disciplines.append(Discipline(number=number, steps=steps, missing=not _answered(number, steps, case)))
    units = tuple(unit.unit for unit in case.units if unit.belongs)
    return EightD(log=log, problem=case.head, units=units, kinds=case.kinds, disciplines=tuple(disciplines))


def _answered(number: Number, steps: tuple[Step, ...], case: Case) -> bool:
    if number == "D3":
        # Deciding about every unit contains them too.
        return bool(steps) and case.head.open_units == 0
    if number == "D6":
        return case.effective is True
    if number == "D8":
        return case.head.closed
    return bool(steps)
