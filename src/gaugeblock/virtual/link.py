"""The station's side of the virtual plant: blocking clients of its PLC and its camera.

Both connect when first needed and again, with growing back-off, after a connection broke. A link is used by one
thread.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.station import Frame, Trigger
from gaugeblock.virtual.errors import (
    CameraTimeoutError,
    CameraUnreachableError,
    FrameMissingError,
    MessageError,
    PlcLinkLostError,
)
from gaugeblock.virtual.protocol import (
    LINE_BYTES_MAX,
    Answer,
    Grab,
    Hello,
    NoFrame,
    RoutedMessage,
    TriggerMessage,
    encode,
    read_from_camera,
    read_from_plc,
)

CONNECT_TIMEOUT_S = 1.0
BACK_OFF_S_FIRST = 0.05
BACK_OFF_S_MAX = 2.0


class _Timeout(Exception):  # noqa: N818 - passed inside this file only, never an answer to a caller
    """Nothing arrived in time."""


class _Lost(Exception):  # noqa: N818 - passed inside this file only, never an answer to a caller
    """The connection is gone, or was never there."""


class _Connection:
    """A buffered, bounded line reader over a socket that reconnects."""

    def __init__(self, host: str, port: int, monotonic_ns: Callable[[], int]) -> None:
        self.host, self.port = host, port
        self.monotonic_ns = monotonic_ns
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._back_off_s = BACK_OFF_S_FIRST
        self._retry_at_ns: int | None = None
        self.fault = ""

    @property
    def open(self) -> bool:
        return self._socket is not None

    def ensure(self, until_ns: int) -> None:
        """Connect, trying again with back-off until ``until_ns``; raises _Lost."""
        while self._socket is None:
            now_ns = self.monotonic_ns()
            wait_ns = 0 if self._retry_at_ns is None else self._retry_at_ns - now_ns
            if now_ns + max(0, wait_ns) > until_ns:
                time.sleep(max(0, until_ns - now_ns) / 1e9)
                raise _Lost(self.fault)
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
            timeout_s = max(0.01, min(CONNECT_TIMEOUT_S, (until_ns - self.monotonic_ns()) / 1e9))
            try:
                self._socket = socket.create_connection((self.host, self.port), timeout_s)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                self.drop(error.strerror or str(error))

    def drop(self, detail: str = "") -> None:
        """Let go of the socket; the next attempt waits for the back-off."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer.clear()
        self.fault = detail
        self._retry_at_ns = self.monotonic_ns() + round(self._back_off_s * 1e9)
        self._back_off_s = min(BACK_OFF_S_MAX, 2.0 * self._back_off_s)

    def settled(self) -> None:
        """The peer has spoken: a later fault starts with the shortest back-off again."""
        self._back_off_s = BACK_OFF_S_FIRST

    def send(self, data: bytes, until_ns: int) -> None:
        assert self._socket is not None, "ensure() comes first"
        try:
            self._socket.settimeout(max(0.001, (until_ns - self.monotonic_ns()) / 1e9))
            self._socket.sendall(data)
        except OSError as error:
            self.drop(error.strerror or str(error))
            raise _Lost(self.fault) from error

    def _receive(self, until_ns: int) -> None:
        assert self._socket is not None, "ensure() comes first"
        remaining_s = (until_ns - self.monotonic_ns()) / 1e9
        try:
            # What has arrived already is read even when no time is left.
            self._socket.settimeout(max(0.0, remaining_s))
            data = self._socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            raise _Timeout from None
        except OSError as error:
            self.drop(error.strerror or str(error))
            raise _Lost(self.fault) from error
        if not data:
            self.drop("closed by the other side")
            raise _Lost(self.fault)
        self._buffer += data

    def line(self, until_ns: int) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LINE_BYTES_MAX:
                raise MessageError(detail=f"more than {LINE_BYTES_MAX} bytes without an end of line")
            self._receive(until_ns)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def exactly(self, size: int, until_ns: int) -> bytes:
        while len(self._buffer) < size:
            self._receive(until_ns)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data


