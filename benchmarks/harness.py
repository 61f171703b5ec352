"""How every benchmark prints and keeps its figures: a table, and JSON with machine and versions beside it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@dataclass(frozen=True)
class Figure:
    """One measured figure. ``ratio`` is ours to the peer's, measured in the same run where it is a time."""

    figure: str
    value: float | int | str
    unit: str
    protocol: str
    seed: int | None = None
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    packages = ("numpy", "onnxruntime", "cryptography", "sqlalchemy", "msgspec", "litestar", "granian")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def _short(value: float | int | str | None) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def report(name: str, figures: list[Figure]) -> None:
    """Print the table and write ``benchmarks/results/<name>.json``."""
    rows = [("figure", "value", "unit", "peer", "peer value", "ratio", "protocol")]
    for f in figures:
        rows.append(
            (f.figure, _short(f.value), f.unit, f.peer or "", _short(f.peer_value), _short(f.ratio), f.protocol)
        )
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    print(f"\n== {name}")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row[:6], widths, strict=True)) + "  " + row[6])
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(), "figures": [asdict(f) for f in figures]}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
