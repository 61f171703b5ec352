"""How commands speak: in the reader's language, results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys

from rich.console import Console as RichConsole
from rich.markup import escape

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language, language_of, say

LANGUAGE_VARIABLE = "GAUGEBLOCK_LANG"


def terminal_language() -> Language:
    """``GAUGEBLOCK_LANG``, else the locale; Chinese where neither asks for one of the two."""
    for name in (LANGUAGE_VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return language_of(value)
    return "zh"


class Console:
    """Says catalogue sentences. ``out`` is for results that another program may read, ``say`` for people."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.rich = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def text(self, key: str, /, **facts: object) -> str:
        """The sentence, not yet printed."""
        return say(key, self.language, **facts)

    def say(self, key: str, /, style: str = "", **facts: object) -> None:
        """Tell the person."""
        self.rich.print(escape(self.text(key, **facts)), style=style or None)

    def error(self, error: GaugeblockError) -> None:
        """What is wrong, and what to do."""
        self.rich.print(f"[bold red]✗[/] {escape(error.text(self.language))}")
        self.rich.print(f"  → {escape(error.remedy(self.language))}")

    def out(self, text: str) -> None:
        """A result, on standard output."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
