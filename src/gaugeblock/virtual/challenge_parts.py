"""The challenge parts of a virtual line: the same few parts, photographed again each time they are shown."""

from __future__ import annotations

from gaugeblock.virtual.config import ChallengeUnit, RenderConfig
from gaugeblock.virtual.defects import Defect, obvious_defects
from gaugeblock.virtual.parts import geometry_of
from gaugeblock.virtual.render import RenderedPart, render
from gaugeblock.virtual.seeds import Purpose, Stream, generator


def render_challenge_part(
    seed: int, part: ChallengeUnit, config: RenderConfig, *, lamp_age: int = 0, exposure: int = 0
) -> RenderedPart:
    """Photograph of a challenge part.

    Parameters
    ----------
    seed
        Of the line.
    part
        Which one.
    config
        Size and product; the defect rate is ignored.
    lamp_age
        Units since the lamp was switched on.
    exposure
        Which photograph of it: its noise is of this one only.

    Raises
    ------
    UnknownProductError

    Examples
    --------
    >>> render_challenge_part(1, ChallengeUnit("N", 2, "chip"), RenderConfig(size_px=96)).truth.condition
    'defective'
    """
    geometry = geometry_of(config.product)
    defects: tuple[Defect, ...] = ()
    if part.defect is not None:
        rng = generator(seed, Stream.CHALLENGE, part.number, Purpose.DEFECTS)
        defects = obvious_defects(rng, geometry, part.defect)
    return render(
        seed,
        part.number,
        config,
        stream=Stream.CHALLENGE,
        lamp_age=lamp_age,
        defects=defects,
        exposure=exposure,
    )
