"""The named errors of event logs and of what is calibrated from them."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class LogError(GaugeblockError):
    """Base of everything that is wrong with an event log."""


class LogEmptyError(LogError):
    """No visit of a part to a station, or too few parts to tell a spread. Facts: ``parts``, ``least``."""

    code = "twin.log_short"


class LogTooLongError(LimitError):
    """More events than are kept in memory at once. Facts: ``limit``."""

    code = "twin.log_long"


class LogColumnError(LogError):
    """A column that a log needs is not there. Facts: ``column``, ``known``."""

    code = "twin.log_column"


class LogRowError(LogError):
    """A row whose time cannot be read. Facts: ``row``, ``value``."""

    code = "twin.log_row"


class NegativeTimesError(LogError):
    """More visits end before they start than a slip explains. Facts: ``count``, ``visits``, ``part``, ``station``."""

    code = "twin.log_negative"


class OverlapError(LogError):
    """A machine serves two parts at once too often to be one machine. Facts: ``machine``, ``count``, ``visits``."""

    code = "twin.log_overlap"


class ClocksApartError(LogError):
    """Two sources of one log, or two of its stations, disagree about the time. Facts: ``first``, ``second``, ``hours``,
    ``share``."""

    code = "twin.log_clocks"


class RouteEndlessInLogError(LogError):
    """Parts come to a station and none was ever seen to leave the line from there. Facts: ``station``, ``parts``."""

    code = "twin.log_route"
