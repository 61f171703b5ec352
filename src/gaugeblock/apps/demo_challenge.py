"""The demo's challenge parts: chosen with its module, stated in its log, assigned to its station."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gaugeblock.apps.challenge import state_challenge_set
from gaugeblock.apps.layout import Installation
from gaugeblock.plant.control_facets import ChallengePart, ChallengeSetStatement
from gaugeblock.virtual.camera import encode_jpeg
from gaugeblock.virtual.challenge_parts import render_challenge_part
from gaugeblock.virtual.config import CHALLENGE_UNITS, ChallengeUnit, VirtualLineConfig
from gaugeblock.vision.decode import decode
from gaugeblock.vision.inspector import Inspector

CANDIDATES = 9
"""Parts among which one of each kind is chosen."""


def choose_challenge_units(module: Path, seed: int, *, lamp_age: int) -> tuple[ChallengeUnit, ...]:
    """The challenge parts, chosen as at commissioning: a typical good part, and defects that the module sees well.

    Of some good parts the one with the middle score, of some defective ones that with the highest: a part at the edge
    of the threshold would test the sensor's noise.
    """
    inspector = Inspector.from_bytes(module.read_bytes())
    config = VirtualLineConfig().render

    def score_of(unit: ChallengeUnit) -> float:
        part = render_challenge_part(seed, unit, config, lamp_age=lamp_age)
        return inspector.inspect(decode(encode_jpeg(part.image))).score

    chosen = []
    for place, unit in enumerate(CHALLENGE_UNITS):
        numbers = range(1 + place * CANDIDATES, 1 + (place + 1) * CANDIDATES)
        ranked = sorted((msgspec.structs.replace(unit, number=number) for number in numbers), key=score_of)
        chosen.append(ranked[CANDIDATES // 2] if unit.defect is None else ranked[-1])
    return tuple(chosen)


def register_challenge_set(
    installation: Installation, station: str, product: str, units: tuple[ChallengeUnit, ...]
) -> None:
    """State once which parts test the demo's station, and tell the station."""
    parts = ChallengeSetStatement(
        tuple(
            ChallengePart(
                unit.unit,
                "good" if unit.defect is None else "defective",
                () if unit.defect is None else (unit.defect,),
            )
            for unit in units
        )
    )
    state_challenge_set(installation, station, product, parts)
