"""Named errors of the connectors."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


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
