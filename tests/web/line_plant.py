"""A plant whose virtual line has run for some minutes, with orders, forecasts and outcomes, for the pages' tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gaugeblock.apps.twin_jobs import question_job
from gaugeblock.plant.production_facets import EventBatchSubject, OrderStatement, OrderSubject
from gaugeblock.production.event_files import in_batches
from gaugeblock.production.line_desk import LineDesk, open_line_desk
from gaugeblock.production.line_model import LineModel
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.jobs import Jobs
from gaugeblock.stores.jobs_runner import JobContext
from gaugeblock.virtual.production import Piece, VirtualProduction, demo_production
from gaugeblock.virtual.production_model import model_of

REJECTS = 0.12
ORDER_SIZE = 60


class MovingClock(SystemClock):
    """The real clock, and a monotonic one that a test moves."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_ns


class LinePlant:
    """The sample plant with a line desk; ``run`` lets the virtual line go on."""

    def __init__(self, sample: Any, orders: int = 6, replications: int = 40) -> None:
        self.sample = sample
        self.clock = MovingClock()
        self.config = msgspec.structs.replace(demo_production(), reject_share=REJECTS)
        self.model = LineModel(
            "L1", model_of(self.config, "机加工一线", "P100", REJECTS), datetime(2024, 1, 1, tzinfo=UTC)
        )
        self.begin_s = round(datetime.now(UTC).timestamp()) - 3600.0
        self.jobs = Jobs(sample.plant.projections.database, self.clock)
        self.desk: LineDesk = open_line_desk(
            sample.plant.projections.database,
            sample.plant.statements,
            self.clock,
            self.jobs,
            [self.model],
            "gaugeblock test",
        )
        self.desk.keeper._replications = replications
        sample.plant = replace(sample.plant, services=replace(sample.plant.services, line=self.desk))
        self.plant = sample.plant
        self.line = VirtualProduction(self.config, 5, self._piece, self.begin_s)
        self.sequence = 0
        for number in range(orders):
            due = (datetime.now(UTC) + timedelta(minutes=4 * number - 50)).strftime("%Y-%m-%dT%H:%M:%SZ")
            self.sample.plant.statements.state(
                "server:plant",
                "production.order",
                f"order/{number}",
                {
                    "subject": OrderSubject(order=f"A-{1001 + number}"),
                    "statement": OrderStatement(product="P100", quantity=ORDER_SIZE - 8, line="L1", due=due),
                },
            )

    def _piece(self, number: int) -> Piece:
        order = f"A-{1001 + (number - 1) // ORDER_SIZE}"
        return Piece(number, f"P100-{number:06d}", "P100", order)

    def run(self, seconds: float, step: bool = True) -> None:
        """Go on, and let the keeper look."""
        self.line_s = self.line.now_s + seconds
        for batch in in_batches(self.line.advance(self.line_s), self.sequence):
            self.plant.statements.state(
                "server:plant",
                "production.events",
                f"events/{batch.sequence}",
                {"subject": EventBatchSubject(line="L1", source="virtual"), "statement": batch},
            )
            self.sequence = batch.sequence + 1
        if step:
            self.clock.ahead_ns += 60 * 10**9
            self.desk.keeper.step()

    def answer(self, job: str) -> None:
        """Work the question out, as the job's process does."""
        claimed = self.jobs.claim("test")
        assert claimed is not None
        assert claimed.id == job
        context = JobContext(self.jobs, claimed)
        self.jobs.finish(job, claimed.attempts, question_job(context, **claimed.args))

    def app(self) -> Any:
        """The application."""
        return self.sample.app()
