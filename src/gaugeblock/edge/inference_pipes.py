"""The parent's end of one inference child: the process, its two pipes, and the answer it still owes."""

from __future__ import annotations

import os
import select
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from gaugeblock.edge import errors
from gaugeblock.edge.inference_child import LENGTH_BYTES, MESSAGE_BYTES_MAX, Failed, Ready, Reply, pack
from gaugeblock.edge.ports import Clock


class LateError(TimeoutError):
    """The deadline came before the first byte of an answer: the pipe is whole. Caught inside ``edge/``."""


class Child:
    """One started child.

    Its pipes are used, and closed, only by who holds them (:meth:`pipes`): a number of a closed pipe may belong to
    another file a moment later. Whoever waits on a pipe of a killed child is woken by the pipe's end.

    Attributes
    ----------
    late
        Serial of the request whose answer nobody waits for any more, while none of it has been read. It dies with
        its child.

    Raises
    ------
    OSError
        The process cannot be started.
    """

    def __init__(self, command: Sequence[str], clock: Clock) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.late: int | None = None
        self._clock = clock
        self._held = threading.Lock()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stdout.fileno(), False)

    @contextmanager
    def pipes(self) -> Iterator[None]:
        """Hold the pipes while using them.

        Raises
        ------
        InferenceEndedError
            They are closed.
        """
        with self._held:
            if self._stdout.closed:
                raise errors.InferenceEndedError
            yield

    def end(self) -> None:
        """Kill, reap, close; may wait for whoever holds the pipes, whom the kill wakes."""
        self.process.kill()
        self.process.wait()
        with self._held:
            self._stdin.close()
            self._stdout.close()

    # ── with the pipes held ───────────────────────────────────────────────────────────────────────────────

    def write(self, message: msgspec.Struct, deadline_ns: int) -> None:
        """Send a message.

        Raises
        ------
        TimeoutError, InferenceEndedError, OSError
        """
        fd = self._stdin.fileno()
        view = memoryview(pack(message))
        while view:
            self._wait(fd, select.POLLOUT, deadline_ns)
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise errors.InferenceEndedError from error

    def wait_answer(self, deadline_ns: int) -> None:
        """Wait for the first byte of an answer, or for the pipe's end.

        Raises
        ------
        LateError
        """
        try:
            self._wait(self._stdout.fileno(), select.POLLIN, deadline_ns)
        except TimeoutError as error:
            raise LateError from error

    def read(self, deadline_ns: int) -> Ready | Failed | Reply:
        """The next message.

        Raises
        ------
        LateError, TimeoutError, InferenceEndedError, InferenceMessageError, OSError
        """
        self.wait_answer(deadline_ns)
        size = int.from_bytes(self._exactly(LENGTH_BYTES, deadline_ns))
        if size > MESSAGE_BYTES_MAX:
            raise errors.InferenceMessageError(detail=f"{size} > {MESSAGE_BYTES_MAX}")
        try:
            return msgspec.msgpack.decode(self._exactly(size, deadline_ns), type=Ready | Failed | Reply)
        except msgspec.MsgspecError as error:
            raise errors.InferenceMessageError(detail=str(error)) from error

    def reply(self, serial: int, deadline_ns: int) -> Reply:
        """The answer to request ``serial``; raises as :meth:`read`."""
        message = self.read(deadline_ns)
        if not isinstance(message, Reply) or message.serial != serial:
            raise errors.InferenceMessageError(detail=type(message).__name__)
        return message

    # ── without ───────────────────────────────────────────────────────────────────────────────────────────

    def answer_waits(self) -> bool:
        """Is there something to read? For a child that nobody has ended."""
        poll = select.poll()
        poll.register(self._stdout.fileno(), select.POLLIN)
        return any(events & select.POLLIN for _, events in poll.poll(0))

    def _exactly(self, size: int, deadline_ns: int) -> bytes:
        fd = self._stdout.fileno()
        data = bytearray()
        while len(data) < size:
            self._wait(fd, select.POLLIN, deadline_ns)
            try:
                part = os.read(fd, size - len(data))
            except BlockingIOError:
                continue
            if not part:
                raise errors.InferenceEndedError
            data += part
        return bytes(data)

    def _wait(self, fd: int, event: int, deadline_ns: int) -> None:
        left_ms = (deadline_ns - self._clock.monotonic_ns()) / 1e6
        poll = select.poll()
        poll.register(fd, event)
        if left_ms <= 0 or not poll.poll(left_ms):
            raise TimeoutError
