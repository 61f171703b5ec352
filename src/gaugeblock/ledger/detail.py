"""Why something was refused, kept so that it can be said in either language.

An error's facts are plain values, because they cross processes and stand in JSON. So a reason is kept twice: as
``detail`` in English, for whoever prints facts as they are, and as ``because``: the catalogue's key and its
facts as a JSON array, which may hold the reason of a reason. :class:`LedgerError` says the latter.
"""

from __future__ import annotations

import json
import re

import msgspec

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language, catalogue, say

MAX_WORD = 80
"""Characters of a name or value that is quoted from a foreign file."""
MAX_DEPTH = 6
"""Reasons of reasons."""

_BEGINS = '["'
_PLACE = re.compile(r" - at `(?:key in )?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<member>.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<member>.*)`", re.DOTALL)
_TYPE = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<found>[^`]*)`")


def visible(text: str, limit: int = MAX_WORD) -> str:
    """Foreign text for a terminal: control characters are shown as codes and command nothing.

    >>> visible("U7\\x1b[2J")
    'U7\\\\x1b[2J'
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def because(key: str, **facts: str | int | float) -> dict[str, str]:
    """The facts ``detail`` and ``because`` of an error.

    Parameters
    ----------
    key
        Of ``ledger.detail``.

    Examples
    --------
    >>> because("key_length", found=31, needed=32)["detail"]
    '31 bytes instead of 32'
    """
    return _both(_packed(f"ledger.detail.{key}", facts))


def because_of(error: Exception) -> dict[str, str]:
    """The same, where another error is the reason."""
    return _both(reason(error))


def reason_in(error: LedgerError) -> dict[str, str]:
    """The reason that an error carries, for another error that stands in its place."""
    return {name: str(error.facts[name]) for name in ("detail", "because") if name in error.facts}


def reason(error: Exception) -> str:
    """Another error as a fact that can be said in either language.

    >>> in_words(reason(ValueError("Incorrect padding")), "en")
    'not canonical base64'
    """
    match error:
        case GaugeblockError():
            room, name = error.code.split(".", 1)
            return _packed(f"{room}.error.{name}.text", error.facts)
        case msgspec.ValidationError():
            return _shape(str(error))
        case json.JSONDecodeError():
            return _packed("ledger.detail.json_at", {"line": error.lineno, "column": error.colno})
        case msgspec.DecodeError():
            return _packed("ledger.detail.json_malformed", {})
        case UnicodeEncodeError():
            return _packed("ledger.detail.not_ascii", {})
        case UnicodeDecodeError():
            return _packed("ledger.detail.not_utf8", {})
        case TypeError() | msgspec.MsgspecError():
            return _packed("ledger.detail.not_json_value", {})
    return _packed("ledger.detail.not_base64", {})


def _shape(text: str) -> str:
    place = _PLACE.search(text)
    facts: dict[str, str | int | float] = {"place": visible(place["place"] if place else "$")}
    for key, pattern in (("member_missing", _MISSING), ("member_unknown", _UNKNOWN), ("member_type", _TYPE)):
        match = pattern.match(text)
        if match is not None:
            return _packed(f"ledger.detail.{key}", facts | {k: visible(v) for k, v in match.groupdict().items()})
    return _packed("ledger.detail.member_value", facts)


def _packed(key: str, facts: dict[str, str | int | float]) -> str:
    return json.dumps([key, facts], ensure_ascii=False)


def _both(packed: str) -> dict[str, str]:
    return {"detail": in_words(packed, "en"), "because": packed}


def in_words(value: str, language: Language, depth: int = MAX_DEPTH) -> str:
    """A packed reason as half a sentence; any other text as it is."""
    if not value.startswith(_BEGINS) or depth == 0:
        return value
    try:
        key, facts = json.loads(value)
        said = say(key, language, **_said(facts, language, depth - 1))
    except (ValueError, KeyError, TypeError):
        return value  # a text that only looks like one of ours
    return said.rstrip(".。")


def _said(facts: dict[str, str | int | float], language: Language, depth: int) -> dict[str, str | int | float]:
    """Facts as they stand in a sentence of this language."""
    known = dict(facts)
    packed = known.pop("because", None)
    if isinstance(packed, str):
        known["detail"] = in_words(packed, language, depth)
    cause = known.get("cause")
    if isinstance(cause, str):
        known["cause"] = in_words(cause, language, depth)
    what = known.get("what")
    if isinstance(what, str):
        known["what"] = _noun(what, language)
    return known


def _noun(what: str, language: Language) -> str:
    first, _, rest = what.partition(" ")
    if first == "facet" and rest:
        return say("ledger.noun.facet", language, name=visible(rest))
    return catalogue(language).get(f"ledger.noun.{what.replace(' ', '_')}", what)


class LedgerError(GaugeblockError):
    """Base of the ledger's errors: its reasons and nouns are said in the reader's language."""

    def text(self, language: Language) -> str:
        """What is wrong, in one sentence."""
        return say(self._key("text"), language, **_said(self.facts, language, MAX_DEPTH))

    def remedy(self, language: Language) -> str:
        """What the reader can do about it."""
        return say(self._key("remedy"), language, **_said(self.facts, language, MAX_DEPTH))
