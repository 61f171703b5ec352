from __future__ import annotations

from typing import Any

import pytest

from gaugeblock.ledger.admission import admit, admit_examined, examine
from gaugeblock.ledger.errors import (
    AuthorMismatchError,
    DisclosureError,
    ForeignLogError,
    MissingDisclosureError,
    MissingFacetError,
    RecordFormError,
    RevokedKeyError,
    SignatureError,
    SizeLimitError,
    UnknownKeyError,
)
from gaugeblock.ledger.merkle import leaf_hash
from gaugeblock.ledger.record import sign_record
from gaugeblock.plant.record_types import (
    FacetShapeError,
    InspectionStatement,
    InspectionSubject,
    UnknownRecordTypeError,
    Verdict,
)


@pytest.fixture
def submit(kit: Any, small_log: Any) -> Any:
    def submitted(key: str = "station", **changes: Any) -> Any:
        record = sign_record(kit.draft(99, **changes), kit.key(key), kit.salt("s"))
        return admit(record.jws, record.disclosures, small_log.directory, kit.origin)

    return submitted


def test_admitted_records_come_with_their_structs(kit: Any, small_log: Any) -> None:
    record = sign_record(kit.draft(99), kit.key("station"), kit.salt("s"))
    admitted = admit(record.jws, record.disclosures, small_log.directory, kit.origin)
    assert admitted.facets == kit.draft(99).facets
    assert admitted.leaf_hash == leaf_hash(record.jws)
    assert admitted.payload.identity == "3/99"


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        (ForeignLogError, {"log": "other.example/log"}),
        (UnknownRecordTypeError, {"record_type": "inspection.guess"}),
        (UnknownRecordTypeError, {"version": 3}),
        (AuthorMismatchError, {"author": "station:L1-ST20"}),
        (UnknownKeyError, {"key": "nobody"}),
        (MissingFacetError, {"facets": {"subject": InspectionSubject(station="ST10")}}),
        (MissingFacetError, {"facets": {"statement": InspectionStatement(Verdict.OK)}}),
        (FacetShapeError, {"facets": {"subject": {"station": 5}, "statement": {"verdict": "OK"}}}),
        (FacetShapeError, {"facets": {"subject": {"station": "S"}, "statement": {"verdict": "MAYBE"}}}),
        (FacetShapeError, {"facets": {"subject": {"station": "S", "extra": 1}, "statement": {"verdict": "OK"}}}),
        (FacetShapeError, {"facets": {"subject": {"station": "S"}, "statement": {"verdict": "OK"}, "opinion": {}}}),
    ],
)
def test_refusals_are_named(submit: Any, error: type[Exception], changes: dict[str, Any]) -> None:
    with pytest.raises(error):
        submit(**changes)


def test_disclosures_must_be_whole(kit: Any, small_log: Any) -> None:
    record = sign_record(kit.draft(99), kit.key("station"), kit.salt("s"))
    partial = {name: text for name, text in record.disclosures.items() if name != "process"}
    with pytest.raises(MissingDisclosureError) as caught:
        admit(record.jws, partial, small_log.directory, kit.origin)
    assert caught.value.facts == {"missing": 1}
    with pytest.raises(DisclosureError):
        admit(record.jws, {**partial, "process": "AAAA"}, small_log.directory, kit.origin)
    with pytest.raises(DisclosureError):
        admit(record.jws, {**record.disclosures, "more": "AAAA"}, small_log.directory, kit.origin)


def test_altered_bytes(kit: Any, small_log: Any) -> None:
    record = sign_record(kit.draft(99), kit.key("station"), kit.salt("s"))
    head, _, signature = record.jws.rpartition(b".")
    forged = head + b"." + (b"B" if signature[:1] == b"A" else b"A") + signature[1:]
    with pytest.raises(SignatureError):
        admit(forged, record.disclosures, small_log.directory, kit.origin)
    with pytest.raises(RecordFormError):
        admit(b"nonsense", {}, small_log.directory, kit.origin)
    with pytest.raises(SizeLimitError):
        admit(b"A" * 70_000, {}, small_log.directory, kit.origin)


def test_examining_early_does_not_weaken_admission(kit: Any) -> None:
    """A batch is examined against the log as it stood, then admitted record by record."""
    log = kit.log()
    new = kit.key("late station")
    early = sign_record(kit.draft(1, author="station:late"), new, kit.salt("e"))
    forged_head, _, signature = early.jws.rpartition(b".")
    forged = forged_head + b"." + (b"B" if signature[:1] == b"A" else b"A") + signature[1:]
    doomed = sign_record(kit.draft(2), kit.key("station"), kit.salt("d"))
    snapshot = log.directory.copy()
    examined = [
        examine(jws, record.disclosures, snapshot, kit.origin)
        for jws, record in ((early.jws, early), (forged, early), (doomed.jws, doomed))
    ]
    assert [e.verified_kid for e in examined] == ["", "", kit.key("station").public.thumbprint]
    with pytest.raises(UnknownKeyError):
        admit_examined(examined[0], log.directory)
    log.bind("station:late", new)
    assert admit_examined(examined[0], log.directory).payload.author == "station:late"
    with pytest.raises(SignatureError):
        admit_examined(examined[1], log.directory)
    log.revoke("server:plant", log.server, kit.station, kit.key("station"))
    with pytest.raises(RevokedKeyError):
        admit_examined(examined[2], log.directory)
