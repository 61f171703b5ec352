"""The live line: how fast events are followed, what a forecast and a question take, the same answer on two cores.

The line is the demo's: five stations around an inspection, some 17 events a second of its own time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec

from benchmarks.harness import Figure
from gaugeblock.apps.twin_jobs import run_pieces
from gaugeblock.production.bottleneck import shifting_bottleneck
from gaugeblock.production.forecasting import REPLICATIONS, completion_draws
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_state import LineFold
from gaugeblock.production.start_state import OpenOrder, start_of
from gaugeblock.twin.questions import Question, answer, pieces
from gaugeblock.twin.what_if import Plan
from gaugeblock.virtual.production import Piece, VirtualProduction, demo_production
from gaugeblock.virtual.production_model import model_of

SEED = 20261125
BEGIN_S = 1_800_000_000.0
LENGTH_S = 3600.0
REJECTS = 0.12


def run() -> list[Figure]:
    """All figures."""
    config = msgspec.structs.replace(demo_production(), reject_share=REJECTS)
    line = VirtualProduction(config, SEED, lambda n: Piece(n, f"u{n}", "P100", "A"), BEGIN_S)
    events = line.advance(BEGIN_S + LENGTH_S)
    model = LineModel("L1", model_of(config, "L1", "P100", REJECTS), datetime(2024, 1, 1, tzinfo=UTC))
    fold = LineFold(model)
    began = time.process_time()
    fold.events(events)
    followed = len(events) / (time.process_time() - began)
    began = time.process_time()
    reigns = shifting_bottleneck(fold.history(BEGIN_S, BEGIN_S + LENGTH_S), BEGIN_S, BEGIN_S + LENGTH_S)
    bottleneck_s = time.process_time() - began
    made = fold.finished["A"]
    start = start_of(model, fold, [OpenOrder(order="A", product="P100", quantity=made + 500, finished=made)])
    completion_draws(start, range(1), seed=SEED)
    began = time.process_time()
    completion_draws(start, range(REPLICATIONS), seed=SEED)
    forecast_s = time.process_time() - began
    question = Question(changes=("repair:L1-TURN=0.5",), plan=Plan(until=3600.0, replications=200), parts=start.parts)
    work = pieces(start.line, question, start.state)
    began = time.perf_counter()
    alone = run_pieces(work)
    alone_s = time.perf_counter() - began
    began = time.perf_counter()
    both = run_pieces(work, workers=2)
    both_s = time.perf_counter() - began
    same = answer(start.line, question, start.state, alone) == answer(start.line, question, start.state, both)
    return [
        Figure("events_followed_per_s", followed, "1/s", f"{len(events)} events of {LENGTH_S:g} s, CPU seconds", SEED),
        Figure("bottleneck_s", bottleneck_s, "s", f"active periods of {LENGTH_S:g} s, {len(reigns)} reigns", SEED),
        Figure("forecast_s", forecast_s, "s", f"{REPLICATIONS} draws of an order of 500 parts, CPU seconds", SEED),
        Figure("question_s", alone_s, "s", "2 × 200 replications of an hour, one process, wall clock", SEED),
        Figure(
            "question_two_processes_s", both_s, "s", "the same on two spawned processes, their start included", SEED
        ),
        Figure("question_same_answer", int(same), "1 = same", "one process against two", SEED),
    ]
