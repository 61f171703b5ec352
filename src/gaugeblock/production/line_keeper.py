"""States what follows from a line's events: forecasts of its orders, what became of them, and key figures of shifts.

The twin's kernels need the extra ``twin``: where it is missing, the keeper says so as its fault, and everything else
goes on. A forecast is worked out when new events came, not more often than every :data:`EVERY_S`, by a fixed number of
replications, so that a step stays short.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gaugeblock.plant.production_facets import (
    ForecastProcess,
    ForecastStatement,
    ForecastSubject,
    KpiStatement,
    OutcomeStatement,
    PeriodSubject,
)
from gaugeblock.plant.times import Clock, from_rfc3339, to_rfc3339
from gaugeblock.production.forecasting import (
    REPLICATIONS,
    OrderCompletion,
    changed_materially,
    completion_draws,
    completions,
    model_sha256,
    score,
    statement_of,
)
from gaugeblock.production.kpi import line_kpis
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_queries import FORECASTS_SHOWN, LineFollower, LineReader
from gaugeblock.production.line_state import Completion, LineFold
from gaugeblock.production.ports import Statements
from gaugeblock.production.reject_rates import with_observed_rejects
from gaugeblock.production.start_state import OpenOrder, Start, live_start

SERVER = "server:plant"
EVERY_S = 20.0
KPI_PERIOD_S = 3600.0
SEED = 20261125


class LineForecast(msgspec.Struct, frozen=True):
    """The newest forecast of a line, as pages show it, whether it was stated or not."""

    at: str
    orders: tuple[OrderCompletion, ...]
    notes: dict[str, int]


class LineKeeper:
    """A keeper (see the plant process): reads the live fold, and states.

    Parameters
    ----------
    statements, reader, clock
        How it states, what it reads, and when it is.
    followers
        One for each line that has a model.
    software
        Name and version, as the records carry it.
    replications, every_s, kpi_period_s
        Of a forecast; the least time between two; the length of the periods whose figures are stated.

    Examples
    --------
    ``keeper = LineKeeper(statements, reader, [LineFollower(reader, model)], clock, "gaugeblock 0.1"); keeper.step()``
    """

    name = "line"

    def __init__(
        self,
        statements: Statements,
        reader: LineReader,
        followers: Sequence[LineFollower],
        clock: Clock,
        software: str,
        *,
        replications: int = REPLICATIONS,
        every_s: float = EVERY_S,
        kpi_period_s: float = KPI_PERIOD_S,
    ) -> None:
        self._statements, self._reader, self._clock = statements, reader, clock
        self._followers = {follower.model.id: follower for follower in followers}
        self._software, self._replications = software, replications
        self._every_s, self._kpi_period_s = every_s, kpi_period_s
        self._seen: dict[str, tuple[int, float, tuple[tuple[str, int, float | None], ...]]] = {}
        self._newest: dict[str, LineForecast] = {}

    @property
    def followers(self) -> dict[str, LineFollower]:
        """By line."""
        return self._followers

    def newest(self, line: str) -> LineForecast | None:
        """The last forecast that was worked out."""
        return self._newest.get(line)

    def step(self) -> None:
        """One round over the lines."""
        for line, follower in self._followers.items():
            self._outcomes(line, follower)
            self._kpis(line, follower)
            self._forecast(line, follower)

    # ── forecasts ─────────────────────────────────────────────────────────────────────────────────────────

    def _forecast(self, line: str, follower: LineFollower) -> None:
        model = follower.model
        orders = self._reader.open_orders(model)
        if not orders:
            return
        index = follower.look(lambda fold: fold.index)
        now_s = self._clock.monotonic_ns() / 1e9
        asked = tuple((order.order, order.quantity, order.due) for order in orders)
        before = self._seen.get(line)
        if before is not None:
            unchanged = before[0] == index and before[2] == asked
            if unchanged or (now_s - before[1] < self._every_s and before[2] == asked):
                return
        start, index, at = follower.look(lambda fold: (*self._start(model, fold, orders), self._at(fold)))
        draws = completion_draws(start, range(self._replications), seed=SEED)
        found = completions(start, draws)
        self._seen[line] = (index, now_s, asked)
        self._newest[line] = LineForecast(at, tuple(found), start.notes)
        for each in found:
            self._state_forecast(line, model, each, index)

    def _start(self, model: LineModel, fold: LineFold, orders: Sequence[OpenOrder]) -> tuple[Start, int]:
        seen = with_observed_rejects(model, self._reader.ends(model.id))
        return live_start(seen, fold, orders, self._clock.now().timestamp()), fold.index

    def _at(self, fold: LineFold) -> str:
        if fold.now_s <= 0.0:
            return to_rfc3339(self._clock.now())
        return to_rfc3339(datetime.fromtimestamp(fold.now_s, self._clock.now().tzinfo))

    def _state_forecast(self, line: str, model: LineModel, found: OrderCompletion, index: int) -> None:
        now = statement_of(model, found)
        last = next(iter(self._reader.forecasts(line, found.order, 1)), None)
        before = None
        if last is not None:
            before = ForecastStatement(last.completion, last.remaining, last.due, last.on_time)
        if not changed_materially(before, now):
            return
        customer = self._reader.customers().get(found.order, (None, None, None))[0]
        self._statements.state(
            SERVER,
            "production.forecast",
            f"forecast/{line}/{found.order}/{index}/{last.index if last else 0}",
            {
                "subject": ForecastSubject(order=found.order, line=line, product=found.product, customer=customer),
                "statement": now,
                "process": ForecastProcess(
                    software=self._software,
                    replications=self._replications,
                    seed=SEED,
                    model_sha256=model_sha256(model),
                    state_index=index if index >= 0 else None,
                ),
            },
        )

    # ── outcomes ──────────────────────────────────────────────────────────────────────────────────────────

    def _outcomes(self, line: str, follower: LineFollower) -> None:
        waiting = self._reader.forecast_orders(line)
        if not waiting:
            return
        still_open = {o.order: o for o in self._reader.open_orders(follower.model)}
        made = self._reader.finished(follower.model)
        for order in sorted(waiting):
            if order in still_open and still_open[order].remaining:
                continue
            if order not in made:
                continue
            goal = still_open[order].quantity if order in still_open else None
            at = self._completed_at(follower, order, goal) or made[order][1]
            for row in self._reader.without_outcome(line, order, FORECASTS_SHOWN):
                scored = score(row.completion, from_rfc3339(at))
                self._statements.state(
                    SERVER,
                    "production.outcome",
                    f"outcome/{row.index}",
                    {
                        "subject": ForecastSubject(order=order, line=line),
                        "statement": OutcomeStatement(
                            forecast_index=row.index,
                            completed_at=at,
                            pit=round(scored.pit, 6),
                            crps_s=round(scored.crps_s, 3),
                        ),
                    },
                )

    @staticmethod
    def _completed_at(follower: LineFollower, order: str, goal: int | None) -> str | None:
        """When the last good part that was ordered left: more of them may have come since."""

        def ends(fold: LineFold) -> tuple[list[Completion], int]:
            own = [c for c in fold.completions if c.order == order and c.good]
            return own, fold.finished[order]

        own, total = follower.look(ends)
        if goal is None or not own or total < goal:
            return None
        position = len(own) - 1 - (total - goal)
        if position < 0:
            return None
        zone = follower.model.zero.tzinfo
        return to_rfc3339(datetime.fromtimestamp(own[position].at_s, zone))

    # ── key figures ───────────────────────────────────────────────────────────────────────────────────────

    def _kpis(self, line: str, follower: LineFollower) -> None:
        """Of each whole period that has passed since the last that was stated, the newest only."""
        now_s = follower.look(lambda fold: fold.now_s)
        end_s = now_s // self._kpi_period_s * self._kpi_period_s
        begin_s = end_s - self._kpi_period_s
        if now_s <= 0.0 or begin_s < follower.look(lambda fold: fold.known_from_s):
            return
        zone = follower.model.zero.tzinfo
        end, begin = (to_rfc3339(datetime.fromtimestamp(t, zone)) for t in (end_s, begin_s))
        last = next(iter(self._reader.kpis(line, 1)), None)
        if last is not None and last.end >= end:
            return
        spans, ends = follower.look(lambda fold: (fold.history(begin_s, end_s), list(fold.completions)))
        if not spans:
            return
        # The line's row is stated last: where it stands, the machines' stand too.
        for row in reversed(line_kpis(follower.model, spans, ends, begin_s, end_s)):
            self._statements.state(
                SERVER,
                "production.kpi",
                f"kpi/{line}/{row.machine or ''}/{end}",
                {
                    "subject": PeriodSubject(line=line, begin=begin, end=end, machine=row.machine),
                    "statement": KpiStatement(
                        values={name: round(value, 6) for name, value in row.values.items()},
                        produced=row.times.produced,
                        good=row.times.good,
                    ),
                },
            )
