"""From a log to a line: what was discovered is what wrote the log, and intervals hold the truth."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from benchmarks.twin.calibration import binomial_p, coverage
from gaugeblock.twin.calibration.calibrate import Calibration, calibrate, clock_resolution
from gaugeblock.twin.calibration.event_log import LogBuilder
from gaugeblock.twin.calibration.stays import DownTimes
from gaugeblock.twin.calibration.uncertainty import throughput, throughput_interval
from gaugeblock.twin.distributions import Deterministic, Exponential, Gamma, Lognormal, Weibull
from gaugeblock.twin.line import FINISHED, SCRAP, Buffer, Failures, Line, Outcome, Step, parse_line, serial_line
from gaugeblock.twin.line_toml import line_toml
from gaugeblock.twin.validation import validate
from tests.twin.calibration.logs import beat, log_of

OPERATING = Failures(counts="operating_time", between=Weibull(30.0, 0.8), repair=Gamma(4.0, 0.7))
CALENDAR = Failures(counts="calendar_time", between=Exponential(40.0), repair=Lognormal(5.0, 0.8))
LINE = serial_line(
    [Gamma(1.0, 0.5), Lognormal(1.9, 0.6), Exponential(0.8), Weibull(0.9, 0.5)],
    [3, 0, 2],
    failures=[OPERATING, None, CALENDAR, None],
    machines=[1, 2, 1, 1],
)


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    return calibrate(log_of(LINE, 1500, seed=4), seed=2)


def test_the_structure_is_found(fitted: Calibration) -> None:
    line = fitted.line
    assert [station.name for station in line.stations] == ["station-1", "station-2", "station-3", "station-4"]
    assert [station.machines for station in line.stations] == [1, 2, 1, 1]
    assert [buffer.capacity for buffer in line.buffers] == [3, 0, 2]
    assert all(place.told for place in fitted.structure.places)
    counts = [station.failures.counts if station.failures else None for station in line.stations]
    assert counts == ["operating_time", None, "calendar_time", None]
    assert not line.arrivals


def test_service_is_told_from_stay(fitted: Calibration) -> None:
    for (station, _), times in fitted.service.items():
        truth = LINE.steps[station].service
        low, high = times.mean
        assert low * 0.97 <= truth.mean <= high * 1.03, station
    log = fitted.log
    first = (log.station == 0) & log.known
    stay = (log.end - log.start)[first].mean()
    assert stay > 1.15 * LINE.steps[0].service.mean  # blocked and down time are in the stay
    assert fitted.service[0, -1].censored > 50


def test_failures_are_found(fitted: Calibration) -> None:
    for station, truth in ((0, OPERATING), (2, CALENDAR)):
        between, repair = fitted.uptime[station], fitted.repair[station]
        assert between.mean[0] * 0.9 < truth.between.mean < between.mean[1] * 1.1
        assert repair.mean[0] * 0.9 < truth.repair.mean < repair.mean[1] * 1.1
    assert fitted.counted[2].odds == math.inf


def test_what_the_log_cannot_tell_is_said(fitted: Calibration) -> None:
    keys = {remark.key for remark in fitted.remarks}
    assert {"blocking_assumed", "no_failure", "crew_unknown"} <= keys


def test_the_fitted_line_makes_what_the_true_one_makes(fitted: Calibration) -> None:
    found = throughput_interval(fitted, draws=40, parts=1500, seed=3)
    truth = throughput(LINE, seed=9)
    assert found.low < found.value < found.high
    assert found.low * 0.98 < truth < found.high * 1.02
    assert found.high / found.low < 1.35


def test_the_line_is_written_and_read_again(fitted: Calibration) -> None:
    assert parse_line(line_toml(fitted.line, "two\nlines")) == fitted.line
    generator = np.random.default_rng(1)
    for _ in range(5):
        drawn = validate(fitted.draw(generator))
        assert parse_line(line_toml(drawn)) == drawn


def _with_outcomes(*outcomes: Outcome, buffers: tuple[Buffer, ...] = (), rework: bool = False) -> Line:
    line = serial_line([Exponential(0.6), Exponential(0.7), Exponential(0.6)], [4, 4])
    middle = msgspec.structs.replace(line.steps[1], to=None, outcomes=outcomes)
    back = (Step(station="station-1", product="part", takes=("r",), service=Exponential(0.6), to="buffer-1"),)
    return msgspec.structs.replace(
        line,
        steps=(*(back if rework else ()), line.steps[0], middle, line.steps[2]),
        buffers=(*line.buffers, *buffers),
    )


def test_scrap_is_found_with_its_share() -> None:
    line = _with_outcomes(Outcome(share=0.9, to=("buffer-2",)), Outcome(share=0.1, to=(SCRAP,)))
    fitted = calibrate(log_of(line, 1500))
    shares = {o.to[0]: o.share for step in fitted.line.steps for o in step.all_outcomes() if step.outcomes}
    assert shares[SCRAP] == pytest.approx(0.1, abs=0.03)
    assert FINISHED not in shares


def test_rework_is_found_with_its_place() -> None:
    line = _with_outcomes(
        Outcome(share=0.85, to=("buffer-2",)),
        Outcome(share=0.15, to=("r",)),
        buffers=(Buffer(name="r", capacity="unlimited"),),
        rework=True,
    )
    fitted = calibrate(log_of(line, 1500))
    [back] = [place for place in fitted.structure.places if place.back]
    assert fitted.log.stations[back.into] == "station-1"
    shares = {o.to[0]: o.share for step in fitted.line.steps for o in step.outcomes}
    assert shares["rework station-1"] == pytest.approx(0.15, abs=0.03)
    assert "rework_open" in {remark.key for remark in fitted.remarks}


def test_scrap_is_guessed_where_no_reject_is_named() -> None:
    builder = LogBuilder()
    for k in range(200):
        builder.visit(f"p{k}", "saw", "saw-1", 3.0 * k, 3.0 * k + 2.0)
        if k % 10:
            builder.visit(f"p{k}", "mill", "mill-1", 3.0 * k + 2.0, 3.0 * k + 4.5)
    fitted = calibrate(builder.build())
    assert "scrap_guessed" in {remark.key for remark in fitted.remarks}
    [saw] = [step for step in fitted.line.steps if step.station == "saw"]
    assert {o.to[0]: round(o.share, 2) for o in saw.outcomes}[SCRAP] == pytest.approx(0.1, abs=0.01)


def test_products_have_times_and_routes_of_their_own() -> None:
    generator = np.random.default_rng(3)
    builder, now = LogBuilder(), 0.0
    for k in range(400):
        product, mean = ("red", 1.0) if k % 4 else ("blue", 3.0)
        end = now + generator.gamma(8.0, mean / 8.0)
        builder.visit(f"p{k}", "saw", "saw-1", now, end, product=product)
        now = end
    fitted = calibrate(builder.build())
    means = {step.product: step.service.mean for step in fitted.line.steps}
    assert means["red"] == pytest.approx(1.0, rel=0.1)
    assert means["blue"] == pytest.approx(3.0, rel=0.1)
    [supply] = fitted.line.supplies
    assert supply.products.count("blue") == 5
    assert supply.products.count("red") == 15


def test_parts_that_come_by_themselves_are_arrivals() -> None:
    generator = np.random.default_rng(3)
    builder, free, now = LogBuilder(), 0.0, 0.0
    for k in range(500):
        now += generator.exponential(2.0)
        start = max(now, free)
        free = start + generator.exponential(1.0)
        builder.visit(f"p{k}", "saw", "saw-1", start, free)
    fitted = calibrate(builder.build())
    [arrivals] = fitted.line.arrivals
    assert arrivals.every.mean == pytest.approx(2.0, rel=0.15)
    assert throughput(fitted.line, parts=20_000) == pytest.approx(0.5, rel=0.15)


def test_a_deterministic_line_is_one() -> None:
    fitted = calibrate(beat().build())
    assert [type(step.service) for step in fitted.line.steps] == [Deterministic, Deterministic]


def test_the_clock_grain() -> None:
    assert clock_resolution(beat().build()) == pytest.approx(1 / 60)  # tenths of a minute are whole seconds
    assert clock_resolution(log_of(LINE, 50)) == 0.0


def test_down_time_before_a_moment() -> None:
    down = DownTimes(np.array([1.0, 5.0]), np.array([2.0, np.inf]))
    assert down.before(np.array([0.0, 1.5, 3.0, 7.0])).tolist() == [0.0, 0.5, 1.0, 3.0]


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    calibrate(log_of(LINE, 100), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == 8


def test_coverage_on_a_few_logs() -> None:
    """Three of the 400 logs of the benchmark ``twin.calibration``, shorter; there the share is tested."""
    hits, widths = coverage(3, 300, true_parts=30_000)
    assert hits >= 2
    assert all(0.0 < width < 0.6 for width in widths)


def test_the_binomial_test_is_exact() -> None:
    assert binomial_p(95, 100, 0.95) == pytest.approx(1.0)
    assert binomial_p(10, 10, 0.5) == pytest.approx(2 / 1024)
