"""Record types: closed facets, read back as written."""

from __future__ import annotations

import msgspec
import pytest

from gaugeblock.plant.record_types import (
    FACETS,
    RECORD_TYPES,
    FacetShapeError,
    InspectionStatement,
    UnknownRecordTypeError,
    Verdict,
    read_facet,
)


def test_every_type_uses_known_facets_and_has_subject_and_statement() -> None:
    for key, facets in RECORD_TYPES.items():
        assert set(facets) <= set(FACETS), key
        assert {"subject", "statement"} <= set(facets), key


def test_a_facet_reads_back_as_written() -> None:
    facet = InspectionStatement(verdict=Verdict.UNDECIDED, reason="edge.deadline")
    raw = msgspec.json.decode(msgspec.json.encode(facet))
    assert read_facet("inspection.verdict", 1, "statement", raw) == facet


@pytest.mark.parametrize("value", [{}, {"verdict": "PASS"}, {"verdict": "OK", "extra": 1}, [], None, 3])
def test_a_wrong_facet_is_named(value: object) -> None:
    with pytest.raises(FacetShapeError) as caught:
        read_facet("inspection.verdict", 1, "statement", value)
    assert "statement" in str(caught.value)


def test_unknown_types_and_facets_are_named() -> None:
    with pytest.raises(UnknownRecordTypeError):
        read_facet("inspection.verdict", 99, "statement", {})
    with pytest.raises(FacetShapeError):
        read_facet("inspection.verdict", 1, "opinion", {})
