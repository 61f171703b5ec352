"""Documents are a contract: every command, setting and record field that exists is documented."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec
import typer.main

from gaugeblock.cli import app
from gaugeblock.plant import settings
from gaugeblock.plant.record_types import RECORD_TYPES

ROOT = Path(__file__).resolve().parents[1]


def _commands(group: object, path: str = "gaugeblock") -> list[str]:
    inner = getattr(group, "commands", None)
    if inner is None:
        return [path]
    return [found for name, command in inner.items() for found in _commands(command, f"{path} {name}")]


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    commands = _commands(typer.main.get_command(app))
    assert len(commands) >= 15
    assert [c for c in commands if f"`{c}" not in text] == []


def _keys(shape: type[msgspec.Struct]) -> list[str]:
    found = []
    for name, hint in typing.get_type_hints(shape).items():
        inner = [hint, *typing.get_args(hint)]
        structs = [t for t in inner if isinstance(t, type) and issubclass(t, msgspec.Struct)]
        found += [name, *(key for t in structs for key in _keys(t))]
    return found


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    missing = [key for key in set(_keys(settings.PlantSettings)) if not re.search(rf"[`.\[]{key}\b", text)]
    assert missing == []


def test_every_record_type_and_field_is_documented() -> None:
    text = (ROOT / "docs" / "record-types.md").read_text("utf-8")
    missing = []
    for (record_type, version), facets in RECORD_TYPES.items():
        if f"| `{record_type}` | {version} |" not in text:
            missing.append(record_type)
        missing += [
            f"{record_type}.{name}.{field}"
            for name, shape in facets.items()
            for field in shape.__struct_fields__
            if f"`{field}`" not in text
        ]
    assert missing == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text("utf-8")):
            if "://" not in target and not (document.parent / target).exists():
                broken.append(f"{document.relative_to(ROOT)} → {target}")
    assert broken == []


def test_nothing_names_a_machine() -> None:
    """No absolute path of somebody's machine enters the project."""
    found = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.suffix in {".py", ".md", ".toml", ".j2", ".html", ".js", ".css"} and not any(
            part.startswith(".") or part == "var" for part in parts
        ):
            text = path.read_text("utf-8")
            if re.search(r"(?<![\w.])/(?:root|home/\w+|work)/", text) and path != Path(__file__):
                found.append(str(path.relative_to(ROOT)))
    assert found == []
