"""What passes between a PLC, a camera and a station: the trigger and the frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trigger:
    """A PLC asks for a verdict about the unit in front of the camera.

    Parameters
    ----------
    number
        The PLC's own counter; it goes up by one a unit and survives the station's restarts.
    unit, product, order
        What the PLC read from the unit's code and its job, where it did.
    deadline_ms
        From ``received_ns`` on; an answer after it does not count.
    received_ns
        The station's monotonic clock when the trigger arrived.
    is_serial
        Whether ``unit`` names one part and no other, as a code on the part does and a file's name need not.
    """

    number: int
    unit: str | None
    product: str | None
    order: str | None
    deadline_ms: float
    received_ns: int
    is_serial: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded image as the camera gave it, and the camera's time (RFC 3339 UTC)."""

    data: bytes
    captured_at: str
