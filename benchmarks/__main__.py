"""``python -m benchmarks [room.name …]``: run the named benchmarks, or all, and print their tables."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.harness import report

HERE = Path(__file__).parent


def names() -> list[str]:
    """All benchmarks as ``room.name``."""
    return sorted(f"{p.parent.name}.{p.stem}" for p in HERE.glob("*/*.py") if not p.stem.startswith("_"))


def main(wanted: list[str]) -> int:
    """Run each; an unknown name lists those there are."""
    known = names()
    for name in wanted or known:
        if name not in known:
            print(f"no benchmark '{name}'; there are: {', '.join(known)}")
            return 2
        # One that could not be run here has said why, and leaves the figures of its last run as they are.
        if figures := importlib.import_module(f"benchmarks.{name}").run():
            report(name, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
