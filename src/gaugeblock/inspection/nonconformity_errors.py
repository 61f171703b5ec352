"""The named refusals of the nonconformity desk."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class NonconformityMissingError(GaugeblockError):
    """No nonconformity has this number. Facts: ``nonconformity``."""

    code = "inspection.nonconformity_missing"


class StepTextError(LimitError):
    """A step without its text, or with too long a one. Facts: ``limit``."""

    code = "inspection.step_text"


class NonconformityClosedError(GaugeblockError):
    """A step for a nonconformity that is closed. Facts: ``index`` of the closure."""

    code = "inspection.nonconformity_closed"


class NonconformityNotClosedError(GaugeblockError):
    """Reopening of what is open."""

    code = "inspection.nonconformity_not_closed"


class UnitsOpenError(GaugeblockError):
    """Closing while units have no disposition. Facts: ``units``, ``example``."""

    code = "inspection.units_open"


class CorrectiveActionMissingError(GaugeblockError):
    """Closing while a corrective action is needed: a critical one has none, or the last was not effective."""

    code = "inspection.corrective_action_missing"


class EffectivenessMissingError(GaugeblockError):
    """Closing while nobody has verified whether the corrective action works."""

    code = "inspection.effectiveness_missing"


class UnitNotInNonconformityError(GaugeblockError):
    """A disposition of a unit that does not belong here. Facts: ``unit``."""

    code = "inspection.unit_not_in_nonconformity"


class DispositionMissingError(GaugeblockError):
    """A disposition that does not say what is done."""

    code = "inspection.disposition_missing"


class ConcessionAuthorityError(GaugeblockError):
    """A concession without the authority that grants it (8.7.2 d)."""

    code = "inspection.concession_authority"


class CorrectiveActionFormError(GaugeblockError):
    """A corrective action without who is responsible or until when."""

    code = "inspection.corrective_action_form"


class EffectivenessFormError(GaugeblockError):
    """A verification without its answer, or of an action that nobody has planned."""

    code = "inspection.effectiveness_form"


class DueDateError(GaugeblockError):
    """A date that is none. Facts: ``value``."""

    code = "inspection.due_date"
