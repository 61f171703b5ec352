"""Whether the kernel believes this machine's wall clock is synchronised."""

from __future__ import annotations

import ctypes
from typing import Literal

ClockSource = Literal["synchronised", "local", "unknown"]

_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    # struct timex of adjtimex(2); padded, for the kernel fills fields that this process does not read.
    _fields_ = (
        ("modes", ctypes.c_int),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("rest", ctypes.c_byte * 512),
    )


def clock_synchronisation() -> tuple[ClockSource, float | None]:
    """Whether the kernel's clock is disciplined (NTP, PTP), and its maximum error in milliseconds.

    Source: adjtimex(2): state ``TIME_ERROR`` means not synchronised. Where the call is not to be had: unknown.
    """
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = _Timex()
        state = libc.adjtimex(ctypes.byref(buffer))
    except (OSError, AttributeError):
        return "unknown", None
    if state < 0:
        return "unknown", None
    if state == _TIME_ERROR:
        return "local", None
    return "synchronised", buffer.maxerror / 1000.0
