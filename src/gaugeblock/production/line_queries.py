"""The line's tables as keeper and pages read them, and the fold that follows them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import and_, func, or_, select

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.production_facets import EventBatchStatement, Quantile
from gaugeblock.plant.times import from_rfc3339, to_rfc3339
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_projection import batches, counts, forecasts, kpis, outcomes
from gaugeblock.production.line_state import LineFold
from gaugeblock.production.orders_projection import orders
from gaugeblock.production.start_state import OpenOrder
from gaugeblock.stores.database import Database
from gaugeblock.twin.line import FINISHED

_T = TypeVar("_T")

BATCHES_A_READ = 2_000
BATCHES_REPLAYED = 50_000
"""Of a line, when a process begins to follow it; what lies before is known by its counts alone."""
LEAD_IN_BATCHES = 500
FORECASTS_SHOWN = 200
OUTCOMES_READ = 2_000


class BatchRow(msgspec.Struct, frozen=True):
    """A batch of events and its record."""

    index: int
    source: str
    last_at: str
    batch: EventBatchStatement


class ForecastRow(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast; ``index`` is its record."""

    index: int
    line: str
    order: str
    stated_at: str
    completion: tuple[Quantile, ...]
    remaining: int
    due: str | None
    on_time: float | None
    replications: int | None
    model_sha256: str | None

    def at(self, probability: float) -> str | None:
        """The time of the quantile nearest to ``probability``."""
        best = min(self.completion, key=lambda q: abs(q.probability - probability), default=None)
        return None if best is None else best.at


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a forecast."""

    forecast_index: int
    record_index: int
    line: str
    order: str
    stated_at: str
    completed_at: str
    pit: float
    crps_s: float


class KpiRow(msgspec.Struct, frozen=True, kw_only=True):
    """Key figures of a period, as they were stated."""

    index: int
    line: str
    machine: str | None
    begin: str
    end: str
    values: dict[str, float]
    produced: int
    good: int


class LineReader:
    """Reads what :class:`~gaugeblock.production.line_projection.LineProjection` writes.

    Parameters
    ----------
    database
        Holds its tables and those of the orders' projection.
    timezone
        IANA name: a due date ends with that day there.
    """

    def __init__(self, database: Database, timezone: str = "Asia/Shanghai") -> None:
        self._database = database
        self._zone = ZoneInfo(timezone)

    def lines(self) -> list[str]:
        """Lines that ever had an event."""
        with self._database.reading() as connection:
            return [str(row.line) for row in connection.execute(select(batches.c.line).distinct())]

    def after(self, line: str, index: int, limit: int = BATCHES_A_READ) -> list[BatchRow]:
        """Batches of records after ``index``, in the log's order."""
        query = select(batches).where(batches.c.line == line, batches.c.record_index > index)
        return self._batches(query.order_by(batches.c.record_index).limit(limit))

    def during(self, line: str, begin: datetime, end: datetime, lead_in: int = LEAD_IN_BATCHES) -> list[BatchRow]:
        """Batches that touch a period, after so many before it, from which the state at its beginning follows."""
        touching = and_(
            batches.c.line == line, batches.c.last_at >= to_rfc3339(begin), batches.c.first_at <= to_rfc3339(end)
        )
        with self._database.reading() as connection:
            first = connection.execute(select(func.min(batches.c.record_index)).where(touching)).scalar()
        query = select(batches).where(touching).order_by(batches.c.record_index).limit(BATCHES_REPLAYED)
        if first is None:
            first = 2**62
        before = select(batches).where(
            batches.c.line == line, batches.c.record_index < first, batches.c.last_at < to_rfc3339(end)
        )
        lead = self._batches(before.order_by(batches.c.record_index.desc()).limit(lead_in))
        return [*reversed(lead), *self._batches(query)]

    def replay_from(self, line: str, kept: int = BATCHES_REPLAYED) -> int:
        """The index after which ``kept`` batches lie at most."""
        query = select(batches.c.record_index).where(batches.c.line == line).order_by(batches.c.record_index.desc())
        with self._database.reading() as connection:
            found = connection.execute(query.offset(kept).limit(1)).scalar()
        return -1 if found is None else int(found)

    def finished(self, model: LineModel) -> dict[str, tuple[int, str]]:
        """Good parts that left the line, by order, and when the last did."""
        last = {step.station for step in model.line.steps if FINISHED in model.leads_to(step)}
        query = select(counts).where(
            counts.c.line == model.id, counts.c.event == "left", counts.c.station.in_(sorted(last))
        )
        found: dict[str, tuple[int, str]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                number, at = found.get(row.order, (0, ""))
                found[row.order] = (number + int(row.n), max(at, row.last_at or ""))
        return found

    def ends(self, line: str) -> dict[str, dict[str, int]]:
        """By station, how many parts left, were scrapped, were reworked, over all orders."""
        query = select(counts.c.station, counts.c.event, func.sum(counts.c.n).label("n")).where(counts.c.line == line)
        found: dict[str, dict[str, int]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query.group_by(counts.c.station, counts.c.event)):
                found.setdefault(row.station, {})[row.event] = int(row.n)
        return found

    def open_orders(self, model: LineModel) -> list[OpenOrder]:
        """Released orders of the line (or of no line, where the line makes the product) and how far they are."""
        made = self.finished(model)
        query = select(orders).where(
            orders.c.state == "released", or_(orders.c.line == model.id, orders.c.line.is_(None))
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(orders.c.record_index)).all()
        return [
            OpenOrder(
                order=row.order,
                product=row.product,
                quantity=int(row.quantity),
                finished=made.get(row.order, (0, ""))[0],
                due=self.due(model, row.due),
                priority=int(row.priority),
                index=int(row.record_index),
            )
            for row in rows
            if row.product in model.supply_of
        ]

    def due(self, model: LineModel, text: str | None) -> float | None:
        """A due date on the model's clock: a date ends with its day at the site."""
        moment = self.due_at(text)
        return None if moment is None else model.on_clock(moment)

    def due_at(self, text: str | None) -> datetime | None:
        """The moment at which a due date is over."""
        if not text:
            return None
        try:
            if len(text) == 10:
                day = datetime.fromisoformat(text).date() + timedelta(days=1)
                return datetime.combine(day, time(), self._zone)
            return from_rfc3339(text)
        except (ValueError, GaugeblockError):
            return None

    def customers(self) -> dict[str, tuple[str | None, str | None, str | None]]:
        """Customer, due and promised date of each order."""
        query = select(orders.c.order, orders.c.customer, orders.c.due, orders.c.promised)
        with self._database.reading() as connection:
            return {row.order: (row.customer, row.due, row.promised) for row in connection.execute(query)}

    # ── forecasts ─────────────────────────────────────────────────────────────────────────────────────────

    def forecasts(self, line: str, order: str | None = None, limit: int = FORECASTS_SHOWN) -> list[ForecastRow]:
        """Newest first."""
        query = select(forecasts).where(forecasts.c.line == line)
        if order is not None:
            query = query.where(forecasts.c.order == order)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(forecasts.c.record_index.desc()).limit(limit)).all()
        return [
            ForecastRow(
                index=int(row.record_index),
                line=row.line,
                order=row.order,
                stated_at=row.stated_at,
                completion=msgspec.json.decode(row.completion, type=tuple[Quantile, ...]),
                remaining=int(row.remaining),
                due=row.due,
                on_time=row.on_time,
                replications=row.replications,
                model_sha256=row.model_sha256,
            )
            for row in rows
        ]

    def without_outcome(self, line: str, order: str, limit: int = FORECASTS_SHOWN) -> list[ForecastRow]:
        """Forecasts of the order that have not been compared with what happened, oldest first."""
        query = select(outcomes.c.forecast_index).where(outcomes.c.line == line, outcomes.c.order == order)
        with self._database.reading() as connection:
            told = {int(row.forecast_index) for row in connection.execute(query)}
        return [row for row in reversed(self.forecasts(line, order, limit)) if row.index not in told]

    def forecast_orders(self, line: str) -> set[str]:
        """Orders that have a forecast and no outcome yet."""
        told = select(outcomes.c.order).where(outcomes.c.line == line)
        query = select(forecasts.c.order).where(forecasts.c.line == line, forecasts.c.order.not_in(told)).distinct()
        with self._database.reading() as connection:
            return {str(row.order) for row in connection.execute(query)}

    def outcomes(self, line: str, limit: int = OUTCOMES_READ) -> list[OutcomeRow]:
        """The newest, oldest of them first."""
        query = select(outcomes).where(outcomes.c.line == line).order_by(outcomes.c.forecast_index.desc()).limit(limit)
        with self._database.reading() as connection:
            return [OutcomeRow(**row._mapping) for row in reversed(connection.execute(query).all())]

    def kpis(self, line: str, limit: int = 100) -> list[KpiRow]:
        """Stated key figures of the line as a whole, newest first."""
        query = select(kpis).where(kpis.c.line == line).order_by(kpis.c.record_index.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            KpiRow(
                index=int(row.record_index),
                line=row.line,
                machine=row.machine,
                begin=row.begin,
                end=row.end,
                values=msgspec.json.decode(row.values, type=dict[str, float]),
                produced=int(row.produced),
                good=int(row.good),
            )
            for row in rows
        ]

    def _batches(self, query: object) -> list[BatchRow]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()  # type: ignore[call-overload]
        return [
            BatchRow(
                int(row.record_index),
                row.source,
                row.last_at,
                msgspec.json.decode(row.events, type=EventBatchStatement),
            )
            for row in rows
        ]


