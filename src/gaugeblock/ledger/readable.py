"""What a verified record says, line by line in the reader's language: the answer to "verified – but what?"."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec

from gaugeblock.ledger.detail import visible
from gaugeblock.ledger.record import Payload
from gaugeblock.plant.language import Language, say
from gaugeblock.plant.record_types import (
    Facet,
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    facet_set,
    upcast,
)

MAX_VALUE = 200
"""Characters of one value."""
DIGEST_LETTERS = 16
"""Of a digest that a person compares by eye."""

Line = tuple[str, str]


def readable(payload: Payload, facets: Mapping[str, Facet], language: Language) -> list[Line]:
    """Label and value of everything disclosed, and of what every record says openly.

    Parameters
    ----------
    payload, facets
        As :class:`~gaugeblock.ledger.verify.Verification` hands them out: verified. Values are still the
        author's words, so control characters in them are shown, not sent to the terminal.

    Examples
    --------
    >>> from gaugeblock.ledger.record import ClockState
    >>> payload = Payload("inspection.verdict", 1, "station:ST10", "1/1", "plant.example/log",
    ...     "2026-11-22T05:00:01Z", "2026-11-22T05:00:00Z", ClockState("unknown", None), (), "kid")
    >>> readable(payload, {"subject": InspectionSubject(station="ST10", unit="U7")}, "en")[:2]
    [('unit', 'U7'), ('station', 'ST10')]
    """
    inspected = payload.record_type == "inspection.verdict"
    if inspected:
        newest = {name: upcast(payload.record_type, name, facet) for name, facet in facets.items()}
        lines = list(_verdict_lines(newest, language))
    else:
        lines = list(_plain_lines(facets))
    lines += [
        (_word("observed_at", language), _moment(payload.observed_at)),
        (_word("stated_at", language), _moment(payload.stated_at)),
        (_word("author", language), visible(payload.author, MAX_VALUE)),
    ]
    missing = withheld(payload, facets)
    if missing:
        lines.append((_word("withheld", language), ", ".join(missing)))
    count = len(payload.digests) - len(facets)
    if count and count != len(missing):
        lines.append((_word("withheld_count", language), str(count)))
    return lines


def withheld(payload: Payload, facets: Mapping[str, Facet]) -> list[str]:
    """Names of facets that the record may hold and that are not disclosed; none where every digest is.

    The digests do not tell which facet they are of, so where the record holds fewer facets than its type
    allows, only their number is certain.
    """
    if len(payload.digests) <= len(facets):
        return []
    return [name for name in facet_set(payload.record_type, payload.version) if name not in facets]


def _word(key: str, language: Language, **facts: object) -> str:
    return say(f"ledger.shown.{key}", language, **facts)


def _moment(rfc3339: str) -> str:
    return rfc3339.replace("T", " ").removesuffix("Z") + " UTC"


def _verdict_lines(facets: Mapping[str, Facet], language: Language) -> Iterator[Line]:
    statement, subject = facets.get("statement"), facets.get("subject")
    if isinstance(statement, InspectionStatement):
        yield _word("verdict", language), say(f"plant.verdict.{statement.verdict.value}", language)
        if statement.reason is not None:
            yield _word("reason", language), visible(statement.reason, MAX_VALUE)
    if isinstance(subject, InspectionSubject):
        for name in ("unit", "station", "product", "order", "camera"):
            value = getattr(subject, name)
            if value is not None:
                yield _word(name, language), visible(value, MAX_VALUE)
    measurement = facets.get("measurement")
    if isinstance(measurement, InspectionMeasurement) and measurement.score is not None:
        yield _word("score", language), _score(measurement.score, measurement.threshold, language)
    process = facets.get("process")
    if isinstance(process, InspectionProcess):
        yield (
            _word("latency", language),
            _word("latency_ms", language, latency=f"{process.latency_ms:.0f}", deadline=f"{process.deadline_ms:.0f}"),
        )
    inputs = facets.get("inputs")
    if isinstance(inputs, InspectionInputs):
        for name, digest in (("model", inputs.module_sha256), ("image", inputs.image_sha256)):
            if digest is not None:
                yield _word(name, language), f"sha256 {visible(digest[:DIGEST_LETTERS])}…"


def _score(score: float, threshold: float | None, language: Language) -> str:
    if threshold is None:
        return f"{score:.4g}"
    key = "score_within" if score <= threshold else "score_above"
    return _word(key, language, score=f"{score:.4g}", threshold=f"{threshold:.4g}")


def _plain_lines(facets: Mapping[str, Facet]) -> Iterator[Line]:
    for name, facet in facets.items():
        for key, value in msgspec.to_builtins(facet).items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{name}.{key}", visible(text, MAX_VALUE)
