"""The named errors of measurement studies and sampling plans."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class StudyEmptyError(GaugeblockError):
    """A study without decisions, measurements or references."""

    code = "inspection.study_empty"


class StudyPartsLimitError(LimitError):
    """More parts than one study takes. Facts: ``found``, ``limit``."""

    code = "inspection.study_parts_limit"


class StudyAppraisersLimitError(LimitError):
    """More appraisers than one study takes. Facts: ``found``, ``limit``."""

    code = "inspection.study_appraisers_limit"


class StudyTrialsLimitError(LimitError):
    """More trials than one study takes. Facts: ``found``, ``limit``."""

    code = "inspection.study_trials_limit"


class StudyEntriesLimitError(LimitError):
    """More decisions or measurements than one study takes. Facts: ``found``, ``limit``."""

    code = "inspection.study_entries_limit"


class ReferenceContradictionError(GaugeblockError):
    """A part with two references that differ. Facts: ``part``."""

    code = "inspection.reference_contradiction"


class ReferenceMissingError(GaugeblockError):
    """A part that was judged and has no reference. Facts: ``part``."""

    code = "inspection.reference_missing"


class TrialMissingError(GaugeblockError):
    """An appraiser lacks a trial that others made: not balanced. Facts: ``part``, ``appraiser``, ``trial``."""

    code = "inspection.trial_missing"


class TrialTwiceError(GaugeblockError):
    """One part, appraiser and trial entered twice. Facts: ``part``, ``appraiser``, ``trial``."""

    code = "inspection.trial_twice"


class StudyFewPartsError(GaugeblockError):
    """Too few parts to tell their variation from the gauge's. Facts: ``found``, ``needed``."""

    code = "inspection.study_few_parts"


class StudyFewTrialsError(GaugeblockError):
    """Nothing was repeated: repeatability cannot be known. Facts: ``found``, ``needed``."""

    code = "inspection.study_few_trials"


class MeasurementValueError(GaugeblockError):
    """A measurement that is not a finite number. Facts: ``part``, ``appraiser``, ``trial``."""

    code = "inspection.measurement_value"


class StudyConfidenceError(GaugeblockError):
    """A confidence outside the open interval 0…1. Facts: ``value``."""

    code = "inspection.study_confidence"


class StudyDistanceError(GaugeblockError):
    """A distance to the threshold that is not above zero. Facts: ``value``."""

    code = "inspection.study_distance"


class LotQualityError(GaugeblockError):
    """A share of nonconforming units, or nonconformities a unit, that is none. Facts: ``value``."""

    code = "inspection.lot_quality"


class AqlUnknownError(GaugeblockError):
    """An AQL that ISO 2859-1 does not have. Facts: ``value``, ``nearest``."""

    code = "inspection.aql_unknown"


class LotSizeError(GaugeblockError):
    """A lot smaller than 2 or larger than the limit. Facts: ``value``, ``limit``."""

    code = "inspection.lot_size"


class LotCountError(GaugeblockError):
    """More nonconforming than inspected, or negative counts. Facts: ``found``, ``inspected``."""

    code = "inspection.lot_count"


class InspectionDiscontinuedError(GaugeblockError):
    """A lot given to a scheme that has stopped acceptance inspection. Facts: ``rejected``."""

    code = "inspection.discontinued"


class LotSeverityError(GaugeblockError):
    """A lot inspected by a plan of another severity than is in force. Facts: ``found``, ``expected``."""

    code = "inspection.lot_severity"
