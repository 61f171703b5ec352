"""Questions about a line as data, so that they can be asked anywhere, cut into pieces, and answered by whoever is free.

A piece is one variant and a range of replications. Pieces put together in order are the whole, whatever machine ran
which: the answer to a question depends on line, state, question and seed, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gaugeblock.twin.changes import Moment, changed, parse_change
from gaugeblock.twin.line import Line
from gaugeblock.twin.state import LineState
from gaugeblock.twin.what_if import Comparison, Observations, Plan, contrast, observe, together

PIECE = 25
"""Replications of a piece."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What if all of these changes were made? Written as :func:`~gaugeblock.twin.changes.parse_change` reads them.

    Parameters
    ----------
    released
        Orders that are on the line already: rush orders come after them.
    parts
        Orders of the line that are one order to whoever asks: it is complete with the last of them.
    """

    changes: tuple[str, ...]
    plan: Plan
    released: tuple[str, ...] = ()
    parts: dict[str, tuple[str, ...]] = {}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A range of one variant's replications."""

    variant: int
    line: Line
    state: LineState | None
    plan: Plan
    first: int
    count: int


def variants(line: Line, question: Question, state: LineState | None) -> tuple[Line, Line]:
    """The line as it is and as it would be.

    Raises
    ------
    ChangeFormError, UnknownNameError
    """
    moment = Moment(
        now=state.time if state is not None else 0.0,
        horizon=question.plan.until,
        released=frozenset(question.released),
    )
    return line, changed(line, [parse_change(text) for text in question.changes], moment)


def pieces(line: Line, question: Question, state: LineState | None, size: int = PIECE) -> list[Piece]:
    """All pieces, those of A first."""
    return [
        Piece(
            variant=variant,
            line=of,
            state=state,
            plan=question.plan,
            first=first,
            count=min(size, question.plan.replications - first),
        )
        for variant, of in enumerate(variants(line, question, state))
        for first in range(0, question.plan.replications, size)
    ]


def run(piece: Piece) -> Observations:
    """Run a piece."""
    numbers = range(piece.first, piece.first + piece.count)
    return observe(piece.line, numbers, piece.plan, state=piece.state)


def answer(
    line: Line,
    question: Question,
    state: LineState | None,
    done: Sequence[Observations],
    confidence: float = 0.95,
) -> Comparison:
    """From what the pieces showed, in their order."""
    a, b = variants(line, question, state)
    half = len(done) // 2
    a, seen_a = _whole_orders(a, together(done[:half]), question.parts)
    b, seen_b = _whole_orders(b, together(done[half:]), question.parts)
    return contrast(a, seen_a, b, seen_b, question.plan, confidence)


def _whole_orders(line: Line, seen: Observations, parts: dict[str, tuple[str, ...]]) -> tuple[Line, Observations]:
    """Orders and their completions with the parts of each put together; orders without parts stay as they are."""
    if not parts:
        return line, seen
    known = {order.name: k for k, order in enumerate(line.orders)}
    columns = {name: [known[part] for part in own if part in known] for name, own in parts.items()}
    taken = {k for own in columns.values() for k in own}
    columns = {name: own for name, own in columns.items() if own}
    columns |= {order.name: [k] for k, order in enumerate(line.orders) if k not in taken}
    orders = tuple(msgspec.structs.replace(line.orders[own[0]], name=name) for name, own in columns.items())
    rows = tuple(tuple(_last([row[k] for k in own]) for own in columns.values()) for row in seen.completed)
    return msgspec.structs.replace(line, orders=orders), msgspec.structs.replace(seen, completed=rows)


def _last(times: Sequence[float | None]) -> float | None:
    known = [time for time in times if time is not None]
    return max(known) if len(known) == len(times) else None
