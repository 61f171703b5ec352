"""The same part each time, under new noise; defects that nobody may miss."""

from __future__ import annotations

import numpy as np
import pytest

from gaugeblock.virtual.challenge_parts import render_challenge_part
from gaugeblock.virtual.config import CHALLENGE_UNITS, ChallengeUnit, RenderConfig

CONFIG = RenderConfig(size_px=240)


@pytest.mark.parametrize("unit", CHALLENGE_UNITS)
def test_a_part_shown_again_is_the_same_part_in_another_photograph(unit: ChallengeUnit) -> None:
    first, again = (render_challenge_part(1, unit, CONFIG, exposure=n) for n in (1, 2))
    apart = np.abs(first.image.astype(int) - again.image.astype(int))
    assert 0.5 < apart.mean() < 3.0, "the sensor's noise"
    assert (first.truth.mask == again.truth.mask).all()
    assert first.truth.condition == ("good" if unit.defect is None else "defective")
    assert {defect.kind for defect in first.truth.defects} == ({unit.defect} - {None})
    assert (render_challenge_part(1, unit, CONFIG, exposure=1).image == first.image).all()


@pytest.mark.parametrize("unit", CHALLENGE_UNITS[1:])
def test_its_defects_are_obvious(unit: ChallengeUnit) -> None:
    part = render_challenge_part(1, unit, CONFIG)
    good = render_challenge_part(1, ChallengeUnit("G", unit.number), CONFIG)
    assert len(part.truth.defects) == 3
    assert all(defect.severity == 1.0 for defect in part.truth.defects)
    changed = np.abs(part.image.astype(int) - good.image.astype(int)).max(axis=2)
    assert changed[part.truth.mask].max() > 60
