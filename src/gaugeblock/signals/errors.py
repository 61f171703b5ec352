"""The named errors of the shared mathematics."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class BaselineTooShortError(GaugeblockError):
    """Too few in-control values to found a chart on. Facts: ``found``, ``needed``."""

    code = "signals.baseline_too_short"


class BaselineFlatError(GaugeblockError):
    """In-control values without any spread: limits would have no width. Facts: ``found``."""

    code = "signals.baseline_flat"


class ChartParameterError(GaugeblockError):
    """A parameter of a chart outside its range. Facts: ``name``, ``value``, ``low``, ``high``."""

    code = "signals.chart_parameter"


class ChartValueError(GaugeblockError):
    """An infinite value; a missing one is written as NaN. Facts: ``position``."""

    code = "signals.chart_value"


class SeriesTooLongError(LimitError):
    """More values at once than one calculation takes. Facts: ``found``, ``limit``."""

    code = "signals.series_too_long"


class RatingsShapeError(GaugeblockError):
    """Ratings that do not form a table: lengths, raters or categories differ. Facts: ``found``, ``expected``."""

    code = "signals.ratings_shape"
