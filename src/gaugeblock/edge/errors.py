"""Named errors of the station. Their codes are also the reasons of UNDECIDED verdicts."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class DeadlineError(GaugeblockError):
    """Inference had not answered at the deadline; the child was killed. Facts: ``deadline_ms``."""

    code = "edge.deadline"


class InferenceRestartingError(GaugeblockError):
    """The inference child is starting or restarting."""

    code = "edge.inference_restarting"


class InferenceCrashedError(GaugeblockError):
    """The inference child ended by itself. Facts: ``detail``."""

    code = "edge.inference_crashed"


class InferenceFaultError(GaugeblockError):
    """Inference raised something without a name of its own. Facts: ``detail``."""

    code = "edge.inference_fault"


class ModuleDigestError(GaugeblockError):
    """The module file is not the released one. Facts: ``file``, ``expected``, ``found``."""

    code = "edge.module_digest"


class ModuleUnreadableError(GaugeblockError):
    """The module file cannot be read. Facts: ``file``, ``detail``."""

    code = "edge.module_unreadable"


class FrameTooLargeError(GaugeblockError):
    """The camera gave more bytes than a frame may have. Facts: ``bytes``, ``limit``."""

    code = "edge.frame_too_large"


class CameraFailedError(GaugeblockError):
    """The camera failed in a way that its adapter does not name. Facts: ``detail``."""

    code = "edge.camera_failed"


class PlcFailedError(GaugeblockError):
    """The link to the PLC failed in a way that its adapter does not name. Facts: ``detail``."""

    code = "edge.plc_failed"


class StationDownError(GaugeblockError):
    """The trigger came while the station was down. Facts: none."""

    code = "edge.station_down"


class TriggerMissedError(GaugeblockError):
    """The trigger never reached the running station, or could not be recorded then."""

    code = "edge.trigger_missed"


class AlreadyRunningError(GaugeblockError):
    """Another process works in the same data directory. Facts: ``directory``."""

    code = "edge.already_running"


class StationConfigError(GaugeblockError):
    """The station's configuration cannot be used. Facts: ``file``, ``detail``."""

    code = "edge.config"


class KeyFileError(GaugeblockError):
    """The key file cannot be used. Facts: ``file``, ``detail``."""

    code = "edge.key_file"


class PlantPutsOffError(GaugeblockError):
    """The plant took some records and puts others off. Facts: ``reason``."""

    code = "edge.plant_puts_off"


class ReceiptsMissingError(GaugeblockError):
    """The plant answered about fewer records than were sent."""

    code = "edge.receipts_missing"


class InferenceNotStartedError(GaugeblockError):
    """Inference cannot start with this module. Facts: ``reason``."""

    code = "edge.inference_not_started"
