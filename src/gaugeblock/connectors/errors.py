"""Named errors of the connectors."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class PlantUnreachableError(GaugeblockError):
    """The plant's server does not answer. Facts: ``url``, ``detail``."""

    code = "connectors.plant_unreachable"


class PlantBusyError(GaugeblockError):
    """The plant has no room now. Facts: ``url``, ``status``, ``retry_after_s``."""

    code = "connectors.plant_busy"


class PlantRefusedError(GaugeblockError):
    """The plant does not take this request. Facts: ``url``, ``status``, ``detail``, ``permanent``."""

    code = "connectors.plant_refused"


class PlantAnswerError(GaugeblockError):
    """The plant's answer is not what was agreed. Facts: ``url``, ``detail``."""

    code = "connectors.plant_answer"


class FolderUnreadableError(GaugeblockError):
    """The watched folder cannot be read or written. Facts: ``folder``, ``detail``."""

    code = "connectors.folder_unreadable"


class FileGoneError(GaugeblockError):
    """The file of a trigger has gone before it was read. Facts: ``file``."""

    code = "connectors.file_gone"


class FileTooLargeError(GaugeblockError):
    """The file is larger than a frame may be. Facts: ``file``, ``bytes``, ``limit``."""

    code = "connectors.file_too_large"


class AssignmentUnreadableError(GaugeblockError):
    """The file with the station's assignment cannot be read. Facts: ``file``, ``detail``."""

    code = "connectors.assignment_unreadable"


class LogUnreachableError(GaugeblockError):
    """A log elsewhere does not answer. Facts: ``url``, ``detail``."""

    code = "connectors.log_unreachable"


class LogAnswerError(GaugeblockError):
    """A log elsewhere answered what it should not. Facts: ``url``, ``detail``."""

    code = "connectors.log_answer"


class ShdrTooLargeError(LimitError):
    """A recorded MTConnect stream larger than is read at once. Facts: ``size``, ``limit``."""

    code = "connectors.shdr_too_large"


class ShdrEmptyError(GaugeblockError):
    """Bytes without one line of an MTConnect adapter. Facts: ``damaged``."""

    code = "connectors.shdr_empty"


class QifTooLargeError(LimitError):
    """A QIF document beyond what is read. Facts: ``what``, ``limit``."""

    code = "connectors.qif_too_large"


class QifFormError(GaugeblockError):
    """Bytes that are not QIF. Facts: ``detail``."""

    code = "connectors.qif_form"