class LineFollower:
    """The live fold of one line, brought up to date when asked; safe from several threads.

    Parameters
    ----------
    reader, model
        What is followed, and how it is understood.
    """

    def __init__(self, reader: LineReader, model: LineModel) -> None:
        self._reader, self.model = reader, model
        self._fold: LineFold | None = None
        self._lock = threading.Lock()

    def look(self, use: Callable[[LineFold], _T]) -> _T:
        """What ``use`` makes of the fold after the newest batch; nobody else moves it meanwhile."""
        with self._lock:
            if self._fold is None:
                self._fold = LineFold(self.model)
                self._fold.index = self._reader.replay_from(self.model.id)
            while rows := self._reader.after(self.model.id, self._fold.index):
                for row in rows:
                    self._fold.batch(row.source, row.batch, row.index)
            return use(self._fold)


def fold_of(model: LineModel, rows: list[BatchRow], until_s: float = math.inf) -> LineFold:
    """A fold over these batches alone, up to a moment, as for a look into the past."""
    fold = LineFold(model)
    for row in rows:
        steps = tuple(e for e in row.batch.steps if from_rfc3339(e.at).timestamp() <= until_s)
        states = tuple(e for e in row.batch.states if from_rfc3339(e.at).timestamp() <= until_s)
        fold.batch(row.source, msgspec.structs.replace(row.batch, steps=steps, states=states), row.index)
    return fold
