"""The line around the virtual inspection: stations with buffers, services, failures and repairs, part by part.

A plain event-by-event run, seeded: draw *n* of a station and purpose is a function of seed and *n*, so the same line
makes the same day whatever the pace at which it is asked. It knows nothing of the twin; what leaves it are the events
that machines would send. Blocking is after service; failures count working time; a part under way goes on after repair.

At the inspection a part waits until it is let in, and its verdict comes from outside (``let_in``, ``judged``); without
an inspection, or with ``reject_share``, the line runs by itself.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gaugeblock.plant.production_facets import LineEvent, MachineEvent
from gaugeblock.plant.times import to_rfc3339

Seconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]
Event = LineEvent | MachineEvent
EVENTS_AT_ONCE = 100_000


class StationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A station: gamma service times by mean and coefficient of variation, exponential times between failures.

    Parameters
    ----------
    between_s, repair_s
        Mean working time between failures, and mean repair (gamma, cv 0.5); without failures where ``None``.
    places
        Of the buffer behind it; the last station has none.
    """

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    mean_s: Seconds
    cv: Annotated[float, Meta(ge=0.0, le=5.0)] = 0.3
    between_s: Seconds | None = None
    repair_s: Seconds = 5.0
    places: Annotated[int, Meta(ge=1, le=10_000)] = 4


class ProductionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stations in a row, and which of them is the inspection.

    Parameters
    ----------
    inspection
        Its name; its ``mean_s`` is the cycle, without spread.
    reject_share
        ``None``: verdicts come from outside.
    """

    stations: Annotated[tuple[StationConfig, ...], Meta(min_length=2, max_length=50)]
    inspection: str
    reject_share: Annotated[float, Meta(ge=0.0, lt=1.0)] | None = None


def demo_production(inspection: str = "L1-ST10", cycle_s: float = 1.0) -> ProductionConfig:
    """Five stations around the demo's inspection, which is a little faster than its neighbours can be.

    >>> [station.name for station in demo_production().stations]
    ['L1-TURN', 'L1-WASH', 'L1-ST10', 'L1-MARK', 'L1-PACK']
    """
    return ProductionConfig(
        stations=(
            StationConfig("L1-TURN", 0.95 * cycle_s, 0.25, 120.0 * cycle_s, 12.0 * cycle_s, 6),
            StationConfig("L1-WASH", 0.7 * cycle_s, 0.15, None, 5.0 * cycle_s, 6),
            StationConfig(inspection, cycle_s, 0.0, None, 5.0 * cycle_s, 6),
            StationConfig("L1-MARK", 0.6 * cycle_s, 0.4, 300.0 * cycle_s, 20.0 * cycle_s, 6),
            StationConfig("L1-PACK", 0.85 * cycle_s, 0.3, 200.0 * cycle_s, 10.0 * cycle_s, 1),
        ),
        inspection=inspection,
    )


class Piece(msgspec.Struct, frozen=True):
    """A part as its job card names it; ``number`` counts releases."""

    number: int
    serial: str
    product: str
    order: str | None


class StationState(msgspec.Struct):
    """What a station does; times are seconds on the line's clock, ``left_s`` of the work while it is down."""

    piece: Piece | None = None
    status: Literal["starved", "waiting", "busy", "blocked"] = "starved"
    work_left_s: float = 0.0
    resumed_s: float = 0.0
    down: bool = False
    repaired_s: float = 0.0
    up_left_s: float = math.inf
    good: bool | None = None
    services: int = 0
    failures: int = 0


class ProductionState(msgspec.Struct):
    """Everything, so that a restarted line goes on where it stopped."""

    now_s: float
    next_piece: int
    stations: list[StationState]
    buffers: list[list[Piece]]


