"""Random lines of known truth, and event logs of them, written by a simulator that shares no code with the twin's.

Plain Python over a heap of events, NumPy's random numbers: what it writes is what a real line's controller would log,
who came onto which machine when and when it left, and when machines were down. Blocking after service; failures by
operating or calendar time; parallel machines; scrap; rework.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gaugeblock.twin.calibration.event_log import EventLog, LogBuilder
from gaugeblock.twin.distributions import (
    Deterministic,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Weibull,
)
from gaugeblock.twin.line import FINISHED, SCRAP, Buffer, Failures, Line, Outcome, Station, Step, Supply


def sampler(times: Distribution, generator: np.random.Generator) -> Iterator[float]:
    """Draws for ever."""
    while True:
        match times:
            case Exponential():
                batch = generator.exponential(times.mean, 256)
            case Gamma():
                batch = generator.gamma(1 / times.cv**2, times.mean * times.cv**2, 256)
            case Lognormal():
                variance = math.log1p(times.cv**2)
                batch = generator.lognormal(math.log(times.mean) - variance / 2, math.sqrt(variance), 256)
            case Weibull():
                batch = times.mean / math.gamma(1 + 1 / times.shape) * generator.weibull(times.shape, 256)
            case Erlang():
                batch = generator.gamma(times.phases, times.mean / times.phases, 256)
            case Deterministic():
                batch = np.full(256, times.mean)
            case Empirical():
                batch = generator.choice(times.values, 256)
        yield from batch.tolist()


@dataclass(eq=False)
class _Machine:
    name: str
    station: int
    part: int = -1
    came: float = 0.0
    status: str = "free"
    left: float = 0.0
    began: float = 0.0
    down: bool = False
    down_since: float = 0.0
    uptime: float = math.inf
    to: str = ""
    version: int = 0


@dataclass
class _Place:
    capacity: float
    parts: deque[int] = field(default_factory=deque)
    waiting: deque[_Machine] = field(default_factory=deque)


class Shop:
    """One line, run and logged."""

    def __init__(self, line: Line, seed: int) -> None:
        self.line, self.generator = line, np.random.default_rng(seed)
        self.now, self.finished, self.parts = 0.0, 0, 0
        self.builder = LogBuilder()
        self.heap: list[tuple[float, int, str, _Machine, int]] = []
        self.count = 0
        self.places = {b.name: _Place(math.inf if b.capacity == "unlimited" else b.capacity) for b in line.buffers}
        self.steps = [[s for s in line.steps if s.station == station.name] for station in line.stations]
        self.serve = [sampler(steps[0].service, self.generator) for steps in self.steps]
        self.up = [sampler(s.failures.between, self.generator) if s.failures else None for s in line.stations]
        self.fix = [sampler(s.failures.repair, self.generator) if s.failures else None for s in line.stations]
        self.machines = [
            [_Machine(f"{s.name}/{k}", number) for k in range(s.machines)] for number, s in enumerate(line.stations)
        ]
        for group in self.machines:
            for m in group:
                self._renew(m)

    def _operating(self, m: _Machine) -> bool:
        failures = self.line.stations[m.station].failures
        return failures is not None and failures.counts == "operating_time"

    def _renew(self, m: _Machine) -> None:
        source = self.up[m.station]
        if source is None:
            return
        m.uptime = next(source)
        if not self._operating(m):
            self._at(self.now + m.uptime, "clock", m, -1)

    def _at(self, time: float, what: str, m: _Machine, version: int) -> None:
        self.count += 1
        heapq.heappush(self.heap, (time, self.count, what, m, version))

    def run(self, parts: int) -> EventLog:
        """Until so many parts are finished."""
        self._settle()
        while self.finished < parts:
            self.now, _, what, m, version = heapq.heappop(self.heap)
            if version not in (-1, m.version):
                continue
            getattr(self, f"_{what}")(m)
            self._settle()
        return self._log()

    def _go(self, m: _Machine) -> None:
        m.version += 1
        m.began = self.now
        if self._operating(m) and m.uptime < m.left:
            self._at(self.now + m.uptime, "breaks", m, m.version)
        else:
            self._at(self.now + m.left, "done", m, m.version)

    def _breaks(self, m: _Machine) -> None:
        m.left -= m.uptime
        self._goes_down(m)

    def _clock(self, m: _Machine) -> None:
        if m.status == "busy":
            m.left -= self.now - m.began
            m.version += 1
        self._goes_down(m)

    def _goes_down(self, m: _Machine) -> None:
        m.down, m.down_since = True, self.now
        source = self.fix[m.station]
        assert source is not None
        self._at(self.now + next(source), "repaired", m, -1)

    def _repaired(self, m: _Machine) -> None:
        m.down = False
        self.builder.down(m.name, m.down_since, self.now)
        self._renew(m)
        if m.status == "busy":
            self._go(m)

    def _done(self, m: _Machine) -> None:
        if self._operating(m):
            m.uptime -= m.left
        u, chosen = self.generator.random(), None
        outcomes = self.steps[m.station][0].all_outcomes()
        for outcome in outcomes:
            chosen = outcome.to[0]
            u -= outcome.share
            if u < 0:
                break
        assert chosen is not None
        m.to, m.status = chosen, "blocked"
        if chosen in self.places:
            self.places[chosen].waiting.append(m)
        else:
            self._leave(m, rejected=chosen == SCRAP)
            self.finished += chosen == FINISHED

    def _leave(self, m: _Machine, rejected: bool = False) -> None:
        name = self.line.stations[m.station].name
        self.builder.visit(f"p{m.part}", name, m.name, m.came, self.now, rejected=rejected)
        m.status, m.part = "free", -1

    def _settle(self) -> None:
        moved = True
        while moved:
            moved = False
            for number in range(len(self.machines) - 1, -1, -1):
                moved |= self._load(number)
            for place in self.places.values():
                while place.waiting and len(place.parts) < place.capacity:
                    m = place.waiting.popleft()
                    place.parts.append(m.part)
                    self._leave(m)
                    moved = True

    def _load(self, number: int) -> bool:
        moved = False
        for m in sorted(self.machines[number], key=lambda m: m.down):
            if m.status != "free":
                continue
            part = self._take(number)
            if part is None:
                break
            m.part, m.came, m.status, m.left = part, self.now, "busy", next(self.serve[number])
            if not m.down:
                self._go(m)
            moved = True
        return moved

    def _take(self, number: int) -> int | None:
        for step in self.steps[number]:
            name = step.takes[0]
            if name not in self.places:
                self.parts += 1
                return self.parts
            place = self.places[name]
            if place.parts:
                return place.parts.popleft()
            if place.capacity == 0 and place.waiting:
                giver = place.waiting.popleft()
                part = giver.part
                self._leave(giver)
                return part
        return None

    def _log(self) -> EventLog:
        for group in self.machines:
            for m in group:
                if m.status != "free":
                    name = self.line.stations[m.station].name
                    self.builder.visit(f"p{m.part}", name, m.name, m.came, math.nan)
                if m.down:
                    self.builder.down(m.name, m.down_since, math.nan)
        return self.builder.build(closed=self.now)


def random_times(generator: np.random.Generator, mean: float, low: float = 0.2, high: float = 1.3) -> Distribution:
    """A family and a spread by chance."""
    cv = float(generator.uniform(low, high))
    kinds: list[Any] = [
        Exponential(mean),
        Gamma(mean, cv),
        Lognormal(mean, cv),
        Weibull(mean, cv),
        Erlang(mean, int(generator.integers(2, 6))),
        Deterministic(mean),
        Empirical(tuple(float(x) for x in mean * generator.uniform(0.4, 1.6, 12))),
    ]
    return kinds[int(generator.choice(7, p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.05, 0.05]))]  # type: ignore[no-any-return]


def random_line(generator: np.random.Generator) -> Line:
    """Two to six stations, one or two machines each, places 0 to 8, failures on some, now and then scrap or rework."""
    count = int(generator.integers(2, 7))
    stations, steps, buffers = [], [], []
    rework = int(generator.integers(1, count)) if generator.random() < 0.2 else -1
    for k in range(count):
        machines = 2 if generator.random() < 0.2 else 1
        mean = machines * float(generator.uniform(0.7, 1.2))
        failures = None
        if generator.random() < 0.5:
            failures = Failures(
                counts="operating_time" if generator.random() < 0.6 else "calendar_time",
                between=random_times(generator, float(generator.uniform(20.0, 60.0)), 0.6),
                repair=random_times(generator, float(generator.uniform(2.0, 8.0)), 0.5),
            )
        name = f"s{k}"
        stations.append(Station(name=name, blocking="after_service", machines=machines, failures=failures))
        after = f"b{k}" if k < count - 1 else FINISHED
        outcomes: tuple[Outcome, ...] = (Outcome(share=1.0, to=(after,)),)
        if k == rework:
            share = float(generator.uniform(0.03, 0.12))
            outcomes = (Outcome(share=1.0 - share, to=(after,)), Outcome(share=share, to=("r",)))
        elif generator.random() < 0.2:
            share = float(generator.uniform(0.01, 0.1))
            outcomes = (Outcome(share=1.0 - share, to=(after,)), Outcome(share=share, to=(SCRAP,)))
        service = random_times(generator, mean)
        if k == rework:
            buffers.append(Buffer(name="r", capacity="unlimited"))
        takes = [f"b{k - 1}"] if k else ["raw"]
        if rework > 0 and k == rework - 1:
            takes.insert(0, "r")
        for place in takes:
            steps.append(Step(station=name, product="part", takes=(place,), service=service, outcomes=outcomes))
        if k < count - 1:
            buffers.append(Buffer(name=f"b{k}", capacity=int(generator.integers(0, 9))))
    return Line(
        name="truth",
        time_unit="min",
        products=("part",),
        stations=tuple(stations),
        steps=tuple(steps),
        buffers=tuple(buffers),
        supplies=(Supply(name="raw", products=("part",)),),
    )
