"""The errors of the virtual plant and of its links."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class UnknownProductError(GaugeblockError):
    """The virtual plant has no geometry of that name. Facts: ``product``, ``known``."""

    code = "virtual.unknown_product"


class ListenError(GaugeblockError):
    """A virtual PLC or camera cannot listen there. Facts: ``host``, ``port``, ``detail``."""

    code = "virtual.listen"


class PlcLinkLostError(GaugeblockError):
    """No connection to the PLC when an answer had to go out. Facts: ``host``, ``port``, ``detail``."""

    code = "virtual.plc_link_lost"


class CameraUnreachableError(GaugeblockError):
    """The camera accepts no connection or dropped it. Facts: ``host``, ``port``, ``detail``."""

    code = "virtual.camera_unreachable"


class CameraTimeoutError(GaugeblockError):
    """The frame did not arrive in time. Facts: ``trigger``, ``timeout_ms``."""

    code = "virtual.camera_timeout"


class FrameMissingError(GaugeblockError):
    """The camera no longer has, or never took, the frame of that trigger. Facts: ``trigger``."""

    code = "virtual.frame_missing"


class MessageError(GaugeblockError):
    """A message on a PLC or camera connection is not what the protocol says. Facts: ``detail``."""

    code = "virtual.message"


class TruthQueueFullError(GaugeblockError):
    """More reference records wait for the plant than the queue holds; the oldest was dropped.

    Facts: ``limit``, ``unit``.
    """

    code = "virtual.truth_queue_full"
