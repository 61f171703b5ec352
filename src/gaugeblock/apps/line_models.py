"""The models of the plant's lines, as ``plant.toml`` names their files."""

from __future__ import annotations

from gaugeblock.apps.layout import Installation
from gaugeblock.apps.twin import read_line
from gaugeblock.production.line_model import LineModel, zero_of
from gaugeblock.twin.validation import validate


def line_models(installation: Installation) -> list[LineModel]:
    """Each line that has one.

    Raises
    ------
    LineFileError, LineError, TimeUnitError
    """
    zones = {site.id: site.timezone for site in installation.settings.sites}
    found = []
    for line in installation.settings.lines:
        if line.model is not None:
            zero = zero_of(zones.get(line.site, "Asia/Shanghai"), line.shifts[0] if line.shifts else None)
            found.append(LineModel(line.id, validate(read_line(installation.path(line.model))), zero))
    return found
