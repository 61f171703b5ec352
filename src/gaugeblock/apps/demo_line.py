"""What the demo needs for its line: the model as its makers would write it, and orders in progress."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gaugeblock.apps.layout import Installation
from gaugeblock.apps.opening import append_one, open_log, state_at
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.record import ClockState, Draft
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.production_facets import OrderStatement, OrderSubject
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.files import write_whole
from gaugeblock.stores.keyring import Keyring
from gaugeblock.twin.line_toml import line_toml
from gaugeblock.virtual.production import ProductionConfig
from gaugeblock.virtual.production_model import model_of

ORDERS = 40
ORDER_SIZE = 50
GOOD_OF_ORDER = 34
"""Of the parts made for an order, so many good ones are ordered: some are rejected, rarely more than this leaves."""
REJECT_SHARE = 0.14
DUE_AFTER_S = 90.0
COMMENT = """演示产线的模型：工位、缓冲与时间和虚拟产线一致。
The demo line's model: stations, buffers and times are those of the virtual line."""


def demo_orders() -> tuple[str, ...]:
    """The orders' numbers, as the virtual line takes them in turn.

    >>> demo_orders()[:2]
    ('A-1001', 'A-1002')
    """
    return tuple(f"A-{1001 + number}" for number in range(ORDERS))


def write_demo_model(file: Path, config: ProductionConfig, name: str, product: str) -> None:
    """The model that ``[[lines]] model`` names."""
    model = model_of(config, name, product, REJECT_SHARE)
    write_whole(file, line_toml(model, COMMENT).encode(), 0o644)


def register_demo_orders(
    installation: Installation, line: str, product: str, cycle_s: float, customer: str | None = None
) -> None:
    """State the demo's orders once, as the server; the plant process must not run: it writes the log.

    Due dates follow each other at the line's pace with some reserve.

    Raises
    ------
    LogLockedError
    """
    with open_log(installation) as log:
        key = Keyring(installation.keys).load(SERVER)
        begin = datetime.now(UTC)
        for number, order in enumerate(demo_orders()):
            identity = f"order/{order}/demo"
            if log.find(SERVER, identity) is not None:
                continue
            due = begin + timedelta(seconds=DUE_AFTER_S + 1.15 * cycle_s * ORDER_SIZE * (number + 1))
            facets: dict[str, Facet] = {
                "subject": OrderSubject(order),
                "statement": OrderStatement(
                    product=product, quantity=GOOD_OF_ORDER, customer=customer, due=to_rfc3339(due), line=line
                ),
            }

            def draft(
                stated_at: str, clock: ClockState, identity: str = identity, facets: dict[str, Facet] = facets
            ) -> Draft:
                return Draft(
                    record_type="production.order",
                    version=LATEST["production.order"],
                    author=SERVER,
                    identity=identity,
                    log=log.origin,
                    stated_at=stated_at,
                    observed_at=stated_at,
                    clock=clock,
                    facets=facets,
                )

            append_one(log, state_at(draft, key))
        log.sign_checkpoint()
