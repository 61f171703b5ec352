"""The named errors of the line twin."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class LineError(GaugeblockError):
    """Base of everything that is wrong with a line as it is described."""


class LineSyntaxError(LineError):
    """The file is not TOML. Facts: ``detail``."""

    code = "twin.line_syntax"


class LineShapeError(LineError):
    """A key that no line has, or a value of the wrong kind. Facts: ``detail``."""

    code = "twin.line_shape"


class TimeNotPositiveError(LineError):
    """A time that is zero, negative or not a number. Facts: ``where``, ``name``, ``value``."""

    code = "twin.time_not_positive"


class SpreadError(LineError):
    """A spread or number of phases outside its range. Facts: ``where``, ``name``, ``value``, ``low``, ``high``."""

    code = "twin.spread"


class EmpiricalEmptyError(LineError):
    """An empirical distribution without values. Facts: ``where``."""

    code = "twin.empirical_empty"


class DuplicateNameError(LineError):
    """Two parts of the line share a name. Facts: ``name``."""

    code = "twin.duplicate_name"


class UnknownNameError(LineError):
    """A part of the line names another that is not there. Facts: ``where``, ``name``, ``known``."""

    code = "twin.unknown_name"


class StepOutcomeError(LineError):
    """A step says neither or both of ``to`` and ``outcomes``, or takes nothing. Facts: ``where``."""

    code = "twin.step_outcome"


class SharesError(LineError):
    """The outcomes' shares do not add up to one. Facts: ``where``, ``sum``."""

    code = "twin.shares"


class MakesError(LineError):
    """As many products as destinations are needed. Facts: ``where``, ``makes``, ``to``."""

    code = "twin.makes"


class StationIdleError(LineError):
    """A station without a step. Facts: ``station``."""

    code = "twin.station_idle"


class RouteEndlessError(LineError):
    """Parts come to a place from which nothing leads to the end. Facts: ``where``, ``product``."""

    code = "twin.route_endless"


class DeadlockPossibleError(LineError):
    """Stations that can all wait for each other's room. Facts: ``cycle``, ``places``."""

    code = "twin.deadlock_possible"


class CapacityError(LineError):
    """A capacity outside its range. Facts: ``where``, ``value``, ``low``."""

    code = "twin.capacity"


class RoomBeforeServiceError(LineError):
    """Blocking before service, or scrapping when full, into a buffer without places. Facts: ``station``, ``buffer``."""

    code = "twin.room_before_service"


class CalendarError(LineError):
    """Working times that overlap, are out of order or outside the period. Facts: ``calendar``."""

    code = "twin.calendar"


class DeadlockError(GaugeblockError):
    """The line stands still with parts in it. Facts: ``cycle``, ``time``, ``inside``."""

    code = "twin.deadlock"


class ShortSupplyError(GaugeblockError):
    """The line ran empty, or its parts wait for what never comes. Facts: ``time``, ``finished``, ``inside``."""

    code = "twin.short_supply"


class QueueOverflowError(LimitError):
    """An unlimited buffer held more parts than a simulation keeps. Facts: ``buffer``, ``limit``, ``time``."""

    code = "twin.queue_overflow"


class LineTooLargeError(LimitError):
    """More stations, machines or steps than one line may have. Facts: ``what``, ``found``, ``limit``."""

    code = "twin.line_too_large"


class NotSerialError(GaugeblockError):
    """The max-plus recursion does not hold for this line. Facts: ``where``."""

    code = "twin.not_serial"


class StateMismatchError(GaugeblockError):
    """A state that does not fit the line. Facts: ``where``, ``detail``."""

    code = "twin.state_mismatch"


class SavedStateError(GaugeblockError):
    """Bytes that are no saved simulation of this line. Facts: ``detail``."""

    code = "twin.saved_state"


class RunParameterError(GaugeblockError):
    """Replications, batches, parts or times outside their range. Facts: ``name``, ``value``, ``low``, ``high``."""

    code = "twin.run_parameter"


class ChangeFormError(GaugeblockError):
    """A change to a line that is not written as one, or a value outside its range. Facts: ``change``, ``kinds``."""

    code = "twin.change_form"


class SelectionError(GaugeblockError):
    """Too few or too many candidates to choose from. Facts: ``found``, ``low``, ``high``."""

    code = "twin.selection"


class PlanMissingError(GaugeblockError):
    """Sequences by constraint programming need the extra ``plan``."""

    code = "twin.plan_missing"


class PowerError(GaugeblockError):
    """Powers that do not fit the line, or are below zero. Facts: ``where``, ``detail``."""

    code = "twin.power"


class NumbaMissingError(GaugeblockError):
    """The compiled kernels need the extra ``twin``."""

    code = "twin.numba_missing"
