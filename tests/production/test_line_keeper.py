"""What the keeper states: forecasts when they change, outcomes when orders end, figures of whole periods."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("numba")

from gaugeblock.plant.production_facets import ForecastStatement, OrderStatement, OrderSubject, Quantile
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.production.forecasting import (
    LEVELS,
    binomial_two_sided,
    changed_materially,
    completion_draws,
    completions,
    score,
)
from gaugeblock.production.line_errors import LineUnknownError, PeriodError, QuestionError
from gaugeblock.production.start_state import OpenOrder, start_of
from gaugeblock.stores.projections import open_record
from gaugeblock.twin.errors import ChangeFormError, UnknownNameError
from tests.production.line_events import ZERO_S, folded, model_of_two, step
from tests.web.conftest import SamplePlant
from tests.web.line_plant import ORDER_SIZE, LinePlant


def records(works: LinePlant, kind: str) -> list[Any]:
    log = works.sample.log
    opened = [open_record(stored) for stored in log.records(0, log.size)]
    return [record for record in opened if record.record_type == kind]


@pytest.fixture
def works() -> LinePlant:
    return LinePlant(SamplePlant(), orders=3)


def test_a_forecast_is_stated_once_and_again_when_it_changes(works: LinePlant) -> None:
    works.run(20.0)
    first = records(works, "production.forecast")
    assert sorted(r.facets["subject"].order for r in first) == ["A-1001", "A-1002", "A-1003"]
    for record in first:
        statement, process = record.facets["statement"], record.facets["process"]
        assert tuple(q.probability for q in statement.completion) == LEVELS
        assert [q.at for q in statement.completion] == sorted(q.at for q in statement.completion)
        assert statement.on_time is not None
        assert process.state_index is not None
        assert process.replications == 40
    works.run(0.2)
    assert len(records(works, "production.forecast")) == len(first), "nothing material has changed"
    works.plant.statements.state(
        "server:plant",
        "production.order",
        "order/1/again",
        {
            "subject": OrderSubject(order="A-1002"),
            "statement": OrderStatement(product="P100", quantity=5 * ORDER_SIZE, line="L1", due="2020-01-01"),
        },
    )
    works.run(0.5)
    newest = works.desk.reader.forecasts("L1", "A-1002", 1)[0]
    assert newest.on_time == 0.0
    assert len(works.desk.reader.forecasts("L1", "A-1002")) == 2


def test_every_forecast_of_a_complete_order_gets_its_outcome_once(works: LinePlant) -> None:
    works.run(15.0)
    works.run(90.0)
    works.run(1.0)
    outcomes = [r for r in records(works, "production.outcome") if r.facets["subject"].order == "A-1001"]
    stated = works.desk.reader.forecasts("L1", "A-1001")
    assert len(outcomes) == len(stated) >= 1
    ends = {r.facets["statement"].completed_at for r in outcomes}
    assert len(ends) == 1
    # The order is complete with its last good part that was ordered, though more of them came.
    good = [
        c for c in works.desk.follower("L1").look(lambda fold: list(fold.completions)) if c.good and c.order == "A-1001"
    ]
    assert from_rfc3339(ends.pop()).timestamp() == pytest.approx(good[ORDER_SIZE - 8 - 1].at_s)
    for record in outcomes:
        assert 0.0 <= record.facets["statement"].pit <= 1.0
    works.run(1.0)
    assert len([r for r in records(works, "production.outcome") if r.facets["subject"].order == "A-1001"]) == len(
        outcomes
    )


def test_figures_are_stated_of_whole_periods(works: LinePlant) -> None:
    works.desk.keeper._kpi_period_s = 60.0
    works.run(200.0)
    stated = works.desk.reader.kpis("L1")
    assert stated[0].machine is None, "the line's own row comes last"
    assert {row.machine for row in stated} == {None, *(s.name for s in works.config.stations)}
    assert from_rfc3339(stated[0].end).timestamp() % 60 == 0
    values = stated[0].values
    product = values["availability"] * values["effectiveness"] * values["quality_ratio"]
    assert values["OEE_index"] == pytest.approx(product, rel=1e-4)
    works.run(1.0)
    assert len(works.desk.reader.kpis("L1")) == len(stated)


def test_a_second_follower_of_the_same_log_sees_the_same_line(works: LinePlant) -> None:
    works.run(40.0, step=False)
    from gaugeblock.production.line_queries import LineFollower

    again = LineFollower(works.desk.reader, works.model)
    old, new = (
        f.look(lambda fold: (fold.machines, fold.buffers, fold.finished)) for f in (works.desk.follower("L1"), again)
    )
    assert old == new


def test_the_desk_refuses_what_is_not_there(works: LinePlant) -> None:
    works.run(5.0)
    with pytest.raises(LineUnknownError):
        works.desk.view("L2")
    with pytest.raises(PeriodError):
        works.desk.view("L1", None, 1e9)
    with pytest.raises(PeriodError):
        works.desk.future("L1", -1.0)
    with pytest.raises(ChangeFormError):
        works.desk.ask("L1", ["nonsense"], 60.0)
    with pytest.raises(UnknownNameError):
        works.desk.ask("L1", ["buffer:none=3"], 60.0)
    other = works.jobs.submit("inspection.train", {})
    with pytest.raises(QuestionError):
        works.desk.question(other)


# ── pure ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_completion_from_a_deterministic_state_is_exact() -> None:
    """``u1`` has one of two seconds at ``a`` behind it; two good parts are wanted, and b is the slower."""
    model = model_of_two()
    line = model.line.steps[1]
    assert line.service.mean == 3.0
    fold = folded(model, step(0, "a", "started", "u1", order="A"))
    start = start_of(model, fold, [OpenOrder(order="A", product="P", quantity=2)], ZERO_S + 1.0)
    draws = completion_draws(start, range(400), seed=1)["A"]
    found = completions(start, {"A": draws})[0]
    assert found.remaining == 2
    # Neither scrapped nor failed: 2 + 3 + 3 on the clock, whatever the luck.
    assert min(found.draws) == pytest.approx(8.0)
    # Both good and no failure in some six seconds of work: near 0.8² of the futures.
    share = sum(d == pytest.approx(8.0) for d in found.draws) / 400
    assert 0.5 < share < 0.72


def quantiles(*seconds: int) -> tuple[Quantile, ...]:
    return tuple(Quantile(p, f"2026-01-01T00:00:{s:02d}Z") for p, s in zip((0.05, 0.5, 0.95), seconds, strict=True))


def test_what_is_material_is_the_date_the_chance_and_half_a_width() -> None:
    before = ForecastStatement(quantiles(10, 20, 30), 5, "2026-01-01T00:00:25Z", 0.7)
    assert not changed_materially(before, ForecastStatement(quantiles(12, 22, 33), 4, before.due, 0.65))
    assert changed_materially(before, ForecastStatement(quantiles(22, 31, 40), 4, before.due, 0.65))
    assert changed_materially(before, ForecastStatement(quantiles(12, 22, 33), 4, before.due, 0.5))
    assert changed_materially(before, ForecastStatement(quantiles(10, 20, 30), 5, None, None))


def test_a_score_is_of_the_stated_quantiles() -> None:
    stated = quantiles(10, 20, 30)
    assert score(stated, from_rfc3339("2026-01-01T00:00:20Z")).pit == 0.5
    assert score(stated, from_rfc3339("2026-01-01T00:00:15Z")).pit == pytest.approx(0.275)
    early, right = (score(stated, from_rfc3339(f"2026-01-01T00:00:{s:02d}Z")).crps_s for s in (0, 20))
    assert right < early


def test_the_binomial_test_is_exact() -> None:
    assert binomial_two_sided(2, 2, 0.5) == pytest.approx(0.5)
    assert binomial_two_sided(1, 2, 0.5) == pytest.approx(1.0)
    assert binomial_two_sided(0, 3, 0.9) == pytest.approx(0.001)
