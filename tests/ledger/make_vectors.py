"""Writes docs/test-vectors/ledger from seeds: `python tests/ledger/make_vectors.py`.

Everything in the files follows from the seeds named in them; another implementation that reads them alike
reads our logs alike. A test compares the files with what this makes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gaugeblock.ledger import base64s, key_records
from gaugeblock.ledger.checkpoint import Checkpoint, sign_checkpoint
from gaugeblock.ledger.cosignature import cosign, witness_key
from gaugeblock.ledger.evidence import make_evidence
from gaugeblock.ledger.key_directory import SERVER, KeyDirectory
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.merkle import consistency_proof, inclusion_proof, leaf_hash, reader_of, root_of
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.record import (
    ClockState,
    Draft,
    SignedRecord,
    open_facets,
    parse,
    sd_jwt,
    sign_record,
)
from gaugeblock.ledger.tiles import GrowingTiles, encode_bundle
from gaugeblock.plant.record_types import read_facet

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "test-vectors" / "ledger"
ORIGIN = "plant.example/log"
STATION = "station:L1-ST10"
WITNESS = "witness.example"
NOW = "2026-11-22T05:00:00.000000Z"
UNIX_S = 1_795_323_600
CLOCK = ClockState("synchronised", 5.0)


def seed(name: str) -> bytes:
    """SHA-256 of the name."""
    return hashlib.sha256(name.encode()).digest()


def salt(name: str) -> Callable[[int], bytes]:
    """SHAKE-128 of the name. Published salts are for vectors only."""
    return lambda count: hashlib.shake_128(name.encode()).digest(count)


def keys() -> dict[str, SigningKey]:
    """By role."""
    return {
        role: SigningKey.from_seed(seed(f"gaugeblock vectors {role}"))
        for role in ("log", "server", "station", "witness")
    }


def verdict(number: int) -> Draft:
    """A station's record."""
    return Draft(
        record_type="inspection.verdict",
        version=1,
        author=STATION,
        identity=f"1/{number}",
        log=ORIGIN,
        stated_at=NOW,
        observed_at=NOW,
        clock=CLOCK,
        facets={
            "subject": {"station": "L1-ST10", "unit": f"U{number:06d}", "product": "缸体-A"},
            "statement": {"verdict": "OK" if number % 5 else "NOK"},
            "measurement": {"score": number / 8, "threshold": 0.5},
            "process": {
                "boot_epoch": 1,
                "sequence": number,
                "trigger": number,
                "deadline_ms": 300.0,
                "latency_ms": 40.5,
            },
            "inputs": {"image_sha256": hashlib.sha256(b"%d" % number).hexdigest()},
        },
    )


def _text(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _b64(hashes: list[bytes]) -> list[str]:
    return [base64s.encode(h) for h in hashes]


def log_records() -> list[SignedRecord]:
    """Genesis, a station's binding, ten verdicts."""
    own = keys()
    options: dict[str, Any] = {"log": ORIGIN, "stated_at": NOW, "clock": CLOCK}
    records = [
        sign_record(
            key_records.binding(SERVER, SERVER, own["server"].public, **options), own["server"], salt("record 0")
        ),
        sign_record(
            key_records.binding(SERVER, STATION, own["station"].public, **options), own["server"], salt("record 1")
        ),
    ]
    for number in range(2, 12):
        records.append(sign_record(verdict(number), own["station"], salt(f"record {number}")))
    return records


def vectors() -> dict[str, bytes]:
    """File name → bytes."""
    own, records = keys(), log_records()
    leaves = [leaf_hash(record.jws) for record in records]
    read, size = reader_of(leaves), len(leaves)
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root_of(leaves)), own["log"])
    cosigned = cosign(note, WITNESS, own["witness"], UNIX_S)
    directory = KeyDirectory()
    for index, record in enumerate(records):
        payload = parse(record.jws)
        opened = open_facets(payload, record.disclosures)
        facets = {name: read_facet(payload.record_type, 1, name, value) for name, value in opened.items()}
        directory.apply(index, payload, facets)

    def evidence(index: int, shown: list[str] | None) -> bytes:
        return make_evidence(index, records.__getitem__, directory, read, size, cosigned, shown).to_bytes()

    sound = evidence(7, ["subject", "statement"])
    refused = {
        "checkpoint": sound.replace(b"\\n12\\n", b"\\n13\\n"),
        "inclusion": sound.replace(b'"index":7', b'"index":6'),
        "key_chain": _without_chain(sound),
        "disclosures": _with_foreign_disclosure(sound, records[8]),
    }
    tiles = GrowingTiles().append(leaves)
    return {
        "keys.json": _text(
            {
                role: {
                    "seed": f"SHA-256 of 'gaugeblock vectors {role}'",
                    "private": seed(f"gaugeblock vectors {role}").hex(),
                    "jwk": key.public.to_jwk(),
                    "thumbprint": key.public.thumbprint,
                }
                for role, key in own.items()
            }
            | {
                "log_vkey": NoteKey(ORIGIN, own["log"].public).vkey,
                "witness_vkey": witness_key(WITNESS, own["witness"]).vkey,
            }
        ),
        "records.json": _text(
            [
                {
                    "index": index,
                    "leaf_hash": leaves[index].hex(),
                    "sd_jwt": sd_jwt(record),
                    "facets": open_facets(parse(record.jws), record.disclosures),
                }
                for index, record in enumerate(records)
            ]
        ),
        "tree.json": _text(
            {
                "roots": [{"size": n, "root": base64s.encode(root_of(leaves[:n]))} for n in range(size + 1)],
                "inclusion": [
                    {"index": i, "size": size, "proof": _b64(inclusion_proof(read, i, size))} for i in range(size)
                ],
                "consistency": [
                    {"old_size": n, "size": size, "proof": _b64(consistency_proof(read, n, size))}
                    for n in range(size + 1)
                ],
                "tiles": {tile.path: base64s.encode(data) for tile, data in tiles},
                "entries": {"tile/entries/000.p/12": base64s.encode(encode_bundle([r.jws for r in records]))},
            }
        ),
        "checkpoint.txt": note,
        "checkpoint-cosigned.txt": cosigned,
        "evidence.json": sound,
        **{f"evidence-refused-at-{step}.json": raw for step, raw in refused.items()},
    }


def _without_chain(sound: bytes) -> bytes:
    content = json.loads(sound)
    content["key_chain"] = content["key_chain"][:1]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _with_foreign_disclosure(sound: bytes, other: SignedRecord) -> bytes:
    content = json.loads(sound)
    content["record"]["disclosures"]["subject"] = other.disclosures["subject"]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in vectors().items():
        (FOLDER / name).write_bytes(content)
        sys.stdout.write(f"{name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
