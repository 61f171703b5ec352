"""Verify a Gaugeblock evidence file offline. One file, Python 3.9 or newer, nothing to install.

    python gaugeblock_verify.py EVIDENCE.json --key LOG.key [--witness WITNESS.key ...]

离线验证量块证据文件：只需本文件、证据文件和日志公钥。

The log's key must come from a source that is not the evidence file: the contract, a web page, a printed sheet.
Exit status 0: everything holds. 1: a step failed, and says which. 2: a file cannot be read.

What it proves: the record was in the log that the checkpoint names, unchanged, signed by a key that the log's own
records bind to its author. What it does not: that the statement is true, that no later record revokes the key, and,
without a witness, that the owner shows everyone the same log.

Form: C2SP signed-note, tlog-checkpoint and tlog-cosignature; RFC 6962 hashes; RFC 8032 Ed25519; RFC 9901 SD-JWT.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

LIMIT_BYTES = 4 * 1024 * 1024
SERVER = "server:plant"
ACTIONS = {"key.binding": "bind", "key.rotation": "rotate", "key.revocation": "revoke"}
SENTENCES = {
    "key": ("日志公钥", "the log's key"),
    "form": ("文件格式", "form of the file"),
    "checkpoint": ("检查点签名", "signature of the checkpoint"),
    "witness": ("见证人副署", "cosignature of the witness"),
    "inclusion": ("记录在日志中", "the records are in the log"),
    "key_chain": ("密钥链", "key chain"),
    "signature": ("作者签名", "signature of the author"),
    "disclosures": ("已披露内容与签名一致", "what is disclosed is what was signed"),
}


class Refused(Exception):  # noqa: N818
    """A check that did not hold; the message says why."""


def need(condition: object, why: str) -> None:
    """Raise unless the condition holds."""
    if not condition:
        raise Refused(why)


# ── Ed25519 (RFC 8032) ────────────────────────────────────────────────────────────────────────────────────

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
SMALL_ORDER_Y = {
    0,
    1,
    P - 1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
}
Point = tuple[int, int, int, int]


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _point(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed_by(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the Ed25519 key signed exactly these bytes. Keys and commitments of small order are refused."""
    if len(key) != 32 or len(signature) != 64 or BASE is None:
        return False
    for encoded in (key, signature[:32]):
        if int.from_bytes(encoded, "little") & (2**255 - 1) in SMALL_ORDER_Y:
            return False
    point, scalar = _point(key), int.from_bytes(signature[32:], "little")
    if point is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    negative: Point = (P - point[0], point[1], 1, P - point[3])
    x, y, z, _ = _add(_times(scalar, BASE), _times(challenge, negative))
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# ── one spelling for every byte string, one reading for every text ────────────────────────────────────────


def from_base64(text: str, what: str) -> bytes:
    """Standard base64 with padding in its only spelling."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise Refused(f"{what}: not base64") from None
    need(base64.b64encode(data).decode() == text, f"{what}: not the canonical base64")
    return data


def from_base64url(text: str, what: str) -> bytes:
    """base64url without padding in its only spelling."""
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise Refused(f"{what}: not base64url") from None
    need(to_base64url(data) == text, f"{what}: not the canonical base64url")
    return data


def to_base64url(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    need(len(found) == len(pairs), "a name stands twice in one object")
    return found


def _integer(text: str) -> int:
    need(len(text) <= 17 and abs(int(text)) <= 2**53, "an integer beyond 2^53")
    return int(text)


def _constant(text: str) -> Any:
    raise Refused(f"{text} is not a number of JSON")


def from_json(raw: bytes, what: str) -> Any:
    """Strict I-JSON (RFC 7493)."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_members, parse_int=_integer, parse_constant=_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what}: {error}") from None
    return value


def fields(value: Any, names: str, what: str, optional: str = "") -> dict[str, Any]:
    """An object with exactly these members."""
    need(isinstance(value, dict), f"{what}: not an object")
    wanted, more = set(names.split()), set(optional.split())
    need(wanted <= set(value) <= wanted | more, f"{what}: members are {sorted(value)}")
    found: dict[str, Any] = value
    return found


# ── signed notes ──────────────────────────────────────────────────────────────────────────────────────────


class NoteKey:
    """A verifier key ``name+hash+base64(type || key)``; ``kind`` 1 signs checkpoints, 4 cosigns them."""

    def __init__(self, text: str, kind: int) -> None:
        parts = text.strip().split("+", 2)
        need(len(text) <= 512 and len(parts) == 3, "the key is not name+hash+base64")
        body = from_base64(parts[2], "key")
        need(len(body) == 33 and body[0] == kind, "the key is of another kind")
        self.name, self.raw, self.kind = parts[0], body[1:], kind
        need(0 < len(self.name) <= 200 and self.name.isprintable() and " " not in self.name, "the key has no good name")
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + body).digest()[:4]
        need(self.hash.hex() == parts[1], "the key's hash is another")


