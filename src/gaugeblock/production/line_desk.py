"""The line's desk: what pages and API show of it, and the questions that people ask it.

Questions run as durable jobs in processes of their own; the desk writes down line, live state and changes at the moment
of asking, so the answer is about that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from gaugeblock.plant.times import Clock
from gaugeblock.production.bottleneck import (
    ArrowRule,
    BottleneckShare,
    Reign,
    arrow_rule,
    shares,
    shares_of_state,
    shifting_bottleneck,
    station_row,
)
from gaugeblock.production.kpi import Kpis, line_kpis
from gaugeblock.production.line_errors import LineUnknownError, PeriodError, QuestionError
from gaugeblock.production.line_future import LineFuture, future_of
from gaugeblock.production.line_keeper import LineForecast, LineKeeper
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_queries import ForecastRow, LineFollower, LineReader, OutcomeRow, fold_of
from gaugeblock.production.line_state import LineFold, MachineLive, Span
from gaugeblock.production.ports import Statements
from gaugeblock.production.reject_rates import with_observed_rejects
from gaugeblock.production.start_state import OpenOrder, live_start
from gaugeblock.stores.database import Database
from gaugeblock.twin.questions import Question, variants
from gaugeblock.twin.trust import Trust, trust
from gaugeblock.twin.validation import validate
from gaugeblock.twin.what_if import Comparison, Plan

QUESTION = "twin.question"
WINDOW_S = 900.0
WINDOW_S_MAX = 86_400.0
FUTURE_S_MAX = 8 * 3600.0
QUESTION_S_MAX = 30 * 86_400.0
TIMEOUT_S = 900.0
REPLICATIONS = 200


class JobLike(Protocol):
    """A job as it stands."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def args(self) -> dict[str, Any]: ...
    @property
    def state(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def result(self) -> Any: ...
    @property
    def error_code(self) -> str | None: ...
    @property
    def error_facts(self) -> dict[str, str | int | float] | None: ...
    @property
    def submitted_at(self) -> str: ...


class JobQueue(Protocol):
    """The durable queue, as far as questions need it."""

    def submit(self, kind: str, args: Mapping[str, Any], *, timeout_s: float = ...) -> str: ...
    def get(self, job: str) -> JobLike: ...
    def list(self, state: Any = ..., limit: int = ...) -> Sequence[JobLike]: ...


class BufferView(msgspec.Struct, frozen=True):
    """A buffer: how many parts it holds of how many places (``None``: unlimited)."""

    name: str
    count: int
    capacity: int | None


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line at a moment, with the period before it.

    Parameters
    ----------
    at_s, begin_s
        The moment, and where the period begins; seconds since the epoch.
    live
        Whether it is now.
    row
        The stations along the line.
    spans
        What machines did in the period.
    reigns, bottleneck
        Who held the line back when, and in which share of the period.
    blocked, starved
        Shares of the period by station.
    oddities
        Events that did not fit, by name.
    """

    line: str
    name: str
    at_s: float
    begin_s: float
    live: bool
    index: int
    row: tuple[str, ...]
    machines: tuple[MachineLive, ...]
    buffers: tuple[BufferView, ...]
    between: dict[str, str]
    units: int
    spans: tuple[Span, ...]
    reigns: tuple[Reign, ...]
    bottleneck: tuple[BottleneckShare, ...]
    arrows: ArrowRule
    blocked: dict[str, float]
    starved: dict[str, float]
    kpis: tuple[Kpis, ...]
    oddities: dict[str, int]


class OrderDate(msgspec.Struct, frozen=True, kw_only=True):
    """An order's dates as they are forecast; ``stated`` is the newest record."""

    order: OpenOrder
    stated: ForecastRow | None
    customer: str | None
    due: str | None
    promised: str | None


class LineDesk:
    """See the module.

    Parameters
    ----------
    reader, keeper
        What the line's tables say, and who follows it.
    jobs
        For questions.
    """

    def __init__(self, reader: LineReader, keeper: LineKeeper, jobs: JobQueue, clock: Clock) -> None:
        self.reader, self.keeper, self._jobs, self._clock = reader, keeper, jobs, clock

    def lines(self) -> list[str]:
        """Lines that have a model."""
        return sorted(self.keeper.followers)

    def follower(self, line: str) -> LineFollower:
        """Raises :class:`LineUnknownError`."""
        found = self.keeper.followers.get(line)
        if found is None:
            raise LineUnknownError(line=line[:64])
        return found

    def view(self, line: str, at: datetime | None = None, window_s: float = WINDOW_S) -> LineView:
        """The line now, or at a moment of the past.

        Raises
        ------
        LineUnknownError, PeriodError
        """
        if not 1.0 <= window_s <= WINDOW_S_MAX:
            raise PeriodError(begin=str(window_s), end="")
        follower = self.follower(line)
        if at is None:
            return follower.look(lambda fold: self._view(follower.model, fold, window_s, live=True))
        begin = datetime.fromtimestamp(max(0.0, at.timestamp() - window_s), at.tzinfo)
        rows = self.reader.during(line, begin, at)
        fold = fold_of(follower.model, rows, at.timestamp())
        return self._view(follower.model, fold, window_s, live=False)

    def _view(self, model: LineModel, fold: LineFold, window_s: float, *, live: bool) -> LineView:
        end_s = fold.now_s
        begin_s = max(end_s - window_s, fold.began_s or 0.0)
        spans = fold.history(begin_s, end_s)
        reigns = shifting_bottleneck(spans, begin_s, end_s)
        row = station_row(model)
        length = max(end_s, begin_s + 1e-6)
        blocked, starved = (shares_of_state(spans, model, state, begin_s, length) for state in ("blocked", "starved"))
        return LineView(
            line=model.id,
            name=model.line.name,
            at_s=end_s,
            begin_s=begin_s,
            live=live,
            index=fold.index,
            row=tuple(row),
            machines=tuple(msgspec.structs.replace(machine) for machine in fold.machines.values()),
            buffers=tuple(
                BufferView(
                    b.name, len(fold.buffers.get(b.name, ())), b.capacity if isinstance(b.capacity, int) else None
                )
                for b in model.line.buffers
            ),
            between={station: model.way_out(station, None) or "" for station in row},
            units=len(fold.units),
            spans=tuple(spans),
            reigns=tuple(reigns),
            bottleneck=tuple(shares(reigns, begin_s, end_s)),
            arrows=arrow_rule(row, blocked, starved),
            blocked=blocked,
            starved=starved,
            kpis=line_kpis(model, spans, list(fold.completions), begin_s, end_s) if spans else (),
            oddities=dict(fold.oddities),
        )

    def future(self, line: str, ahead_s: float) -> LineFuture:
        """The line so many seconds after its last event.

        Raises
        ------
        LineUnknownError, PeriodError, NumbaMissingError
        """
        follower = self.follower(line)
        if not 1.0 <= ahead_s <= FUTURE_S_MAX:
            raise PeriodError(begin="0", end=str(ahead_s))
        orders = self.reader.open_orders(follower.model)
        clock_s = self._clock.now().timestamp()
        seen = with_observed_rejects(follower.model, self.reader.ends(line))
        start = follower.look(lambda fold: live_start(seen, fold, orders, clock_s))
        return future_of(follower.model, start, ahead_s)

    # ── dates ─────────────────────────────────────────────────────────────────────────────────────────────

    def dates(self, line: str) -> list[OrderDate]:
        """The line's open orders with their newest stated forecasts."""
        follower = self.follower(line)
        newest: dict[str, ForecastRow] = {}
        for row in self.reader.forecasts(line):
            newest.setdefault(row.order, row)
        customers = self.reader.customers()
        found = []
        for order in self.reader.open_orders(follower.model):
            if not order.remaining:
                continue
            customer, due, promised = customers.get(order.order, (None, None, None))
            found.append(
                OrderDate(order=order, stated=newest.get(order.order), customer=customer, due=due, promised=promised)
            )
        return found

    def forecast(self, line: str) -> LineForecast | None:
        """The newest that was worked out."""
        return self.keeper.newest(line)

    def outcomes(self, line: str) -> tuple[list[OutcomeRow], Trust]:
        """One outcome an order – of its first forecast, for those of one order hang together – and what they say."""
        first: dict[str, OutcomeRow] = {}
        for row in self.reader.outcomes(line):
            first.setdefault(row.order, row)
        rows = sorted(first.values(), key=lambda row: (row.completed_at, row.forecast_index))
        return rows, trust([row.pit for row in rows])

    # ── questions ─────────────────────────────────────────────────────────────────────────────────────────

    def ask(
        self,
        line: str,
        changes: Sequence[str],
        horizon_s: float,
        replications: int = REPLICATIONS,
        *,
        endless: bool = False,
    ) -> str:
        """Ask from the live state; the job's id.

        Parameters
        ----------
        endless
            Leave the orders out and let the line never lack raw parts, where its model has such a supply: for what the
            line can do, not for what is ordered.

        Raises
        ------
        LineUnknownError, PeriodError, ChangeFormError, UnknownNameError, LineError, RunParameterError
        """
        follower = self.follower(line)
        model = follower.model
        if not 1.0 <= horizon_s <= QUESTION_S_MAX:
            raise PeriodError(begin="0", end=str(horizon_s))
        without_orders = endless and any(supply.products for supply in model.line.supplies)
        orders = [] if without_orders else self.reader.open_orders(model)
        clock_s = self._clock.now().timestamp()
        seen = with_observed_rejects(model, self.reader.ends(line))
        start = follower.look(lambda fold: live_start(seen, fold, orders, clock_s))
        plan = Plan(until=horizon_s / model.unit_s, replications=replications)
        plan.check()
        question = Question(changes=tuple(changes), plan=plan, released=tuple(sorted(start.on_line)), parts=start.parts)
        for variant in variants(start.line, question, start.state):
            validate(variant)
        args = {
            "line": msgspec.to_builtins(start.line),
            "state": msgspec.to_builtins(start.state),
            "question": msgspec.to_builtins(question),
        }
        return self._jobs.submit(QUESTION, args, timeout_s=TIMEOUT_S)

    def question(self, job: str) -> tuple[JobLike, Comparison | None]:
        """The question's job and, once it is done, its answer.

        Raises
        ------
        QuestionError
        """
        found = self._jobs.get(job)
        if found.kind != QUESTION:
            raise QuestionError(job=job[:64])
        if found.state != "done":
            return found, None
        return found, msgspec.convert(found.result, Comparison)

    def questions(self, limit: int = 20) -> list[JobLike]:
        """The newest questions."""
        return [job for job in self._jobs.list(limit=200) if job.kind == QUESTION][:limit]


def open_line_desk(
    database: Database,
    statements: Statements,
    clock: Clock,
    jobs: JobQueue,
    models: Sequence[LineModel],
    software: str,
    timezone: str = "Asia/Shanghai",
) -> LineDesk:
    """The desk and, as ``desk.keeper``, the keeper that the plant process steps.

    Parameters
    ----------
    database
        Holds the tables of :func:`~gaugeblock.production.projections.production_projections`.
    """
    reader = LineReader(database, timezone)
    followers = [LineFollower(reader, model) for model in models]
    return LineDesk(reader, LineKeeper(statements, reader, followers, clock, software), jobs, clock)
