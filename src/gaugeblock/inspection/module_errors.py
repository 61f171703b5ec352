"""What the life of a module refuses, each by name."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class ComparisonCriteriaError(GaugeblockError):
    """A margin, confidence or significance that is no share, or a negative number of parts."""

    code = "inspection.comparison_criteria"


class StationUnknownError(GaugeblockError):
    """No station of this plant has that id. Facts: ``station``."""

    code = "inspection.station_unknown"


class ModuleUnknownError(GaugeblockError):
    """No record speaks of this module. Facts: ``module``."""

    code = "inspection.module_unknown"


class ModuleNotCandidateError(GaugeblockError):
    """Only an open candidate of the station can be released or rejected. Facts: ``module``, ``station``."""

    code = "inspection.module_not_candidate"


class ModuleInServiceError(GaugeblockError):
    """The module is in service at the station already. Facts: ``module``, ``station``."""

    code = "inspection.module_in_service"


class NothingInServiceError(GaugeblockError):
    """The station has no module in service to compare with or to come from. Facts: ``station``."""

    code = "inspection.nothing_in_service"


class RollbackTargetError(GaugeblockError):
    """One goes back only to a module that has been in service at the station. Facts: ``module``, ``station``."""

    code = "inspection.rollback_target"


class ReasonMissingError(GaugeblockError):
    """The decision needs a reason in words. Facts: ``least`` (characters)."""

    code = "inspection.reason_missing"


class ReasonTooLongError(GaugeblockError):
    """The reason exceeds its limit. Facts: ``limit``."""

    code = "inspection.reason_too_long"


class ComparisonForeignError(GaugeblockError):
    """The record named is no comparison of this candidate with the module in service now. Facts: ``index``."""

    code = "inspection.comparison_foreign"


class ComparisonFailedError(GaugeblockError):
    """The comparison named was not passed: releasing all the same needs a reason in words. Facts: ``index``."""

    code = "inspection.comparison_failed"


class TrainingRunningError(GaugeblockError):
    """One training at a time. Facts: ``job``."""

    code = "inspection.training_running"


class TrainingTooFewError(GaugeblockError):
    """Too few good parts are left to train on. Facts: ``found``, ``needed``."""

    code = "inspection.training_too_few"


class TrainingFolderError(GaugeblockError):
    """The folder with further photographs cannot be read. Facts: ``folder``."""

    code = "inspection.training_folder"


class TrainingTooManyError(GaugeblockError):
    """More labelled images than one training takes. Facts: ``found``, ``limit``."""

    code = "inspection.training_too_many"


class ScoresMissingError(GaugeblockError):
    """The module's manifest keeps no held-out scores to choose an operating point on. Facts: ``module``."""

    code = "inspection.scores_missing"


class PointUnchangedError(GaugeblockError):
    """The operating point wanted is the one that the module has. Facts: ``module``."""

    code = "inspection.point_unchanged"
