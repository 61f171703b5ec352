"""The named refusals of the sampling desk; those of the plans themselves stand in ``study_errors``."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class LotMissingError(GaugeblockError):
    """No such lot. Facts: ``lot``."""

    code = "inspection.lot_missing"


class SamplingPlanMissingError(GaugeblockError):
    """A lot of a product that has no plan in force. Facts: ``product``."""

    code = "inspection.sampling_plan_missing"


class LotDecidedError(GaugeblockError):
    """A lot is presented that is decided; again only as resubmitted. Facts: ``lot``, ``index``."""

    code = "inspection.lot_decided"


class LotNotRejectedError(GaugeblockError):
    """A lot is presented again that was not rejected. Facts: ``lot``."""

    code = "inspection.lot_not_rejected"


class NotDiscontinuedError(GaugeblockError):
    """Resuming what was not discontinued. Facts: ``product``."""

    code = "inspection.not_discontinued"


class LotNameError(GaugeblockError):
    """A product, lot or order without a name, or with too long a one. Facts: ``limit``."""

    code = "inspection.lot_name"
