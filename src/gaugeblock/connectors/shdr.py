"""SHDR, the pipe-delimited lines that an MTConnect adapter sends: a time, then keys and values; and the cycles in them.

A line is ``2017-02-01T13:59:35.09Z|key|value|key|value``. A damaged line – a recorder that was cut off – is counted and
passed over. A **cycle** is what a controller does from ``ACTIVE`` to ``PROGRAM_COMPLETED``; while it is held or stopped
in between, it does not work.

Source: ANSI/MTC1.4-2018 (MTConnect), Part 5.0 and the adapter's protocol of the reference agent (cppagent).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.connectors.errors import ShdrEmptyError, ShdrTooLargeError

BYTES_MAX = 1 << 28
LINE_MAX = 65_536
STATUS, COUNT, PROGRAM = "Program_Status", "Part_Count", "Program_Name_Running"
ACTIVE, COMPLETED = "ACTIVE", "PROGRAM_COMPLETED"
HELD = frozenset({"FEED_HOLD", "PROGRAM_STOPPED", "STOPPED", "INTERRUPTED", "OPTIONAL_STOP"})


@dataclass(frozen=True)
class ShdrStream:
    """Observations in the order of the file.

    Parameters
    ----------
    time_s
        (n,) seconds since 1970, UTC.
    key
        (n,) numbers of ``keys``.
    value
        As sent.
    damaged
        Lines that are not of the form.
    """

    time_s: npt.NDArray[np.float64]
    key: npt.NDArray[np.int32]
    value: tuple[str, ...]
    keys: tuple[str, ...]
    damaged: int

    def of(self, key: str) -> Iterator[tuple[float, str]]:
        """Times and values of one key."""
        if key in self.keys:
            for at in np.flatnonzero(self.key == self.keys.index(key)):
                yield float(self.time_s[at]), self.value[at]


class Cycle(msgspec.Struct, frozen=True):
    """One run of a program.

    Parameters
    ----------
    start_s, end_s
        Seconds since 1970, UTC; an end is NaN where the stream stops first.
    held_s
        Seconds in which it was held or stopped.
    program
        Its name, empty where none was told.
    part_count
        The controller's counter after it; ``None``: it did not count.
    """

    start_s: float
    end_s: float
    held_s: float
    program: str
    part_count: int | None

    @property
    def cycle_s(self) -> float:
        """From start to end."""
        return self.end_s - self.start_s

    @property
    def working_s(self) -> float:
        """Of it, neither held nor stopped."""
        return self.cycle_s - self.held_s


def parse_shdr(data: bytes) -> ShdrStream:
    """The observations in the bytes of a stream.

    Raises
    ------
    ShdrTooLargeError, ShdrEmptyError

    Examples
    --------
    >>> stream = parse_shdr(b"2017-02-01T13:59:35.09Z|Program_Status|ACTIVE|Part_Count|7\\n2017")
    >>> stream.keys, stream.value, stream.damaged
    (('Program_Status', 'Part_Count'), ('ACTIVE', '7'), 1)
    """
    if len(data) > BYTES_MAX:
        raise ShdrTooLargeError(size=len(data), limit=BYTES_MAX)
    times: list[float] = []
    codes: list[int] = []
    values: list[str] = []
    keys: dict[str, int] = {}
    damaged = 0
    for line in data.decode("utf-8", "replace").splitlines():
        fields = line.split("|")
        if len(line) > LINE_MAX or len(fields) < 3:
            damaged += bool(line.strip())
            continue
        try:
            time = _seconds(fields[0])
        except ValueError:
            damaged += 1
            continue
        for name, value in zip(fields[1::2], fields[2::2], strict=False):
            times.append(time)
            codes.append(keys.setdefault(name, len(keys)))
            values.append(value)
    if not times:
        raise ShdrEmptyError(damaged=damaged)
    return ShdrStream(np.array(times), np.array(codes, np.int32), tuple(values), tuple(keys), damaged)


def _seconds(text: str) -> float:
    """A time with up to seven decimals, of which ``datetime`` takes six."""
    whole, _, rest = text.strip().rstrip("Zz").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return seconds + (float(f"0.{rest}") if rest else 0.0)


def program_cycles(stream: ShdrStream) -> tuple[Cycle, ...]:
    """The cycles of one controller, in order.

    Examples
    --------
    >>> lines = ["00:00|Program_Status|ACTIVE", "01:00|Program_Status|FEED_HOLD", "01:30|Program_Status|ACTIVE",
    ...          "03:00|Program_Status|PROGRAM_COMPLETED", "03:01|Part_Count|8"]
    >>> [cycle] = program_cycles(parse_shdr("\\n".join(f"2017-02-01T10:{line}" for line in lines).encode()))
    >>> cycle.cycle_s, cycle.working_s, cycle.part_count
    (180.0, 150.0, 8)
    """
    cycles: list[Cycle] = []
    program, start, held, since = "", math.nan, 0.0, math.nan
    wanted = {stream.keys.index(key): key for key in (STATUS, COUNT, PROGRAM) if key in stream.keys}
    for at in np.flatnonzero(np.isin(stream.key, list(wanted))):
        time, key, value = float(stream.time_s[at]), wanted[int(stream.key[at])], stream.value[at].strip()
        if key == PROGRAM:
            program = value
        elif key == COUNT:
            if cycles and cycles[-1].part_count is None and math.isnan(start) and value.isdecimal():
                cycles[-1] = msgspec.structs.replace(cycles[-1], part_count=int(value))
        elif value == ACTIVE:
            if math.isnan(start):
                start, held = time, 0.0
            elif not math.isnan(since):
                held += time - since
            since = math.nan
        elif value in HELD and not math.isnan(start) and math.isnan(since):
            since = time
        elif value == COMPLETED and not math.isnan(start):
            if not math.isnan(since):
                held += time - since
            cycles.append(Cycle(start, time, held, program, None))
            start, since = math.nan, math.nan
    if not math.isnan(start):
        cycles.append(Cycle(start, math.nan, held, program, None))
    return tuple(cycles)