class VirtualPlcLink:
    """Satisfies the station's ``PlcLink``.

    Parameters
    ----------
    host, port
        Where the virtual PLC listens.
    monotonic_ns
        The station's clock; ``Trigger.received_ns`` is on it.
    """

    def __init__(self, host: str, port: int, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._connection = _Connection(host, port, monotonic_ns)
        self._last_trigger: int | None = None
        self.plc: str | None = None
        self.last_routed: RoutedMessage | None = None

    def wait_trigger(self, timeout_s: float) -> Trigger | None:
        """The next trigger, or ``None`` when none came in time.

        Raises
        ------
        PlcLinkLostError
            No connection could be made in ``timeout_s``; the next call tries again.
        MessageError
            The PLC said what the protocol does not know; the connection was dropped.
        """
        connection = self._connection
        until_ns = connection.monotonic_ns() + round(timeout_s * 1e9)
        while True:
            try:
                connection.ensure(until_ns)
            except _Lost as lost:
                raise self._lost(lost) from lost
            try:
                message = read_from_plc(connection.line(until_ns))
            except _Timeout:
                return None
            except _Lost:
                self._last_trigger = None
                continue
            except MessageError as error:
                connection.drop(str(error.facts.get("detail", "")))
                raise
            connection.settled()
            match message:
                case Hello(plc=plc, last_trigger=number):
                    self.plc, self._last_trigger = plc, number
                case RoutedMessage():
                    self.last_routed = message
                case TriggerMessage():
                    self._last_trigger = message.number
                    return Trigger(
                        number=message.number,
                        unit=message.unit,
                        product=message.product,
                        order=message.order,
                        deadline_ms=message.deadline_ms,
                        received_ns=connection.monotonic_ns(),
                    )

    def answer(self, number: int, verdict: Verdict) -> None:
        """Tell the PLC the verdict. An answer is never kept for later: late, it would be refused anyway.

        Raises
        ------
        PlcLinkLostError
        """
        connection = self._connection
        if not connection.open:
            raise self._lost(_Lost(connection.fault))
        try:
            connection.send(encode(Answer(number, verdict)), connection.monotonic_ns() + 1_000_000_000)
        except _Lost as lost:
            raise self._lost(lost) from lost

    def last_trigger(self) -> int | None:
        """The highest trigger number the PLC has reported on this connection; ``None`` while there is none."""
        return self._last_trigger if self._connection.open else None

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.drop("closed")

    def _lost(self, lost: _Lost) -> GaugeblockError:
        connection = self._connection
        return PlcLinkLostError(host=connection.host, port=connection.port, detail=str(lost) or "not connected")


class VirtualCamera:
    """Satisfies the station's ``Camera``.

    Parameters
    ----------
    host, port
        Where the virtual camera listens.
    monotonic_ns
        The clock of timeouts.
    """

    def __init__(self, host: str, port: int, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._connection = _Connection(host, port, monotonic_ns)

    def grab(self, trigger: Trigger, timeout_s: float) -> Frame:
        """The frame of a trigger.

        Raises
        ------
        CameraUnreachableError, CameraTimeoutError, FrameMissingError, MessageError
        """
        connection = self._connection
        until_ns = connection.monotonic_ns() + round(timeout_s * 1e9)
        for last_try in (False, True):
            fresh = not connection.open
            try:
                connection.ensure(until_ns)
                return self._grab(trigger.number, until_ns)
            except _Timeout:
                # What is still on its way belongs to this trigger and must not be taken for the next one's.
                connection.drop("timeout")
                raise CameraTimeoutError(trigger=trigger.number, timeout_ms=round(timeout_s * 1e3)) from None
            except _Lost as lost:
                # A connection that broke since the last grab deserves one new try, a fresh one does not.
                if last_try or fresh:
                    detail = str(lost) or "not connected"
                    raise CameraUnreachableError(host=connection.host, port=connection.port, detail=detail) from lost
            except MessageError as error:
                connection.drop(str(error.facts.get("detail", "")))
                raise
        raise AssertionError("the second try returns or raises")

    def _grab(self, number: int, until_ns: int) -> Frame:
        connection = self._connection
        connection.send(encode(Grab(number)), until_ns)
        message = read_from_camera(connection.line(until_ns))
        if message.trigger != number:
            raise MessageError(detail=f"frame of trigger {message.trigger}, asked for {number}")
        connection.settled()
        if isinstance(message, NoFrame):
            raise FrameMissingError(trigger=number)
        return Frame(connection.exactly(message.size, until_ns), message.captured_at)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.drop("closed")
