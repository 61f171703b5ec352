"""One error tree. Every error knows a code, the facts of its case, and how to say both in zh and en.

A leaf lives in the room that raises it and names a code ``<room>.<name>``; its words are in the catalogue
under ``<room>.error.<name>.text`` and ``.remedy`` (a test checks that every code has both in both languages).
"""

from __future__ import annotations

from typing import ClassVar

from gaugeblock.plant.language import Language, catalogue, say


class GaugeblockError(Exception):
    """Base of all errors that Gaugeblock raises on purpose.

    Parameters
    ----------
    facts
        What the catalogue's sentence needs: the file, the key, the value, the limit. Plain values only.

    Examples
    --------
    >>> class TooHot(GaugeblockError):
    ...     code = "plant.unexpected"
    >>> TooHot(detail="spindle").facts
    {'detail': 'spindle'}
    """

    code: ClassVar[str] = "plant.unexpected"

    def __init__(self, **facts: str | int | float) -> None:
        self.facts = facts
        super().__init__(facts)

    def _key(self, part: str) -> str:
        room, name = self.code.split(".", 1)
        return f"{room}.error.{name}.{part}"

    def text(self, language: Language) -> str:
        """What is wrong, in one sentence."""
        return say(self._key("text"), language, **self.facts)

    def remedy(self, language: Language) -> str:
        """What the reader can do about it."""
        return say(self._key("remedy"), language, **self.facts)

    def __str__(self) -> str:
        return f"{self.text('en')} {self.remedy('en')}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross the process boundary between a station and its inference child.
        return _rebuild, (type(self), self.facts)


def _rebuild(cls: type[GaugeblockError], facts: dict[str, str | int | float]) -> GaugeblockError:
    return cls(**facts)


class LimitError(GaugeblockError):
    """Something bounded would overflow; the answer is documented beside the limit."""

    code = "plant.limit"


class UnexpectedError(GaugeblockError):
    """A fault of a library or the system, wrapped so that it is named. Facts: ``detail``."""

    code = "plant.unexpected"


class _LeftOpen(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def sentence_of(code: str, language: Language) -> str:
    """What an error's code says where its facts are not known, as in a record: they are left open.

    A code from a newer release is given back as it is.

    >>> sentence_of("plant.unexpected", "en"), sentence_of("future.fault", "en")
    ('An unexpected fault: ….', 'future.fault')
    """
    room, _, name = code.partition(".")
    sentence = catalogue(language).get(f"{room}.error.{name}.text")
    return code if sentence is None else sentence.format_map(_LeftOpen())
