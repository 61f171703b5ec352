"""The published examples of Metals and EPCIS, read and written again: how many say the same afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from gaugeblock.exchange.epcis.json_ld import read_document, write_document
from gaugeblock.exchange.material_certificate.metals_json import read_metals, write_metals
from gaugeblock.plant.errors import GaugeblockError


@dataclass(frozen=True)
class RoundTrips:
    """Files whose content came back equal, of how many, and what is to be said of single ones."""

    passed: int
    files: int
    remarks: dict[str, str]


def _tree(raw: bytes) -> object:
    """JSON with exact numbers; a name that stands twice counts as it does for most readers, by its last value."""
    return json.loads(raw, parse_float=Decimal)


def metals_fixtures(folder: Path) -> RoundTrips:
    """The certificates in ``folder``: read into types and written; equal as JSON, nothing left un-understood."""
    passed, remarks = 0, {}
    files = sorted(folder.glob("*.json"))
    for file in files:
        raw = file.read_bytes()
        try:
            read = read_metals(raw)
            written = write_metals(read.document, read.not_understood)
        except GaugeblockError as error:
            remarks[file.name] = str(error)
            continue
        if read.not_understood:
            remarks[file.name] = "not understood: " + ", ".join(read.not_understood)
        if _tree(raw) == _tree(written):
            passed += 1
        else:
            remarks[file.name] = "differs"
    return RoundTrips(passed, len(files), remarks)


def epcis_round_trips(folder: Path) -> RoundTrips:
    """The documents under ``folder``: read into types and written; equal as JSON-LD trees."""
    passed, remarks = 0, {}
    files = sorted(folder.rglob("*.jsonld"))
    for file in files:
        raw = file.read_bytes()
        name = file.relative_to(folder).as_posix()
        try:
            document = read_document(raw, repeated="last")
            written = write_document(document)
        except GaugeblockError as error:
            remarks[name] = str(error)
            continue
        if document.repeated:
            remarks[name] = "a name stands twice, the last counts: " + ", ".join(document.repeated)
        if _tree(raw) == _tree(written):
            passed += 1
        else:
            remarks[name] = "differs"
    return RoundTrips(passed, len(files), remarks)
