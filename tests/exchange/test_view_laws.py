"""Laws of views over plants drawn at random: read bit by bit or at once they are equal, and hold nothing foreign."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gaugeblock.plant.exchange_facets import MessageStatement, MessageSubject, Permission
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.nonconformity_facets import NonconformityStatement, NonconformitySubject, StepStatement
from gaugeblock.plant.production_facets import (
    Characteristic,
    Component,
    GenealogyStatement,
    ResultStatement,
    ResultSubject,
    UnitSubject,
)
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from tests.exchange.exchange_plant import DRAFTER, LOTS, ORDERS, VERDICTS, ExchangePlant

WHOLE = ("subject", "statement")
PERMISSIONS = (
    ORDERS,
    LOTS,
    VERDICTS,
    Permission("production.genealogy", WHOLE),
    Permission("production.result", WHOLE),
    Permission("inspection.review", WHOLE),
    Permission("nonconformity.opened", WHOLE),
    Permission("nonconformity.step", WHOLE),
)
orders = st.sampled_from(("O1", "O2", "O3"))
some_order = st.one_of(st.none(), orders)
lots = st.sampled_from(("L1", "L2"))
units = st.sampled_from(("U1", "U2", "U3"))
customers = st.sampled_from(("acme", "beta", None))
actions = st.one_of(
    st.tuples(st.just("order"), orders, customers),
    st.tuples(st.just("lot"), lots, some_order, st.frozensets(units), st.sampled_from((None, "H1"))),
    st.tuples(st.just("verdict"), some_order, st.one_of(st.none(), units)),
    st.tuples(st.just("review"), some_order),
    st.tuples(st.just("genealogy"), units, some_order, st.one_of(st.none(), lots)),
    st.tuples(st.just("result"), st.sampled_from((None, "H1")), st.one_of(st.none(), lots)),
    st.tuples(st.just("opened"), st.sampled_from(("N1", "N2")), some_order),
    st.tuples(st.just("step"), st.sampled_from(("N1", "N2"))),
    st.tuples(st.just("message"), st.sampled_from(("acme", "beta"))),
)


def _take(plant: ExchangePlant, action: tuple) -> None:  # type: ignore[type-arg]
    match action:
        case "order", order, customer:
            plant.order(order, customer)
        case "lot", lot, order, listed, heat:
            plant.lot(lot, order, tuple(sorted(listed)), heat)
        case "verdict", order, unit:
            plant.inspect(order, unit, Verdict.OK)
        case "review", order:
            about = ReviewSubject("ST10", plant.log.size - 1, None, "P1", order)
            plant.say(DRAFTER, "inspection.review", subject=about, statement=ReviewStatement("good"))
        case "genealogy", unit, order, lot:
            about = UnitSubject(unit, order=order, lot=lot)
            made_of = GenealogyStatement((Component("heat", "H9"),))
            plant.say(DRAFTER, "production.genealogy", subject=about, statement=made_of)
        case "result", heat, lot:
            values = ResultStatement((Characteristic("chemistry", "C", "0.2", "%"),))
            plant.say(DRAFTER, "production.result", subject=ResultSubject(heat=heat, lot=lot), statement=values)
        case "opened", name, order:
            about = NonconformitySubject(name, order=order)
            plant.say(DRAFTER, "nonconformity.opened", subject=about, statement=NonconformityStatement("minor"))
        case "step", name:
            note = StepStatement(step="note", text="x")
            plant.say(DRAFTER, "nonconformity.step", subject=NonconformitySubject(name), statement=note)
        case "message", customer:
            note = MessageStatement("note", "hello")
            plant.say("exchange:main", "exchange.message", subject=MessageSubject("T1", customer), statement=note)


def _told(view) -> bytes:  # type: ignore[no-untyped-def]
    return msgspec.json.encode(
        [
            view.version,
            view.records(limit=500),
            view.orders(),
            view.lots(),
            view.units(),
            view.inspections(),
            view.nonconformities(),
            view.threads(),
            view.results(),
            view.changes(),
        ]
    )


@example([("genealogy", "U1", "O2", "L1"), ("order", "O2", "beta")], False, frozenset(), frozenset({"L1"}))
@example(
    [("genealogy", "U1", "O2", "L1"), ("lot", "L1", "O1", frozenset(), None)], False, frozenset({"O2"}), frozenset()
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(actions, min_size=2, max_size=12),
    st.booleans(),
    st.frozensets(orders, max_size=2),
    st.frozensets(lots, max_size=1),
)
def test_views_read_bit_by_bit_equal_those_read_at_once(
    taken: list[tuple],  # type: ignore[type-arg]
    own: bool,
    named: frozenset[str],
    named_lots: frozenset[str],
) -> None:
    plant = ExchangePlant()
    try:
        scope = {"own_orders": own, "orders": tuple(sorted(named)), "lots": tuple(sorted(named_lots))}
        plant.contract(*PERMISSIONS, **scope)
        plant.contract(*PERMISSIONS, customer="beta", contract="C-2")
        owners: dict[str, str | None] = {}
        for action in taken:
            _take(plant, action)
            if action[0] == "order":
                owners[action[1]] = action[2]
            plant.source.refresh()
            plant.source.view("acme", plant.clock.now())
        seen: dict[str, set[int]] = {}
        for customer in ("acme", "beta"):
            view = plant.view(customer)
            assert _told(view) == _told(plant.fresh_view(customer)), customer
            records = view.records(limit=500).items
            seen[customer] = {record.record_index for record in records}
            for record in records:
                order = record.facets["subject"].get("order")
                assert owners.get(order) in (None, customer)
                assert record.facets["statement"].get("customer") in (None, customer)
        heats = {r.record_index for r in plant.view("acme").results().items if r.heat is not None}
        stock = {order for order in owners if owners[order] is None}
        both = (seen["acme"] & seen["beta"]) - heats
        assert all(plant.view("acme").record(at).facets["subject"].get("order") in stock for at in both) or not both  # type: ignore[union-attr]
    finally:
        plant.close()
