"""Pages from Jinja templates: strict, escaped, every word through the catalogue."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gaugeblock.plant.language import Language
from gaugeblock.plant.record_types import Verdict
from gaugeblock.web import words
from gaugeblock.web.docs_page import type_name

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


@cache
def static_prefix() -> str:
    """Address of the static files; it changes with their content, so that they may be cached for ever."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\x00" + path.read_bytes())
    return f"/static/{digest.hexdigest()[:12]}"


@cache
def environment() -> Environment:
    """The one Jinja environment. ``StrictUndefined``: a misspelt name is an error in a test, not a gap on a page."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=words.number,
        percent=words.percent,
        clock_time=words.clock_time,
        date_time=words.date_time,
        short=words.short,
        path_part=partial(quote, safe=""),
        scale_limit=scale_limit,
        type_name=type_name,
        code_marks=code_marks,
    )
    made.globals.update(static=static_prefix(), verdicts=list(Verdict), locales=words.LOCALE)
    return made


def scale_limit(value: float) -> float:
    """The end of a scale that still shows ``value``: 1, 2, 5, 10, 20, 50 or 100 per cent.

    >>> scale_limit(0.031), scale_limit(0.9)
    (0.05, 1.0)
    """
    return next((end for end in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if value <= end), 1.0)


def code_marks(text: str) -> Markup:
    """Escaped text with its backticked words as code.

    >>> code_marks("`a<b` is")
    Markup('<code>a&lt;b</code> is')
    """
    pieces = [escape(piece) for piece in text.split("`")]
    marked = (Markup("<code>{}</code>").format(piece) if at % 2 else piece for at, piece in enumerate(pieces))
    return Markup("").join(marked)


def render(template: str, language: Language, **context: object) -> str:
    """A page or fragment. In templates ``t(key)`` is a word of this room, ``any_t(key)`` one of any room."""
    return (
        environment()
        .get_template(template)
        .render(
            language=language,
            lang=words.LOCALE[language],
            t=partial(_word, language),
            any_t=partial(_any_word, language),
            reason=lambda code: words.reason_word(code, language),
            defect=lambda name: words.defect_word(name, language),
            **context,
        )
    )


def _word(language: Language, key: str, **facts: object) -> str:
    return words.word(key, language, **facts)


def _any_word(language: Language, key: str, **facts: object) -> str:
    return words.any_word(key, language, **facts)
