"""The named refusals of what the plant shares: documents and footprints."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class SharedAlreadyError(GaugeblockError):
    """The same bytes are shared for the same thing already. Facts: ``name``."""

    code = "exchange.shared_already"


class SharedMissingError(GaugeblockError):
    """No document of this digest is shared now. Facts: ``sha256``."""

    code = "exchange.shared_missing"


class SharedSubjectError(GaugeblockError):
    """About something that the plant does not know. Facts: ``noun``, ``id``."""

    code = "exchange.shared_subject"


class SharedTitleError(LimitError):
    """A title that is too long, or holds control characters. Facts: ``limit``."""

    code = "exchange.shared_title"


class FootprintValueError(GaugeblockError):
    """A value of a footprint that cannot be meant. Facts: ``field``, ``value``."""

    code = "exchange.footprint_value"


class FootprintPartsError(GaugeblockError):
    """Parts of a footprint that belong together, and of which one is missing. Facts: ``given``, ``missing``."""

    code = "exchange.footprint_parts"


class FootprintSumError(GaugeblockError):
    """A total that its parts do not come to. Facts: ``stated``, ``found``."""

    code = "exchange.footprint_sum"


class FootprintPeriodError(GaugeblockError):
    """A period that does not end after it begins, or is none. Facts: ``begin``, ``end``."""

    code = "exchange.footprint_period"
