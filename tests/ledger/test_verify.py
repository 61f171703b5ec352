from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger import base64s
from gaugeblock.ledger.checkpoint import Checkpoint, sign_checkpoint
from gaugeblock.ledger.cosignature import cosign, witness_key
from gaugeblock.ledger.errors import (
    CountLimitError,
    EvidenceFormError,
    FacetUnknownError,
    SizeLimitError,
    TreeRangeError,
    VkeyFormError,
    WitnessKeyError,
)
from gaugeblock.ledger.evidence import MAX_EVIDENCE_BYTES, Evidence, make_evidence
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.merkle import leaf_hash
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.record import sign_record
from gaugeblock.ledger.verify import STEPS, verify_evidence
from gaugeblock.plant.language import LANGUAGES

UNIX_S = 1_795_323_600
W1, W2 = "w1.example", "w2.example"


@pytest.fixture(scope="module")
def witnesses(kit: Any) -> list[str]:
    return [witness_key(name, kit.key(name)).vkey for name in (W1, W2)]


@pytest.fixture(scope="module")
def evidence(kit: Any, small_log: Any) -> bytes:
    """With two witnesses, and one facet withheld."""
    checkpoint = cosign(small_log.checkpoint(), W1, kit.key(W1), UNIX_S)
    checkpoint = cosign(checkpoint, W2, kit.key(W2), UNIX_S)
    facets = ["subject", "statement", "measurement", "inputs"]
    return bytes(small_log.evidence(7, facets, checkpoint))


def failed_step(raw: bytes, vkey: str, witnesses: list[str] | None = None) -> str | None:
    result = verify_evidence(raw, vkey, witnesses or [])
    for language in LANGUAGES:
        assert all(step.text(language) for step in result.steps)
    if result.failed is None:
        assert result.ok
        return None
    assert not result.ok
    assert result.steps[-1] is result.failed
    assert result.payload is None
    assert not result.facets
    assert result.failed.error is not None
    return result.failed.name


def changed(raw: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(raw), **changes}).encode()


def test_sound_evidence_passes_every_step(small_log: Any, evidence: bytes, witnesses: list[str]) -> None:
    result = verify_evidence(evidence, small_log.vkey, witnesses)
    assert result.ok
    assert tuple(step.name for step in result.steps) == STEPS
    assert result.payload is not None
    assert result.payload.identity == "3/5"
    assert set(result.facets) == {"subject", "statement", "measurement", "inputs"}
    assert result.checkpoint == Checkpoint("plant.example/log", 22, small_log.tiles.root())
    by_name = {step.name: step.facts for step in result.steps}
    assert by_name["disclosures"] == {"shown": 4, "withheld": 1}
    assert by_name["inclusion"] == {"index": 7, "size": 22}
    for language in LANGUAGES:
        assert all("{" not in step.text(language) for step in result.steps)


def test_every_record_of_the_log_has_evidence(small_log: Any) -> None:
    for index in range(22):
        assert failed_step(small_log.evidence(index), small_log.vkey) is None
        assert failed_step(small_log.evidence(index, []), small_log.vkey) is None


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_flipped_bit_anywhere_in_evidence_is_found_and_named(
    small_log: Any, evidence: bytes, witnesses: list[str], data: st.DataObject
) -> None:
    altered = bytearray(evidence)
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert failed_step(bytes(altered), small_log.vkey, witnesses) in STEPS


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_replaced_stretch_of_evidence_is_found(
    small_log: Any, evidence: bytes, witnesses: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(evidence) - 1))
    stop = data.draw(st.integers(start, min(len(evidence), start + 40)))
    altered = evidence[:start] + data.draw(st.binary(max_size=40)) + evidence[stop:]
    try:
        same = json.loads(altered) == json.loads(evidence)
    except ValueError:
        same = False
    assert (failed_step(altered, small_log.vkey, witnesses) is None) == same


