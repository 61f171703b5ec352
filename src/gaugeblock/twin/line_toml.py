"""A line as TOML text that :func:`gaugeblock.twin.line.parse_line` reads back to the same line."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from gaugeblock.twin.line import Line

_SCALARS = ("name", "time_unit", "products", "wip_max")


def line_toml(line: Line, comment: str = "") -> str:
    """The text, with a comment of any number of lines before it.

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Gamma
    >>> from gaugeblock.twin.line import parse_line, serial_line
    >>> line = serial_line([Gamma(2.0, 0.25)] * 2, [3])
    >>> parse_line(line_toml(line)) == line
    True
    """
    content: dict[str, Any] = msgspec.to_builtins(line)
    rows = [f"# {row}".rstrip() for row in comment.splitlines()]
    rows += [f"{key} = {_value(content[key])}" for key in _SCALARS if content.get(key) is not None]
    for key, entries in content.items():
        if key in _SCALARS:
            continue
        for entry in entries:
            rows += ["", f"[[{key}]]"]
            rows += [f"{name} = {_value(value)}" for name, value in entry.items() if not _left_out(value)]
    return "\n".join(rows) + "\n"


def _left_out(value: Any) -> bool:
    return value is None or value == () or value == []


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's; DEL is the one character that JSON leaves bare and TOML does not take.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, dict):
        inner = ", ".join(f"{name} = {_value(entry)}" for name, entry in value.items() if not _left_out(entry))
        return "{ " + inner + " }"
    return "[" + ", ".join(_value(entry) for entry in value) + "]"
