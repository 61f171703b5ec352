"""The overview's arithmetic over verdict rows, the same for every reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from gaugeblock.inspection.read_model import Overview, Rate, StationRow, VerdictRow
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.signals.binomial import clopper_pearson

WINDOW = 5_000
RECENT = 24


def rate(hits: int, of: int) -> Rate:
    """A proportion with its exact 95 % interval."""
    low, high = clopper_pearson(hits, of)
    return Rate(hits=hits, of=of, low=low, high=high)


def percentile(ordered: Sequence[float], fraction: float) -> float | None:
    """The smallest value that at least ``fraction`` of the ascending values do not exceed (nearest rank).

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    return ordered[max(0, ceil(fraction * len(ordered)) - 1)] if ordered else None


def parts_per_minute(newest_first: Sequence[VerdictRow], over: int = 60) -> float:
    """Pace of the last ``over`` verdicts, from their observation times; 0 for fewer than two."""
    some = newest_first[:over]
    if len(some) < 2:
        return 0.0
    span_s = (from_rfc3339(some[0].observed_at) - from_rfc3339(some[-1].observed_at)).total_seconds()
    return 60.0 * (len(some) - 1) / span_s if span_s > 0 else 0.0


def overview(
    log_size: int, counts: Mapping[Verdict, int], newest_first: Sequence[VerdictRow], stations: Sequence[StationRow]
) -> Overview:
    """Sums over the last :data:`WINDOW` verdicts, given newest first, and the counts of all.

    Escape is the share of defective units that were passed; overkill the share of good units that were not.
    Both count only units whose true condition a reference decision states.
    """
    window = newest_first[:WINDOW]
    latencies = sorted(row.latency_ms for row in window)
    return Overview(
        log_size=log_size,
        counts={verdict: counts.get(verdict, 0) for verdict in Verdict},
        window=len(window),
        escape=rate(sum(row.escape is True for row in window), sum(row.condition == "defective" for row in window)),
        overkill=rate(sum(row.overkill is True for row in window), sum(row.condition == "good" for row in window)),
        latency_ms_p50=percentile(latencies, 0.5),
        latency_ms_p99=percentile(latencies, 0.99),
        late=sum(row.latency_ms > row.deadline_ms for row in window),
        parts_per_minute=parts_per_minute(window),
        stations=sorted(stations, key=lambda row: row.station),
        recent=list(window[:RECENT]),
    )
