"""The one catalogue of everything a person sees, Chinese first, English beside it.

Each room keeps its words in ``zh/<room>.toml`` and ``en/<room>.toml``; together they are one catalogue whose
keys are ``<room>.<dotted key>``. Both languages hold the same keys with the same ``{facts}``; a test checks it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """All sentences of one language by key.

    >>> catalogue("en")["plant.verdict.OK"]
    'OK'
    """
    words: dict[str, str] = {}
    for file in (resources.files(__package__) / language).iterdir():
        if file.name.endswith(".toml"):
            _flatten(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8")), words)
    return MappingProxyType(words)


def _flatten(prefix: str, node: dict[str, Any], into: dict[str, str]) -> None:
    for key, value in node.items():
        if isinstance(value, dict):
            _flatten(f"{prefix}.{key}", value, into)
        else:
            into[f"{prefix}.{key}"] = str(value)


def say(key: str, language: Language, /, **facts: object) -> str:
    """The sentence for ``key`` with its ``{facts}`` filled in.

    Raises
    ------
    KeyError
        The catalogue has no such key: a fault of the code, found by the catalogue's tests.

    Examples
    --------
    >>> say("plant.verdict.NOK", "zh")
    '不合格'
    """
    sentence = catalogue(language)[key]
    return sentence.format_map(facts) if facts else sentence


def language_of(value: str | None, default: Language = "zh") -> Language:
    """The language a locale name or an Accept-Language header asks for; Chinese where it asks for neither.

    >>> language_of("en_GB.UTF-8"), language_of("zh-CN,en;q=0.5"), language_of("C.UTF-8")
    ('en', 'zh', 'zh')
    """
    for part in (value or "").lower().replace("_", "-").split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return default