class VirtualProduction:
    """The line, advanced by whoever drives it.

    Parameters
    ----------
    config, seed
        The same two give the same line.
    piece
        The job card of the n-th part that is released; ``None``: no more for now, asked again later.
    begin_s
        Seconds since the epoch at which it begins.
    first
        Number of the first part.
    state
        Where it stood; its clock is moved to ``begin_s``.

    Examples
    --------
    >>> config = msgspec.structs.replace(demo_production(), reject_share=0.0)
    >>> line = VirtualProduction(config, 1, lambda n: Piece(n, f"u{n}", "P100", "A"), 0.0)
    >>> events = line.advance(60.0)
    >>> events[0].event, events[0].unit
    ('started', 'u1')
    """

    def __init__(
        self,
        config: ProductionConfig,
        seed: int,
        piece: Callable[[int], Piece | None],
        begin_s: float,
        first: int = 1,
        state: ProductionState | None = None,
    ) -> None:
        self.config, self._seed, self._piece = config, seed, piece
        # The clock runs from zero: at some 10⁹ s a float no longer tells microseconds apart.
        self._origin_s = begin_s
        self._inspection = next(k for k, s in enumerate(config.stations) if s.name == config.inspection)
        self.events: list[Event] = []
        if state is None:
            state = ProductionState(
                0.0, first, [StationState() for _ in config.stations], [[] for _ in config.stations[1:]]
            )
            for k, station in enumerate(state.stations):
                station.up_left_s = self._uptime(k, station)
        self._move_clock(state)
        inspection = state.stations[self._inspection]
        if inspection.status == "busy" and inspection.good is None and config.reject_share is None:
            # Nobody remembers that inspection: it is done again.
            inspection.status = "waiting"
        self.state = state
        self._buffers: list[deque[Piece]] = [deque(own) for own in state.buffers]
        self._settle()

    def _move_clock(self, state: ProductionState) -> None:
        shift = -state.now_s
        for station in state.stations:
            station.resumed_s += shift
            station.repaired_s += shift
        state.now_s = 0.0

    def saved(self) -> ProductionState:
        """A copy of the state."""
        self.state.buffers = [list(own) for own in self._buffers]
        return msgspec.json.decode(msgspec.json.encode(_finite(self.state)), type=ProductionState)

    @property
    def now_s(self) -> float:
        """The line's clock, seconds since the epoch."""
        return self._origin_s + self.state.now_s

    def advance(self, until_s: float) -> list[Event]:
        """Run until then; the events since the last call, in order."""
        until_s -= self._origin_s
        while len(self.events) < EVENTS_AT_ONCE:
            at_s, k = min((self._next(k), k) for k in range(len(self.state.stations)))
            if at_s > until_s:
                break
            self.state.now_s = max(self.state.now_s, at_s)
            self._happen(k)
            self._settle()
        else:
            return self.taken()
        self.state.now_s = max(self.state.now_s, until_s)
        self._settle()
        return self.taken()

    def taken(self) -> list[Event]:
        """The events so far; they are handed over once."""
        events, self.events = self.events, []
        return events

    # ── the inspection ────────────────────────────────────────────────────────────────────────────────────

    def waiting(self) -> Piece | None:
        """The part that stands at the inspection and has not been let in."""
        station = self.state.stations[self._inspection]
        return station.piece if station.status == "waiting" else None

    def let_in(self) -> None:
        """The inspection of the waiting part begins now."""
        station = self.state.stations[self._inspection]
        if station.status == "waiting":
            self._begin(self._inspection)

    def judged(self, serial: str, good: bool) -> None:
        """The verdict on the part in inspection; a verdict on any other part changes nothing."""
        station = self.state.stations[self._inspection]
        if station.piece is not None and station.piece.serial == serial:
            station.good = good

    # ── one thing that happens ────────────────────────────────────────────────────────────────────────────

    def _next(self, k: int) -> float:
        station = self.state.stations[k]
        if station.down:
            return station.repaired_s
        if station.status != "busy":
            return math.inf
        if k == self._inspection and station.good is None and station.work_left_s <= 0.0:
            return math.inf
        return station.resumed_s + min(station.work_left_s, station.up_left_s)

    def _happen(self, k: int) -> None:
        station, config, now_s = self.state.stations[k], self.config.stations[k], self.state.now_s
        if station.down:
            station.down = False
            station.up_left_s = self._uptime(k, station)
            station.resumed_s = now_s
            self._say_state(config.name, "producing" if station.status == "busy" else "idle")
            return
        fails, worked = station.up_left_s < station.work_left_s, min(station.work_left_s, station.up_left_s)
        station.work_left_s -= worked
        station.up_left_s -= worked
        station.resumed_s = now_s
        if fails:
            station.failures += 1
            station.down = True
            station.repaired_s = now_s + self._gamma(k, "repair", station.failures, config.repair_s, 0.5)
            self._say_state(config.name, "down")
            return
        station.work_left_s = 0.0
        if k == self._inspection and station.good is None:
            return
        station.status = "blocked"
        self._say(config.name, "finished", station.piece)

    def _settle(self) -> None:
        """Everything that follows at once, from the last station to the first: room is made before it is used."""
        for k in reversed(range(len(self.state.stations))):
            self._unload(k)
            self._load(k)
        # A part that was unloaded may start behind: once more, from the first.
        for k in range(len(self.state.stations)):
            self._load(k)

    def _unload(self, k: int) -> None:
        station, config = self.state.stations[k], self.config.stations[k]
        if station.status != "blocked" or station.down:
            return
        assert station.piece is not None, "only a part blocks"
        if k == self._inspection and station.good is False:
            self._say(config.name, "scrapped", station.piece)
        elif k == len(self.state.stations) - 1:
            self._say(config.name, "left", station.piece)
        elif len(self._buffers[k]) < config.places:
            self._say(config.name, "left", station.piece)
            self._buffers[k].append(station.piece)
            self._say(self.config.stations[k + 1].name, "arrived", station.piece)
        else:
            return
        station.piece, station.status, station.good = None, "starved", None

    def _load(self, k: int) -> None:
        station = self.state.stations[k]
        if station.status != "starved" or station.down:
            return
        if k == 0:
            piece = self._piece(self.state.next_piece)
            if piece is None:
                return
            self.state.next_piece += 1
        elif self._buffers[k - 1]:
            piece = self._buffers[k - 1].popleft()
        else:
            return
        station.piece = piece
        if k == self._inspection and self.config.reject_share is None:
            station.status = "waiting"
        else:
            self._begin(k)
        if k:
            self._unload(k - 1)

    def _begin(self, k: int) -> None:
        station, config = self.state.stations[k], self.config.stations[k]
        station.services += 1
        station.status, station.resumed_s, station.good = "busy", self.state.now_s, None
        station.work_left_s = self._gamma(k, "service", station.services, config.mean_s, config.cv)
        if k == self._inspection:
            station.work_left_s = config.mean_s
            if self.config.reject_share is not None:
                station.good = self._random(k, "verdict", station.services).random() >= self.config.reject_share
        self._say(config.name, "started", station.piece)

    def _uptime(self, k: int, station: StationState) -> float:
        between_s = self.config.stations[k].between_s
        if between_s is None:
            return math.inf
        return self._random(k, "uptime", station.failures).expovariate(1.0 / between_s)

    def _gamma(self, k: int, purpose: str, number: int, mean: float, cv: float) -> float:
        if cv == 0.0:
            return mean
        shape = 1.0 / cv**2
        return self._random(k, purpose, number).gammavariate(shape, mean / shape)

    def _random(self, k: int, purpose: str, number: int) -> random.Random:
        return random.Random(f"{self._seed}/{k}/{purpose}/{number}")  # noqa: S311 – no secret

    def _say(self, station: str, event: str, piece: Piece | None) -> None:
        assert piece is not None, "an event is of a part"
        self.events.append(
            LineEvent(
                at=_text(self.now_s),
                station=station,
                event=event,  # type: ignore[arg-type]
                unit=piece.serial,
                product=piece.product,
                order=piece.order,
            )
        )

    def _say_state(self, machine: str, state: str) -> None:
        self.events.append(MachineEvent(at=_text(self.now_s), machine=machine, state=state))  # type: ignore[arg-type]


def _text(at_s: float) -> str:
    return to_rfc3339(datetime.fromtimestamp(at_s, UTC))


def _finite(state: ProductionState) -> ProductionState:
    """JSON has no infinity: a machine that never fails has a very long way to go."""
    for station in state.stations:
        station.up_left_s = min(station.up_left_s, 1e15)
    return state
