"""What PLC, camera and station say to each other: JSON objects, one a line, over loopback TCP.

A frame's bytes follow its line. The structs hold all that is ever sent: the truth about a part has no field.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec

from gaugeblock.plant.limits import IMAGE_BYTES_MAX
from gaugeblock.plant.record_types import Verdict
from gaugeblock.virtual.errors import MessageError

LINE_BYTES_MAX = 4096

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Name = Annotated[str, msgspec.Meta(max_length=200)]


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """PLC → station, on connecting: its name and the number of its last trigger."""

    plc: Name
    last_trigger: Number


class TriggerMessage(msgspec.Struct, frozen=True, tag="trigger"):
    """PLC → station: a unit is in front of the camera."""

    number: Number
    unit: Name | None
    product: Name | None
    order: Name | None
    deadline_ms: Annotated[float, msgspec.Meta(gt=0, le=60_000)]


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Station → PLC."""

    number: Number
    verdict: Verdict


class RoutedMessage(msgspec.Struct, frozen=True, tag="routed"):
    """PLC → station: the unit has gone through the gate."""

    number: Number
    gate: Literal["pass", "reject"]
    late: bool


class Grab(msgspec.Struct, frozen=True, tag="grab"):
    """Station → camera."""

    trigger: Number


class FrameMessage(msgspec.Struct, frozen=True, tag="frame"):
    """Camera → station; ``size`` raw bytes follow the line (``bytes`` on the wire)."""

    trigger: Number
    captured_at: Annotated[str, msgspec.Meta(max_length=40)]
    size: Annotated[int, msgspec.Meta(ge=0, le=IMAGE_BYTES_MAX)] = msgspec.field(name="bytes")


class NoFrame(msgspec.Struct, frozen=True, tag="no_frame"):
    """Camera → station: it has no frame of that trigger (any more)."""

    trigger: Number


FromPlc: TypeAlias = Hello | TriggerMessage | RoutedMessage
FromCamera: TypeAlias = FrameMessage | NoFrame
Message: TypeAlias = FromPlc | FromCamera | Answer | Grab

_from_plc: msgspec.json.Decoder[FromPlc] = msgspec.json.Decoder(FromPlc)
_from_camera: msgspec.json.Decoder[FromCamera] = msgspec.json.Decoder(FromCamera)
_answer = msgspec.json.Decoder(Answer)
_grab = msgspec.json.Decoder(Grab)


def encode(message: Message) -> bytes:
    """One line.

    >>> encode(Answer(7, Verdict.OK))
    b'{"type":"answer","number":7,"verdict":"OK"}\\n'
    """
    return msgspec.json.encode(message) + b"\n"


def read_from_plc(line: bytes) -> FromPlc:
    """Raises :class:`MessageError` for anything else."""
    return _read(_from_plc, line)


def read_from_camera(line: bytes) -> FromCamera:
    """Raises :class:`MessageError` for anything else."""
    return _read(_from_camera, line)


def read_answer(line: bytes) -> Answer:
    """Raises :class:`MessageError` for anything else."""
    return _read(_answer, line)


def read_grab(line: bytes) -> Grab:
    """Raises :class:`MessageError` for anything else."""
    return _read(_grab, line)


T = TypeVar("T")


def _read(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageError(detail=str(error)[:200]) from error