@given(st.binary(max_size=300), st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_never_raises(small_log: Any, raw: bytes, key: str) -> None:
    assert failed_step(raw, key) == "keys_given"
    assert failed_step(raw, small_log.vkey) == "form"
    assert failed_step(raw, small_log.vkey, [key]) == "keys_given"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_never_raises_on_well_formed_nonsense(small_log: Any, evidence: bytes, data: st.DataObject) -> None:
    """Any member of the file, at any depth, replaced by any JSON value."""
    content = json.loads(evidence)
    node: Any = content
    while True:
        keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        before = node[key]
        node[key] = data.draw(json_values | st.just("") | st.just(0))
        break
    # Withholding all disclosures is the one change that anybody may make.
    if node[key] != before and (key, node[key]) != ("disclosures", {}):
        assert failed_step(json.dumps(content).encode(), small_log.vkey) in STEPS


def test_each_step_is_named(kit: Any, small_log: Any, evidence: bytes, witnesses: list[str]) -> None:
    content = json.loads(evidence)
    record, chain = content["record"], content["key_chain"]
    other = json.loads(small_log.evidence(8))["record"]
    by_a_stranger = sign_checkpoint(Checkpoint(kit.origin, 22, small_log.tiles.root()), kit.key("stranger"))
    third = witness_key("w3.example", kit.key("w3")).vkey
    cases: list[tuple[str, bytes, str, list[str]]] = [
        ("keys_given", evidence, small_log.vkey[:-1], []),
        ("keys_given", evidence, small_log.vkey, [small_log.vkey]),
        ("keys_given", evidence, small_log.vkey, [witnesses[0], witnesses[0]]),
        ("keys_given", evidence, small_log.vkey, [witnesses[0]] * 65),
        ("form", b"[" * 100_000, small_log.vkey, []),
        ("form", b" " * (MAX_EVIDENCE_BYTES + 1), small_log.vkey, []),
        ("form", changed(evidence, form="gaugeblock-evidence/2"), small_log.vkey, []),
        ("form", changed(evidence, more=1), small_log.vkey, []),
        ("form", changed(evidence, key_chain=chain * 40), small_log.vkey, []),
        ("form", evidence.replace(b'"index":7,', b'"index":7,"index":7,'), small_log.vkey, []),
        ("checkpoint", changed(evidence, checkpoint=""), small_log.vkey, []),
        (
            "checkpoint",
            changed(evidence, checkpoint=by_a_stranger.decode()),
            small_log.vkey,
            [],
        ),
        ("witnesses", evidence, small_log.vkey, [third]),
        ("inclusion", changed(evidence, record={**record, "index": 8}), small_log.vkey, []),
        ("inclusion", changed(evidence, record={**record, "index": 22}), small_log.vkey, []),
        ("inclusion", changed(evidence, record={**record, "jws": other["jws"]}), small_log.vkey, []),
        ("inclusion", changed(evidence, record={**record, "proof": record["proof"][:-1]}), small_log.vkey, []),
        ("inclusion", changed(evidence, record={**record, "proof": ["é"]}), small_log.vkey, []),
        ("inclusion", changed(evidence, record={**record, "jws": "é"}), small_log.vkey, []),
        ("inclusion", changed(evidence, key_chain=[{**chain[0], "proof": []}, chain[1]]), small_log.vkey, []),
        ("key_chain", changed(evidence, key_chain=[]), small_log.vkey, []),
        ("key_chain", changed(evidence, key_chain=chain[:1]), small_log.vkey, []),
        ("key_chain", changed(evidence, key_chain=chain[1:]), small_log.vkey, []),
        ("key_chain", changed(evidence, key_chain=chain[::-1]), small_log.vkey, []),
        ("key_chain", changed(evidence, key_chain=[*chain, chain[1]]), small_log.vkey, []),
        ("key_chain", changed(evidence, key_chain=[*chain, other]), small_log.vkey, []),
        ("key_chain", changed(evidence, key_chain=[{**chain[0], "disclosures": {}}, chain[1]]), small_log.vkey, []),
        (
            "disclosures",
            changed(evidence, record={**record, "disclosures": {"subject": other["disclosures"]["subject"]}}),
            small_log.vkey,
            [],
        ),
    ]  # fmt: skip
    for step, raw, key, asked in cases:
        assert failed_step(raw, key, asked) == step, (step, raw[:80])


class Rogue:
    """A log whose owner does not keep the rules of admission."""

    def __init__(self, kit: Any) -> None:
        self.kit = kit
        self.log = kit.log()

    def force(self, draft: Any, key: Any, flip_signature: bool = False) -> int:
        record = sign_record(draft, key, self.kit.salt("rogue"))
        if flip_signature:
            head, _, signature = record.jws.rpartition(b".")
            flipped = bytes([base64s.decode_url(signature)[0] ^ 1]) + base64s.decode_url(signature)[1:]
            record = type(record)(head + b"." + base64s.encode_url(flipped), record.disclosures)
        self.log.records.append(record)
        for tile, data in self.log.tiles.append([leaf_hash(record.jws)]):
            self.log.files[tile.level, tile.index] = data
        return len(self.log.records) - 1


def test_a_log_that_admits_what_it_should_not_is_found_out(kit: Any) -> None:
    station = kit.key("station")
    rogue = Rogue(kit)
    flipped = rogue.force(kit.draft(1), station, flip_signature=True)
    misshaped = rogue.force(kit.draft(2, facets={"subject": {"station": 5}, "statement": {"verdict": "OK"}}), station)
    unknown_type = rogue.force(kit.draft(3, record_type="inspection.guess"), station)
    foreign = rogue.force(kit.draft(4, log="other.example/log"), station)
    wrong_author = rogue.force(kit.draft(5, author="station:L1-ST20"), station)
    hollow = rogue.force(kit.draft(6, facets={"subject": {"station": "S"}}), station)
    presumptuous = rogue.force(
        kit.draft(
            7,
            record_type="inspection.release",
            version=1,
            facets={"subject": {"module_sha256": "ab" * 32}, "statement": {"action": "release"}},
        ),
        station,
    )
    for index, step in (
        (flipped, "signature"),
        (misshaped, "facets"),
        (unknown_type, "facets"),
        (foreign, "signature"),
        (wrong_author, "key_chain"),
        (hollow, "facets"),
        (presumptuous, "facets"),
    ):
        assert failed_step(rogue.log.evidence(index), rogue.log.vkey) == step


def test_a_record_signed_after_revocation_is_found_out(kit: Any) -> None:
    rogue = Rogue(kit)
    before = rogue.log.sign_and_append(kit.draft(1), kit.key("station"))
    end = rogue.log.revoke(SERVER, rogue.log.server, kit.station, kit.key("station"))
    after = rogue.force(kit.draft(2), kit.key("station"))
    result = verify_evidence(rogue.log.evidence(before), rogue.log.vkey)
    assert result.ok
    told = next(step for step in result.steps if step.name == "key_chain")
    assert told.facts["ended_at"] == end
    for language in LANGUAGES:
        assert str(end) in told.text(language)
    assert failed_step(rogue.log.evidence(after), rogue.log.vkey) == "key_chain"
    # Evidence whose maker left the revocation out passes: only the log can show that there is none.
    content = json.loads(rogue.log.evidence(after))
    content["key_chain"] = [r for r in content["key_chain"] if r["index"] != end]
    assert failed_step(json.dumps(content).encode(), rogue.log.vkey) is None


def test_evidence_follows_rotations(kit: Any) -> None:
    log = kit.log()
    log.rotate(SERVER, log.server, kit.key("server 2"))
    log.rotate(kit.station, kit.key("station"), kit.key("station 2"))
    index = log.sign_and_append(kit.draft(1), kit.key("station 2"))
    log.bind("person:li.wei", kit.key("li.wei"))
    for at in range(index + 2):
        assert failed_step(log.evidence(at), log.vkey) is None
    assert [r["index"] for r in json.loads(log.evidence(index))["key_chain"]] == [0, 1, 2, 3]


def test_making_evidence_refuses_by_name(kit: Any, small_log: Any) -> None:
    with pytest.raises(FacetUnknownError) as caught:
        small_log.evidence(7, ["opinion"])
    assert caught.value.facts["known"] == "subject, statement, measurement, process, inputs"
    with pytest.raises(TreeRangeError):
        make_evidence(
            7, small_log.records.__getitem__, small_log.directory, small_log.reader(), 7, small_log.checkpoint()
        )
    log = kit.log()
    key = kit.key("station")
    for number in range(70):
        log.rotate(kit.station, key, key := kit.key(f"generation {number}"))
    index = log.sign_and_append(kit.draft(1), key)
    with pytest.raises(CountLimitError):
        log.evidence(index)


def test_a_bad_key_is_said_to_be_whose_it_is(small_log: Any, evidence: bytes, witnesses: list[str]) -> None:
    of_log = verify_evidence(evidence, witnesses[0]).failed
    assert of_log is not None
    assert isinstance(of_log.error, VkeyFormError)
    assert "gaugeblock log key" in of_log.error.remedy("zh")
    for bad, words in ((small_log.vkey, "这是日志的公钥"), (witnesses[1][:-2] + "A=", ""), (witnesses[0], "给了两次")):
        of_witness = verify_evidence(evidence, small_log.vkey, [witnesses[0], bad]).failed
        assert of_witness is not None
        assert isinstance(of_witness.error, WitnessKeyError)
        assert of_witness.error.facts["position"] == 2
        assert words in of_witness.text("zh")
        assert "log key" not in of_witness.error.remedy("en")


def test_a_key_of_another_log_is_sent_to_the_command_that_prints_it(kit: Any, evidence: bytes) -> None:
    stranger = NoteKey(kit.origin, kit.key("stranger").public).vkey
    failed = verify_evidence(evidence, stranger).failed
    assert failed is not None
    assert failed.error is not None
    assert "gaugeblock log key" in failed.error.remedy("zh")


def test_round_trip_and_size(small_log: Any, evidence: bytes) -> None:
    assert Evidence.from_bytes(evidence).to_bytes() == evidence
    with pytest.raises(EvidenceFormError):
        Evidence.from_bytes(b"{}")
    huge = Evidence.from_bytes(evidence)
    with pytest.raises(SizeLimitError):
        Evidence(huge.form, huge.record, huge.key_chain, "x" * MAX_EVIDENCE_BYTES).to_bytes()
