"""A log in memory with real records, the room's projections over it in SQLite or PostgreSQL, and the views."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event

from gaugeblock.exchange.contract_queries import ProjectedContracts
from gaugeblock.exchange.projections import exchange_projections
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_source import ViewSource
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    CustomerProcess,
    Permission,
)
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    Purpose,
)
from gaugeblock.plant.production_facets import (
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    OrderStatement,
    OrderSubject,
)
from gaugeblock.stores.database import Database
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.stores.memory import MemoryLog
from gaugeblock.stores.projections import ProjectionRunner
from gaugeblock.stores.statements import MemoryKeys, SignedStatements

STATION = "station:ST10"
DRAFTER, APPROVER = "person:li.wei", "person:zhao.min"
VERDICTS = Permission("inspection.verdict", ("subject", "statement", "measurement"))
ORDERS = Permission("production.order", ("subject", "statement"))
LOTS = Permission("production.lot", ("subject", "statement"))


class SteeredClock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 25, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return int(self.moment.timestamp() * 1e9)


def _never_wait_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


class ExchangePlant:
    """States records as their authors would, and keeps the projections at the log's end."""

    def __init__(self, url: str | None = None) -> None:
        self.clock = SteeredClock()
        server = SigningKey.from_seed(bytes([2]) * 32)
        self.log = MemoryLog("plant.example/log", SigningKey.from_seed(bytes([1]) * 32), self.clock, server)
        self._folder = tempfile.TemporaryDirectory(prefix="gaugeblock-", ignore_cleanup_errors=True)
        self.database = Database(url or f"sqlite:///{self._folder.name}/projections.sqlite")
        if self.database.is_sqlite:
            # Nothing here has to survive a power cut.
            event.listen(self.database.engine, "connect", _never_wait_for_the_disk)
        self.runner = ProjectionRunner(self.database, self.log, exchange_projections())
        self.statements = SignedStatements(self.log, self._submit, MemoryKeys({SERVER: server}), self.clock)
        self.source = ViewSource(self.database, self.log)
        self.contracts = ProjectedContracts(self.database)
        self._number = 0

    def close(self) -> None:
        self.database.close()
        self._folder.cleanup()

    def _submit(self, submission: Submission):  # type: ignore[no-untyped-def]
        from concurrent.futures import Future

        future: Future[Receipt] = Future()
        (outcome,) = self.log.append([submission])
        if isinstance(outcome, Receipt):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
        return future

    def state(
        self,
        author: str,
        record_type: str,
        identity: str,
        facets: Mapping[str, Facet],
        observed_at: str | None = None,
    ) -> int:
        """As the desks' port: what was stated, the tables show."""
        self.clock.moment += timedelta(milliseconds=1)
        index = self.statements.state(author, record_type, identity, facets, observed_at)
        self.follow()
        return index

    def say(self, author: str, record_type: str, **facets: Facet) -> int:
        """A record of its own."""
        self._number += 1
        return self.state(author, record_type, f"n{self._number}", facets)

    def follow(self) -> None:
        self.runner.catch_up()
        self.log.sign_checkpoint()

    # ── what a plant does ──

    def order(self, order: str, customer: str | None, product: str = "P1", quantity: int = 10, **more: object) -> int:
        return self.say(
            DRAFTER,
            "production.order",
            subject=OrderSubject(order),
            statement=OrderStatement(product=product, quantity=quantity, customer=customer, **more),  # type: ignore[arg-type]
        )

    def lot(self, lot: str, order: str | None, units: tuple[str, ...] = (), heat: str | None = None) -> int:
        return self.say(
            DRAFTER,
            "production.lot",
            subject=LotOfUnitsSubject(lot),
            statement=LotOfUnitsStatement(product="P1", order=order, heat=heat, units=units),
        )

    def inspect(
        self,
        order: str | None,
        unit: str | None = None,
        verdict: Verdict = Verdict.OK,
        purpose: Purpose = "production",
        image: str | None = None,
        product: str = "P1",
    ) -> int:
        self._number += 1
        number = self._number
        return self.say(
            STATION,
            "inspection.verdict",
            subject=InspectionSubject(station="ST10", unit=unit, product=product, order=order),
            statement=InspectionStatement(verdict=verdict),
            measurement=InspectionMeasurement(score=0.5, threshold=1.2),
            process=InspectionProcess(
                boot_epoch=1, sequence=number, trigger=number, deadline_ms=300.0, latency_ms=60.0, purpose=purpose
            ),
            inputs=InspectionInputs(image_sha256=image, module_sha256="ab" * 32),
        )

    # ── contracts ──

    def draft(
        self, *permissions: Permission, contract: str = "C-1", customer: str = "acme", version: int = 1, **more: object
    ) -> int:
        terms: dict[str, object] = {
            "purpose": "incoming goods",
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2027-01-01T00:00:00Z",
            "recipient_country": "DE",
            "classification": "general",
            **more,
        }
        return self.say(
            DRAFTER,
            "exchange.contract",
            subject=ContractSubject(contract, customer),
            statement=ContractStatement(version=version, permissions=permissions, **terms),  # type: ignore[arg-type]
        )

    def step(
        self,
        step: str,
        author: str = "exchange:main",
        contract: str = "C-1",
        customer: str = "acme",
        version: int = 1,
    ) -> int:
        facets: dict[str, Facet] = {
            "subject": ContractSubject(contract, customer),
            "statement": ContractStepStatement(version=version, step=step, reason="because"),  # type: ignore[arg-type]
        }
        if not author.startswith("person:"):
            facets["process"] = CustomerProcess(credential="gbk_1")
        return self.say(author, "exchange.contract_step", **facets)

    def contract(self, *permissions: Permission, customer: str = "acme", contract: str = "C-1", **more: object) -> None:
        """Drafted, offered and accepted."""
        self.draft(*permissions, contract=contract, customer=customer, **more)
        self.step("accepted", contract=contract, customer=customer)

    def view(self, customer: str = "acme") -> CustomerView:
        self.source.refresh()
        return self.source.view(customer, self.clock.now())

    def fresh_view(self, customer: str = "acme") -> CustomerView:
        """By a source that reads everything anew: what the incremental one must equal."""
        source = ViewSource(self.database, self.log)
        source.refresh()
        return source.view(customer, self.clock.now())
