"""A measurement study's report as one HTML file that needs nothing beside itself, to be read, printed and signed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gaugeblock.inspection.agreement import Criterion
from gaugeblock.inspection.gauge_rr import Variation
from gaugeblock.inspection.studies import StudyResult
from gaugeblock.plant.language import Language
from gaugeblock.web.templating import STATIC, render


class GaugeLine(msgspec.Struct, frozen=True):
    """A component of variation; words ``web.study.gauge.<name>``."""

    name: str
    variation: Variation


def gauge_lines(result: StudyResult) -> Sequence[GaugeLine]:
    """The gauge's components that are known, from the equipment to the total."""
    gauge = result.gauge
    if gauge is None:
        return ()
    named = (
        ("equipment", gauge.equipment),
        ("appraiser", gauge.appraiser),
        ("interaction", gauge.interaction),
        ("gauge", gauge.gauge),
        ("part", gauge.part),
        ("total", gauge.total),
    )
    return [GaugeLine(name, variation) for name, variation in named if variation is not None]


def criteria(result: StudyResult) -> dict[str, Criterion]:
    """The station's three criteria by name."""
    own = result.of_station
    return {"effectiveness": own.effectiveness, "miss": own.miss, "false_alarm": own.false_alarm}


def render_study(result: StudyResult, language: Language, table_sha256: str, result_sha256: str, version: str) -> str:
    """The file's text, for a study that is in no log.

    Parameters
    ----------
    table_sha256, result_sha256
        Of the table's bytes and of the result as JSON.
    """
    style = (STATIC / "tokens.css").read_text("utf-8") + (STATIC / "study.css").read_text("utf-8")
    return render(
        "study_report.html.j2",
        language,
        result=result,
        lines=gauge_lines(result),
        criteria=criteria(result),
        digests=(table_sha256, result_sha256),
        version=version,
        style=style,
    )
