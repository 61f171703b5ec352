"""Stand-alone verifiers of evidence, as customers download them: each is one file that imports nothing of Gaugeblock.

They are written anew from docs/decisions/0002-record-form.md and not from the code in ``ledger``, so that two programs
agree on what is sound and not one with itself. Tests hold all three against the same vectors and damaged files.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
PYTHON = FOLDER / "gaugeblock_verify.py"
JAVASCRIPT = FOLDER / "gaugeblock-verify.mjs"
