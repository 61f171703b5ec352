"""Shares of scrap from the line's records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.plant.production_facets import EventBatchSubject
from gaugeblock.production.event_files import in_batches
from gaugeblock.production.line_queries import LineReader
from gaugeblock.production.reject_rates import with_observed_rejects
from gaugeblock.twin.validation import validate
from tests.production.line_events import model_of_two, step
from tests.web.conftest import SamplePlant

COUNT = st.integers(0, 10**6)


@given(left=COUNT, scrapped=COUNT, reworked=COUNT)
def test_the_line_stays_a_line_and_the_share_comes_near_what_is_seen(left: int, scrapped: int, reworked: int) -> None:
    model = model_of_two()
    seen = with_observed_rejects(model, {"b": {"left": left, "scrapped": scrapped, "reworked": reworked}})
    validate(seen.line)
    count = left + scrapped + reworked
    share = seen.line.steps[1].outcomes[1].share
    if count == 0:
        assert seen == model
    elif count > 50_000 and 0.001 < scrapped / count < 0.98:
        assert share == pytest.approx(scrapped / count, abs=0.003)
    assert min(0.2, scrapped / max(1, count)) - 1e-6 <= share <= max(0.2, scrapped / max(1, count)) + 1e-6


def test_records_reach_the_twin() -> None:
    plant = SamplePlant()
    events = []
    for k in range(100):
        events += [
            step(6 * k, "b", "started", f"u{k}", order="A"),
            step(6 * k + 3, "b", "scrapped" if k % 2 else "left", f"u{k}", order="A"),
        ]
    for batch in in_batches(events):
        plant.plant.statements.state(
            "server:plant",
            "production.events",
            f"e/{batch.sequence}",
            {"subject": EventBatchSubject(line="L"), "statement": batch},
        )
    ends = LineReader(plant.plant.projections.database).ends("L")
    assert ends == {"b": {"left": 50, "scrapped": 50}}
    # Half were scrapped of a hundred, a fifth was assumed for a hundred more.
    assert with_observed_rejects(model_of_two(), ends).line.steps[1].outcomes[1].share == pytest.approx(0.35)
