"""The web room's words: a thin view of the catalogue for templates, and the formats of numbers and times."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gaugeblock.plant.errors import GaugeblockError, sentence_of
from gaugeblock.plant.language import Language, catalogue, say
from gaugeblock.plant.times import from_rfc3339

LOCALE: Final[dict[Language, str]] = {"zh": "zh-Hans", "en": "en"}
"""The value of the ``lang`` attribute."""

NO_VALUE = "–"


def word(key: str, language: Language, **facts: object) -> str:
    """A sentence of this room.

    >>> word("nav.log", "en")
    'Log'
    """
    return say(f"web.{key}", language, **facts)


def any_word(key: str, language: Language, **facts: object) -> str:
    """A sentence of any room by its whole key; a key that the catalogue lacks is shown as it is.

    For codes that come out of records: a reason written by a newer release must still be readable.

    >>> any_word("plant.verdict.OK", "zh"), any_word("future.room.word", "zh")
    ('合格', 'future.room.word')
    """
    sentence = catalogue(language).get(key)
    if sentence is None:
        return key
    return say(key, language, **facts) if facts else sentence


def reason_word(code: str | None, language: Language) -> str:
    """Why a verdict is UNDECIDED. A record names the error but not its facts: they are left open.

    >>> reason_word("plant.unexpected", "en"), reason_word(None, "en")
    ('An unexpected fault: ….', '')
    """
    return sentence_of(code, language) if code else ""


def defect_word(name: str, language: Language) -> str:
    """The name of a kind of defect; one that the catalogue lacks, a shop's own, is shown as it is written.

    >>> defect_word("scratch", "zh"), defect_word("振纹", "en")
    ('划伤', '振纹')
    """
    return catalogue(language).get(f"web.defect.{name}", name)


def fault_text(code: str, facts: dict[str, str | int | float], language: Language) -> str:
    """A named error that is known by code and facts only, as one sentence."""
    error = GaugeblockError(**facts)
    error.code = code  # type: ignore[misc]  # the code is a class constant everywhere but here
    try:
        return error.text(language)
    except KeyError:
        return code


def number(value: float | None, digits: int = 0) -> str:
    """A number with a thin space between thousands.

    >>> number(12345.678, 1), number(None)
    ('12\\u202f345.7', '–')
    """
    return NO_VALUE if value is None else f"{value:,.{digits}f}".replace(",", "\u202f")


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as per cent.

    >>> percent(0.0123)
    '1.2\\u202f%'
    """
    return NO_VALUE if value is None else f"{100 * value:.{digits}f}\u202f%"


def clock_time(value: str | None) -> str:
    """The time of day (UTC) to the second of an RFC 3339 time, for tables; the date is in its title.

    >>> clock_time("2026-11-22T05:00:01.250000Z")
    '05:00:01'
    """
    return NO_VALUE if value is None else _moment(value).strftime("%H:%M:%S")


def date_time(value: str | None) -> str:
    """Date and time (UTC) to the second.

    >>> date_time("2026-11-22T05:00:01.250000Z")
    '2026-11-22 05:00:01'
    """
    return NO_VALUE if value is None else _moment(value).strftime("%Y-%m-%d %H:%M:%S")


def _moment(value: str) -> datetime:
    return from_rfc3339(value)


def short(digest: str | None, length: int = 10) -> str:
    """The beginning of a digest.

    >>> short("0123456789abcdef")
    '0123456789…'
    """
    if digest is None:
        return NO_VALUE
    return digest if len(digest) <= length else f"{digest[:length]}…"
