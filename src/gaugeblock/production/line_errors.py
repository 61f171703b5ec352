"""What can go wrong with a line's events, figures and forecasts, by name."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class TimeUnitError(GaugeblockError):
    """The line's model counts in a unit that is not known. Facts: ``unit``, ``known``."""

    code = "production.time_unit"


class EventFileError(GaugeblockError):
    """An event file cannot be read. Facts: ``file``, ``detail``."""

    code = "production.event_file"


class EventRowError(GaugeblockError):
    """A row of an event file says nothing that can be used. Facts: ``file``, ``row``, ``column``, ``value``."""

    code = "production.event_row"


class EventFileLimitError(LimitError):
    """An event file is larger than one may be. Facts: ``file``, ``found``, ``limit``."""

    code = "production.event_file_limit"


class PeriodError(GaugeblockError):
    """A period that ends before it begins, or is longer than is worked out at once. Facts: ``begin``, ``end``."""

    code = "production.period"


class LineUnknownError(GaugeblockError):
    """No such line, or it has no model. Facts: ``line``."""

    code = "production.line_unknown"


class ForecastHorizonError(GaugeblockError):
    """Orders do not end within the time that is simulated. Facts: ``order``, ``horizon``, ``unit``."""

    code = "production.forecast_horizon"


class QuestionError(GaugeblockError):
    """A question about the line that is not there. Facts: ``job``."""

    code = "production.question"
