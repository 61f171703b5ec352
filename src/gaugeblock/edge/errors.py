"""Named errors of the station. Their codes are also the reasons of UNDECIDED verdicts."""

from __future__ import annotations

from collections.abc import Mapping

import gaugeblock.vision.errors  # noqa: F401 - error_of() finds the inspector's errors among the subclasses
from gaugeblock.plant.errors import GaugeblockError


class DeadlineError(GaugeblockError):
    """Inference had not answered at the deadline; the child was killed. Facts: ``deadline_ms``."""

    code = "edge.deadline"


class InferenceRestartingError(GaugeblockError):
    """The inference child is starting or restarting."""

    code = "edge.inference_restarting"


class InferenceCrashedError(GaugeblockError):
    """The inference child failed at this part. Facts: none."""

    code = "edge.inference_crashed"


class InferenceEndedError(GaugeblockError):
    """The inference child ended by itself. Facts: none."""

    code = "edge.inference_ended"


class InferenceMessageError(GaugeblockError):
    """What came from the inference child, or its pipe, is not what was agreed. Facts: ``detail``."""

    code = "edge.inference_message"


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


class RecordRefusedError(GaugeblockError):
    """The plant does not take a record. Facts: ``code`` of its refusal, ``reason`` in its words."""

    code = "edge.record_refused"


class ReceiptsMissingError(GaugeblockError):
    """The plant answered about fewer records than were sent."""

    code = "edge.receipts_missing"


class InferenceNotStartedError(GaugeblockError):
    """Inference cannot start with this module. Facts: ``reason``."""

    code = "edge.inference_not_started"


def error_of(code: str, facts: Mapping[str, str | int | float]) -> GaugeblockError:
    """The named error that a child reported by code and facts; it speaks for itself in either language.

    Examples
    --------
    >>> error_of("edge.module_unreadable", {"file": "m.gbm", "detail": "-"}).text("zh")
    '无法读取模块文件 m.gbm：-。'
    >>> error_of("room.unheard_of", {}).facts
    {'reason': 'room.unheard_of'}
    """
    todo: list[type[GaugeblockError]] = [GaugeblockError]
    while todo:
        cls = todo.pop()
        if cls.code == code:
            return cls(**facts)
        todo += cls.__subclasses__()
    return InferenceNotStartedError(reason=code)
