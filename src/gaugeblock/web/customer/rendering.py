"""Templates of the portal and of the customer's pages: the plant's environment, with this room's words."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import MediaType, Request, Response

from gaugeblock.plant.language import Language, say
from gaugeblock.web import words
from gaugeblock.web.customer.reading import THEMES, PageReader, services_of
from gaugeblock.web.templating import environment

WORDS = "customer"


def word(key: str, language: Language, **facts: object) -> str:
    """A sentence of these pages.

    >>> word("nav.orders", "en")
    'Orders'
    """
    return say(f"{WORDS}.{key}", language, **facts)


def page(
    request: Request[Any, Any, Any], reader: PageReader, template: str, status: int = 200, **context: Any
) -> Response[str]:
    """Renders a whole page for this reader. In templates ``t(key)`` is a word of these pages."""
    settings = services_of(request).settings
    language = reader.language
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    html = (
        environment()
        .get_template(f"customer/{template}")
        .render(
            language=language,
            lang=words.LOCALE[language],
            t=partial(_word, language),
            any_t=partial(_any_word, language),
            defect=partial(_defect, language),
            reader=reader,
            settings=settings,
            here=here,
            themes=THEMES,
            **context,
        )
    )
    headers = {"Cache-Control": "private, no-store", "Content-Language": words.LOCALE[language]}
    return Response(html, media_type=MediaType.HTML, status_code=status, headers=headers)


def _word(language: Language, key: str, **facts: object) -> str:
    return word(key, language, **facts)


def _any_word(language: Language, key: str, **facts: object) -> str:
    return words.any_word(key, language, **facts)


def _defect(language: Language, name: str) -> str:
    return words.defect_word(name, language)
