"""Forms of text that a document's members must have, checked when its types are built.

They are not given to msgspec as ``Meta(pattern=…)``: with msgspec 0.22 patterns in types that several decoders share
made the interpreter crash, one time in four, when it shut down (msgspec issue 717).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

COUNTRY = re.compile("[A-Z]{2}")
YEAR = re.compile("[0-9]{4}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,12})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S{1,2048}")


YEARS = range(1000, 9001)
"""Years that a time may name: near the ends of the calendar, arithmetic with offsets would leave it."""


def moment_of(text: str) -> datetime:
    """An RFC 3339 time in UTC; digits beyond the microsecond are dropped.

    Raises
    ------
    ValueError
        The text is no time, says no offset, or names a year outside 1000 to 9000.

    Examples
    --------
    >>> moment_of("2026-01-01T08:00:00+08:00").isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    if MOMENT.fullmatch(text) is None or int(text[:4]) not in YEARS:
        raise ValueError(f"{text[:40]!r} is no RFC 3339 time with its offset")
    return datetime.fromisoformat(text).astimezone(UTC)


def check_forms(thing: object, forms: Mapping[str, re.Pattern[str]]) -> None:
    """Raises ``ValueError`` for the first member whose text, or one of whose texts, has not its form.

    Parameters
    ----------
    thing
        A struct.
    forms
        Member → form, which must match the whole text. ``None`` passes.
    """
    for name, form in forms.items():
        value = getattr(thing, name)
        if value is None:
            continue
        for text in (value,) if isinstance(value, str) else value:
            if form.fullmatch(text) is None:
                raise ValueError(f"{name} {text[:60]!r} has not the form it must have")
            if form is MOMENT:
                moment_of(text)