def read_note(raw: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text, and signature lines as (name, key hash, signature)."""
    need(len(raw.encode()) <= 65536 and raw.endswith("\n") and not re.search(r"[\x00-\x09\x0b-\x1f]", raw), "note")
    text, blank, tail = raw.rpartition("\n\n")
    need(text and blank, "note: no blank line")
    lines = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "—", "note: a signature line of another form")
        body = from_base64(parts[2], "signature line")
        need(len(body) > 4, "note: a signature line of another form")
        lines.append((parts[1], body[:4], body[4:]))
    need(len(lines) <= 64, "note: more than 64 signatures")
    return text + "\n", lines


def signature_of(lines: list[tuple[str, bytes, bytes]], key: NoteKey) -> bytes:
    """The one line of this key."""
    found = [signature for name, key_hash, signature in lines if (name, key_hash) == (key.name, key.hash)]
    need(len(found) == 1, f"{len(found)} signatures of {key.name}")
    return found[0]


# ── Merkle tree (RFC 6962) ────────────────────────────────────────────────────────────────────────────────


def root_of(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    node, last = index, size - 1
    need(0 <= index < size, "the index is beyond the checkpoint")
    for sibling in proof:
        need(last, "the proof is too long")
        if node & 1 or node == last:
            leaf = hashlib.sha256(b"\x01" + sibling + leaf).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            leaf = hashlib.sha256(b"\x01" + leaf + sibling).digest()
        node, last = node >> 1, last >> 1
    need(last == 0, "the proof is too short")
    return leaf


# ── records ───────────────────────────────────────────────────────────────────────────────────────────────


class Record:
    """One record of the file: its bytes, what it says openly, and the facets that are disclosed."""

    def __init__(self, value: Any, what: str) -> None:
        entry = fields(value, "index jws disclosures proof", what)
        self.index, self.jws, self.what = entry["index"], entry["jws"], what
        need(type(self.index) is int and 0 <= self.index < 2**53, f"{what}: index")
        need(isinstance(self.jws, str) and self.jws.isascii() and len(self.jws) <= 65535, f"{what}: jws")
        need(isinstance(entry["disclosures"], dict) and len(entry["disclosures"]) <= 16, f"{what}: disclosures")
        self.disclosures: dict[str, str] = entry["disclosures"]
        need(isinstance(entry["proof"], list) and len(entry["proof"]) <= 64, f"{what}: proof")
        self.proof = [from_base64(str(item), f"{what}: proof") for item in entry["proof"]]
        need(all(len(item) == 32 for item in self.proof), f"{what}: proof")

    def read(self) -> None:
        """The JWS, read strictly; its signature is checked later."""
        parts = self.jws.split(".")
        need(len(parts) == 3, f"{self.what}: not a compact JWS")
        header = fields(from_json(from_base64url(parts[0], "header"), "header"), "alg typ kid", "header")
        need(header["alg"] == "EdDSA" and header["typ"] == "gaugeblock-record+sd-jwt", f"{self.what}: header")
        self.kid = str(header["kid"])
        names = "iss jti log record_type record_version stated_at observed_at clock _sd _sd_alg"
        self.claims = fields(from_json(from_base64url(parts[1], "payload"), "payload"), names, "payload")
        need(self.claims["_sd_alg"] == "sha-256" and isinstance(self.claims["_sd"], list), f"{self.what}: _sd")
        need(self.claims["_sd"] == sorted(set(self.claims["_sd"])), f"{self.what}: _sd is not sorted")
        self.author, self.type = str(self.claims["iss"]), str(self.claims["record_type"])
        self.signed = ".".join(parts[:2]).encode()
        self.signature = from_base64url(parts[2], "signature")

    def open_facets(self) -> dict[str, Any]:
        """Facet by name, each as its author signed it."""
        facets = {}
        for name, text in self.disclosures.items():
            need(isinstance(text, str) and len(text) <= 65535, f"{name}: disclosure")
            digest = to_base64url(hashlib.sha256(text.encode()).digest())
            need(digest in self.claims["_sd"], f"{name}: not what the author signed")
            content = from_json(from_base64url(text, name), name)
            need(isinstance(content, list) and len(content) == 3 and isinstance(content[0], str), f"{name}: form")
            need(content[1] == name, f"{name}: the disclosure of another facet")
            facets[name] = content[2]
        return facets


# ── who may sign for whom ─────────────────────────────────────────────────────────────────────────────────


class Keys:
    """The keys as the log's key records leave them."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.by_kid: dict[str, dict[str, Any]] = {}

    def of(self, record: Record) -> bytes:
        """The key with which this record may be signed at its index."""
        bound = self.by_kid.get(record.kid)
        need(bound, f"record {record.index}: the key chain does not introduce its key")
        assert bound is not None
        ended = bound["ended"]
        need(ended is None or record.index <= ended, f"record {record.index}: its key ended at record {ended}")
        need(record.index > bound["since"] or record.index == 0, f"record {record.index}: before its key")
        need(bound["entity"] == record.author, f"record {record.index}: the key of {bound['entity']}")
        key: bytes = bound["key"]
        return key

    def fold(self, record: Record) -> None:
        """Check a key record and apply it."""
        need(record.type in ACTIONS, f"record {record.index}: no key record")
        need(record.claims["log"] == self.origin, f"record {record.index}: for another log")
        facets = record.open_facets()
        subject = fields(facets.get("subject"), "entity thumbprint", "key subject")
        optional = "jwk predecessor cross_signature reason compromised_since"
        said = fields(facets.get("statement"), "action", "key statement", optional)
        said = {name: value for name, value in said.items() if value is not None}
        action = said["action"]
        need(action == ACTIONS[record.type], f"record {record.index}: another action")
        need(("jwk" in said) == (action != "revoke"), f"record {record.index}: jwk")
        need(("predecessor" in said) == (action == "rotate"), f"record {record.index}: predecessor")
        key = self._key(said["jwk"], str(subject["thumbprint"])) if action != "revoke" else b""
        if record.index == 0:
            need(action == "bind" and subject["entity"] == record.author == SERVER, "record 0 does not bind the server")
            need(record.kid == subject["thumbprint"], "record 0 is not signed by the key it binds")
            signer = key
        else:
            signer = self.of(record)
        need(signed_by(signer, record.signature, record.signed), f"record {record.index}: signature")
        entity, kid = str(subject["entity"]), str(subject["thumbprint"])
        if action == "revoke":
            bound = self.by_kid.get(kid)
            need(
                bound and bound["entity"] == entity and bound["ended"] is None,
                f"record {record.index}: what it revokes",
            )
            need(record.author in (entity, SERVER), f"record {record.index}: revokes another's key")
            assert bound is not None
            bound["ended"] = record.index
            return
        need(kid not in self.by_kid, f"record {record.index}: a key that was bound before")
        if action == "rotate":
            need(entity == record.author and said["predecessor"] == record.kid, f"record {record.index}: rotation")
            self.by_kid[record.kid]["ended"] = record.index
        else:
            need(record.author == SERVER, f"record {record.index}: only the server binds keys")
            holder = [b for b in self.by_kid.values() if b["entity"] == entity and b["ended"] is None]
            need(not holder, f"record {record.index}: {entity} has a key already")
        proof = said.get("cross_signature")
        need(proof is not None or action == "bind", f"record {record.index}: no cross-signature")
        if proof is not None:
            before = record.kid if action == "rotate" else ""
            message = f"gaugeblock-key-handover/v1\n{self.origin}\n{entity}\n{before}\n{kid}\n".encode()
            need(signed_by(key, from_base64url(proof, "cross-signature"), message), f"record {record.index}: hand-over")
        self.by_kid[kid] = {"entity": entity, "key": key, "since": record.index, "ended": None}

    @staticmethod
    def _key(jwk: Any, thumbprint: str) -> bytes:
        jwk = fields(jwk, "kty crv x", "jwk")
        need(jwk["kty"] == "OKP" and jwk["crv"] == "Ed25519", "jwk: not an Ed25519 key")
        raw = from_base64url(str(jwk["x"]), "jwk")
        y = int.from_bytes(raw, "little") & (2**255 - 1)
        need(len(raw) == 32 and y < P and y not in SMALL_ORDER_Y, "jwk: not a good key")
        canonical = b'{"crv":"Ed25519","kty":"OKP","x":"' + str(jwk["x"]).encode() + b'"}'
        need(to_base64url(hashlib.sha256(canonical).digest()) == thumbprint, "jwk: another thumbprint")
        return raw


# ── the whole ─────────────────────────────────────────────────────────────────────────────────────────────


class Verification:
    """The steps that held, the one that did not, and what was verified."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        self.failed: tuple[str, str] | None = None
        self.claims: dict[str, Any] = {}
        self.facets: dict[str, Any] = {}
        self.index = self.size = self.withheld = 0

    @property
    def ok(self) -> bool:
        """Whether every step held."""
        return self.failed is None


def verify(evidence: bytes, log_key: str, witnesses: tuple[str, ...] = ()) -> Verification:
    """Check an evidence file; never raises :class:`Refused`.

    Parameters
    ----------
    evidence
        The file's bytes.
    log_key
        The log's verifier key, from another source than the file.
    witnesses
        Verifier keys of witnesses who must have cosigned.
    """
    result = Verification()
    step = "key"
    try:
        key = NoteKey(log_key, 1)
        witness_keys = [NoteKey(text, 4) for text in witnesses]
        need(len({w.raw for w in witness_keys}) == len(witness_keys), "a witness is named twice")
        result.steps.append((step, key.name))

        step = "form"
        need(len(evidence) <= LIMIT_BYTES, "larger than 4 MiB")
        file = fields(from_json(evidence, "file"), "form record key_chain checkpoint", "file")
        need(file["form"] == "gaugeblock-evidence/1", "another form of evidence")
        need(isinstance(file["key_chain"], list) and len(file["key_chain"]) <= 64, "key_chain")
        need(isinstance(file["checkpoint"], str), "checkpoint")
        record = Record(file["record"], "record")
        chain = [Record(item, f"key_chain[{n}]") for n, item in enumerate(file["key_chain"])]
        result.steps.append((step, f"{1 + len(chain)}"))

        step = "checkpoint"
        text, lines = read_note(file["checkpoint"])
        need(signed_by(key.raw, signature_of(lines, key), text.encode()), "the log's signature does not fit")
        rows = text.split("\n")
        need(len(rows) >= 4 and rows[0] == key.name and all(rows[:-1]), "another log's checkpoint")
        need(re.fullmatch(r"0|[1-9][0-9]{0,15}", rows[1]), "the size of the tree")
        root = from_base64(rows[2], "root")
        result.size = int(rows[1])
        result.steps.append((step, f"{rows[0]}, {result.size}"))

        for witness in witness_keys:
            step = "witness"
            line = signature_of(lines, witness)
            seen = int.from_bytes(line[:8], "big")
            message = f"cosignature/v1\ntime {seen}\n{text}".encode()
            need(signed_by(witness.raw, line[8:], message), f"{witness.name}: signature")
            result.steps.append((step, witness.name))

        step = "inclusion"
        for one in (record, *chain):
            leaf = hashlib.sha256(b"\x00" + one.jws.encode()).digest()
            need(root_of(leaf, one.index, result.size, one.proof) == root, f"record {one.index} is not in this log")
        result.steps.append((step, f"{record.index} < {result.size}"))

        step = "key_chain"
        need(chain and chain[0].index == 0, "it does not begin at record 0")
        keys, before = Keys(key.name), -1
        for one in chain:
            need(one.index > before, "not in order")
            before = one.index
            one.read()
            keys.fold(one)
        record.read()
        author_key = keys.of(record)
        result.steps.append((step, f"{record.author}, {len(chain)}"))

        step = "signature"
        need(record.claims["log"] == key.name, "the record is for another log")
        need(signed_by(author_key, record.signature, record.signed), "the author's signature does not fit")
        result.steps.append((step, f"{record.type}, {record.claims['stated_at']}"))

        step = "disclosures"
        facets = record.open_facets()
        result.withheld = len(record.claims["_sd"]) - len(facets)
        result.steps.append((step, f"{len(facets)}, {result.withheld} withheld"))
        result.claims, result.facets, result.index = record.claims, facets, record.index
    except Refused as refusal:
        result.failed = (step, str(refusal))
    return result


def visible(text: str) -> str:
    """Control characters as codes, so that evidence cannot write lines of its own."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Verify Gaugeblock evidence offline. 离线验证量块证据。")
    parser.add_argument("evidence", type=Path)
    parser.add_argument("--key", required=True, help="the log's key, or a file that holds it · 日志公钥或其文件")
    parser.add_argument("--witness", action="append", default=[], help="a witness who must have cosigned · 见证人公钥")
    parser.add_argument("--language", choices=("zh", "en"), default="en")
    given = parser.parse_args(arguments)
    column = 0 if given.language == "zh" else 1

    def key_text(text: str) -> str:
        return text if "+" in text else Path(text).read_text("utf-8").strip()

    try:
        raw = given.evidence.read_bytes()
        key, witnesses = key_text(given.key), tuple(key_text(text) for text in given.witness)
    except (OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    result = verify(raw, key, witnesses)
    for step, detail in result.steps:
        print(f"✓ {SENTENCES[step][column]}: {visible(detail)}")
    if result.failed is not None:
        step, why = result.failed
        print(f"✗ {SENTENCES[step][column]}: {visible(why)}")
        print(("未通过验证。", "NOT VERIFIED.")[column])
        return 1
    for name, facet in result.facets.items():
        print(f"  {name}: {visible(json.dumps(facet, ensure_ascii=False))}")
    done = (f"已验证：第 {result.index} 条记录。", f"VERIFIED: record {result.index}.")
    print(done[column])
    return 0


if __name__ == "__main__":
    sys.exit(main())
