"""Delivery dates of the virtual plant's orders: does the 90 % interval hold in 90 % of them?

Each order is made on a line of its own: five stations around an inspection, with times, failures, buffers, reject share
and order size drawn at random. The line has run for a while on stock when the order is released; at a random moment of
its making its events so far – as the machines send them – give the live state, and from it the forecast is drawn. Then
the line goes on until the order is complete. The forecast sees events only; the model is the one that the line's makers
state, not fitted. With 99 draws, the 5th and the 95th are exactly the 5 % and 95 % points of one more draw.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import msgspec

from benchmarks.harness import Figure
from gaugeblock.production.forecasting import binomial_two_sided, completion_draws, completions
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_state import LineFold
from gaugeblock.production.start_state import OpenOrder, start_of
from gaugeblock.twin.trust import crps_of_draws, uniform_p_value
from gaugeblock.virtual.production import Piece, ProductionConfig, StationConfig, VirtualProduction
from gaugeblock.virtual.production_model import model_of

SEED = 20261125
ORDERS = 400
DRAWS = 99
BEGIN_S = 1_800_000_000.0
LIMIT_S = 100_000.0


class Case(msgspec.Struct, frozen=True):
    """One order: PIT, CRPS (s), the interval's width (s), how much was still to be made and for how long."""

    pit: float
    crps_s: float
    width_s: float
    remaining: int
    lasted_s: float


def random_line(chance: random.Random) -> ProductionConfig:
    """Five stations of like speed, some of which fail."""
    names = ["turn", "wash", "inspect", "mark", "pack"]
    stations = []
    for name in names:
        inspects = name == "inspect"
        fails = not inspects and chance.random() < 0.7
        stations.append(
            StationConfig(
                name,
                mean_s=chance.uniform(0.6, 1.2),
                cv=0.0 if inspects else chance.uniform(0.1, 0.8),
                between_s=chance.uniform(20.0, 200.0) if fails else None,
                repair_s=chance.uniform(2.0, 20.0),
                places=chance.randint(1, 8),
            )
        )
    return ProductionConfig(tuple(stations), "inspect", reject_share=chance.uniform(0.0, 0.2))


def one_order(number: int, draws: int = DRAWS) -> Case:
    """Make one order and forecast it on the way."""
    chance = random.Random(f"{SEED}/{number}")
    config = random_line(chance)
    stock, quantity = chance.randint(5, 120), chance.randint(10, 120)
    assert config.reject_share is not None
    model = LineModel("V", model_of(config, "V", "P", config.reject_share), datetime(2024, 1, 1, tzinfo=UTC))
    # The order's parts come until enough are good; its scrapped ones are released again at once.
    made = {"good": 0, "scrapped": 0}

    def piece(n: int) -> Piece | None:
        if n <= stock:
            return Piece(n, f"u{n}", "P", None)
        return Piece(n, f"u{n}", "P", "A") if n - stock <= quantity + made["scrapped"] else None

    line = VirtualProduction(config, SEED + number, piece, BEGIN_S)
    fold = LineFold(model)
    # Asked at some moment after the stock and a share of the order have been released.
    released, asked_s = stock + chance.randint(0, round(0.9 * quantity)), float("inf")
    pit = crps = width = 0.0
    remaining, forecast, now_s = 0, False, BEGIN_S
    while fold.finished["A"] < quantity:
        now_s = asked_s if not forecast and now_s + 1.0 > asked_s else now_s + 1.0
        # Small steps, so that what was scrapped is released again as soon as the first station asks.
        events = line.advance(now_s)
        fold.events(events)
        made["scrapped"] = sum(1 for c in fold.completions if c.order == "A" and not c.good)
        if asked_s == float("inf") and line.state.next_piece > released:
            asked_s = now_s + chance.random()
        if not forecast and now_s >= asked_s:
            if fold.finished["A"] >= quantity:
                break
            order = OpenOrder(order="A", product="P", quantity=quantity, finished=fold.finished["A"])
            # Nothing has happened since the last event: the state is that of now.
            start = start_of(model, fold, [order], now_s)
            found = completions(start, completion_draws(start, range(draws), seed=SEED + number))[0]
            remaining, forecast = found.remaining, True
        if now_s > BEGIN_S + LIMIT_S:
            raise RuntimeError(f"order {number} does not end")
    if not forecast:
        # It was complete before the moment came: an order that nobody has to forecast; another moment is taken.
        return one_order(number + 1_000_000, draws)
    end = model.on_clock(
        datetime.fromtimestamp([c for c in fold.completions if c.order == "A" and c.good][-1].at_s, UTC)
    )
    below = sum(draw < end for draw in found.draws)
    pit = (below + 0.5) / (draws + 1)
    crps = crps_of_draws(found.draws, end)
    width = found.quantile(0.95) - found.quantile(0.05)
    return Case(pit, crps, width, remaining, end - start.state.time)


def delivery_figures(orders: int = ORDERS, limit_s: float = 170.0) -> list[Figure]:
    """The rows of ``twin.accuracy``; stops after ``limit_s`` with the orders it has, which are then told."""
    began_s = time.monotonic()
    cases = []
    for number in range(orders):
        cases.append(one_order(number))
        if time.monotonic() - began_s > limit_s and len(cases) < orders:
            break
    inside = sum(0.05 <= case.pit <= 0.95 for case in cases)
    p = binomial_two_sided(inside, len(cases), 0.9)
    protocol = (
        f"{len(cases)} orders, each on a random line of the virtual plant, forecast at a random moment from the live"
        f" state of its events, {DRAWS} draws; binomial test of 0.9: p = {p:.3f}"
    )
    return [
        Figure("delivery_interval_coverage", inside / len(cases), "share in 90 % interval", protocol, SEED),
        Figure("delivery_interval_p", p, "p-value", "two-sided exact binomial test against 0.9", SEED),
        Figure(
            "delivery_pit_uniform_p",
            uniform_p_value([case.pit for case in cases]),
            "p-value",
            "Kolmogorov–Smirnov of PITs against uniform",
            SEED,
        ),
        Figure(
            "delivery_crps_s",
            sum(case.crps_s for case in cases) / len(cases),
            "s",
            "mean CRPS of the draws; mean time to completion "
            f"{sum(case.lasted_s for case in cases) / len(cases):.0f} s, mean width of the interval "
            f"{sum(case.width_s for case in cases) / len(cases):.1f} s",
            SEED,
        ),
    ]
