"""Run by an interpreter that has aics-tlog: checks logs laid out as files, and prints one JSON line for each.

Usage: aics_check.py DIRECTORY…; each holds `checkpoint`, `tile/…` and `claims.json`.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import aics_tlog as tlog  # type: ignore[import-not-found]


def check(folder: Path) -> dict[str, Any]:
    """What aics-tlog says about one log."""
    claims = json.loads((folder / "claims.json").read_text())
    reader = tlog.FileSystemTileReader(folder)
    log_key = tlog.parse_vkey(claims["log_key"])
    witnesses = [tlog.parse_vkey(text) for text in claims["witnesses"]]
    note = tlog.parse_note((folder / "checkpoint").read_bytes())
    result = tlog.verify_checkpoint(note, log_key, witnesses, len(witnesses), expected_origin=claims["origin"])
    if not result.ok:
        raise ValueError(f"checkpoint: {result.error}")
    checkpoint = tlog.parse_checkpoint(note.text)
    size, root = checkpoint.size, checkpoint.root
    if tlog.tree_root_from_tiles(reader, size) != root:
        raise ValueError("root of the tiles")
    report = tlog.audit_tiles(reader, size, root)
    for claim in claims["inclusion"]:
        index, proof = claim["index"], [base64.b64decode(h) for h in claim["proof"]]
        leaf = tlog.leaf_hash(tlog.read_entry(reader, index, size))
        if not tlog.verify_inclusion(leaf, index, size, proof, root):
            raise ValueError(f"inclusion of {index}")
        if tlog.inclusion_proof_from_tiles(reader, index, size) != proof:
            raise ValueError(f"inclusion proof of {index} differs")
    for claim in claims["consistency"]:
        old, proof = claim["old_size"], [base64.b64decode(h) for h in claim["proof"]]
        if not tlog.verify_consistency(old, size, base64.b64decode(claim["old_root"]), root, proof):
            raise ValueError(f"consistency with {old}")
        if tlog.consistency_proof_from_tiles(reader, old, size) != proof:
            raise ValueError(f"consistency proof with {old} differs")
    return {"ok": True, "size": size, "tiles": report.tiles, "bundles": report.bundles}


def main(folders: list[str]) -> None:
    """One line a folder."""
    for folder in folders:
        try:
            answer = check(Path(folder))
        except (ValueError, OSError, AttributeError, TypeError) as error:
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
