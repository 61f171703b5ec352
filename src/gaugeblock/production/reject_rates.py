"""How much is rejected where, from the line's own records, in the place of what its model once assumed.

The model's share of scrap counts as so many parts seen; the line's parts are added to them. A line that has just begun
is forecast by its model, one that has run for long by what it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from gaugeblock.production.line_model import LineModel
from gaugeblock.twin.line import SCRAP, Step

PRIOR_PARTS = 100

Ends = Mapping[str, Mapping[str, int]]
"""By station: how many parts ``left``, were ``scrapped``, were ``reworked``."""


def share_of_scrap(assumed: float, scrapped: int, others: int, prior: int = PRIOR_PARTS) -> float:
    """The assumed share weighed against what was seen.

    >>> share_of_scrap(0.1, 0, 0), share_of_scrap(0.1, 90, 810), share_of_scrap(0.0, 100, 0)
    (0.1, 0.1, 0.5)
    """
    return (assumed * prior + scrapped) / (prior + scrapped + others)


def with_observed_rejects(model: LineModel, ends: Ends) -> LineModel:
    """The model with the shares of scrap of its steps as they were seen; steps that scrap nothing stay as they are."""
    steps = tuple(_step(step, ends.get(step.station, {})) for step in model.line.steps)
    if steps == model.line.steps:
        return model
    return replace(model, line=msgspec.structs.replace(model.line, steps=steps))


def _step(step: Step, seen: Mapping[str, int]) -> Step:
    assumed = sum(outcome.share for outcome in step.outcomes if outcome.to == (SCRAP,))
    count = sum(seen.values())
    if not 0.0 < assumed < 1.0 or not count:
        return step
    share = share_of_scrap(assumed, seen.get("scrapped", 0), count - seen.get("scrapped", 0))
    # Never all and never none: the other outcomes keep their proportions.
    share = min(0.99, max(1e-6, share))
    return msgspec.structs.replace(
        step,
        outcomes=tuple(
            msgspec.structs.replace(
                o, share=o.share * (share / assumed if o.to == (SCRAP,) else (1.0 - share) / (1.0 - assumed))
            )
            for o in step.outcomes
        ),
    )
