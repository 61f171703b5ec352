"""Lines whose throughput is known exactly, at a size for tests; all of them at 10⁷ parts: ``twin.accuracy``."""

from __future__ import annotations

import pytest

from benchmarks.twin._exact import CASES, cases, line_of, truths_of
from benchmarks.twin.accuracy import z_of
from gaugeblock.twin.compiled import telling_of_compilation
from gaugeblock.twin.distributions import Exponential
from gaugeblock.twin.errors import RunParameterError
from gaugeblock.twin.intervals import interval_of
from gaugeblock.twin.line import serial_line
from gaugeblock.twin.max_plus import MaxPlusRun
from gaugeblock.twin.replications import batch_means, replicate, summarise
from gaugeblock.twin.simulation import Simulation


@pytest.mark.skipif(not CASES.is_file(), reason="../shared/conformance/line/exact_cases.json is not there")
def test_exactly_known_lines_come_out() -> None:
    bad = []
    for case in cases():
        if case["model"].startswith(("deterministic", "transient")):
            assert line_of(case).steps
            continue
        truths = truths_of(case)
        for line in {truth.line for truth in truths}:
            reports = batch_means(line, batches=30, parts=1_000, warm_up=500, seed=11)
            # Ratios in short batches are a little biased; 10⁷ parts in long ones are not, and have the bar of 3.5.
            for truth in (truth for truth in truths if truth.line == line):
                z = z_of([truth.value(report) for report in reports], truth.exact)
                if abs(z) > 5.0:
                    bad.append((case["id"], truth.name, z))
    assert bad == []


def test_two_exponential_machines_make_two_thirds_by_both_kernels() -> None:
    line = serial_line([Exponential(1.0)] * 2, [0])
    event = interval_of([r.throughput for r in batch_means(line, batches=50, parts=4_000, warm_up=100)])
    assert abs(event.mean - 2 / 3) < 4.5 * event.error
    run = MaxPlusRun(line)
    run.advance(200_000)
    assert run.report().throughput == pytest.approx(2 / 3, rel=0.01)
    assert run.report().wip == pytest.approx(5 / 3, rel=0.01)


def test_max_plus_and_event_kernel_report_alike() -> None:
    line = serial_line([Exponential(1.0)] * 4, [2, 0, 1])
    fast, event = MaxPlusRun(line, 5), Simulation(line, 5)
    fast.advance(50_000)
    event.advance(parts=50_000)
    ours, theirs = fast.report(), event.report()
    assert ours.throughput == theirs.throughput
    for mine, other in zip(ours.stations, theirs.stations, strict=True):
        for state in ("busy", "blocked", "starved", "down"):
            assert getattr(mine, state) == pytest.approx(getattr(other, state), abs=1e-3)
    for one, two in zip(ours.buffers, theirs.buffers, strict=True):
        assert one.mean == pytest.approx(two.mean, abs=1e-3)


def test_replications_are_theirs_by_number_and_differ() -> None:
    line = serial_line([Exponential(1.0)] * 3, [1, 1])
    done: list[int] = []
    reports = replicate(line, range(3, 9), until=200.0, warm_up=20.0, progress=lambda k, n: done.append(k))
    assert reports == replicate(line, range(3, 9), until=200.0, warm_up=20.0)
    assert reports[2:4] == replicate(line, range(5, 7), until=200.0, warm_up=20.0)
    assert len({report.throughput for report in reports}) > 1
    assert done == [1, 2, 3, 4, 5, 6]
    summary = summarise(reports)
    assert summary.throughput.low < summary.throughput.mean < summary.throughput.high
    assert summary.stations[0].shares["starved"].mean == 0.0


def test_numbers_out_of_range_are_named() -> None:
    line = serial_line([Exponential(1.0)], [])
    for call in (
        lambda: replicate(line, range(0), until=1.0),
        lambda: replicate(line, range(1), until=1.0, warm_up=1.0),
        lambda: batch_means(line, batches=1, parts=1),
        lambda: Simulation(line, log=-1),
        lambda: Simulation(line).advance(),
        lambda: Simulation(line).advance(until=-1.0),
        lambda: MaxPlusRun(line).advance(-1),
        lambda: summarise([]),
    ):
        with pytest.raises(RunParameterError):
            call()


def test_a_shell_hears_of_compilation() -> None:
    import numba

    fresh = numba.njit(lambda x: x + 1)
    heard: list[str] = []
    with telling_of_compilation(heard.append):
        fresh(1)
        fresh(2)
    assert heard == ["<lambda>"]
    fresh(1.0)
    assert len(heard) == 1
