"""``/metrics`` in the Prometheus text format; sums are read from the ports when asked, latencies as they pass."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gaugeblock.inspection.read_model import VerdictRow
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict
from gaugeblock.web.ports import Services

LATENCY_BUCKETS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
CONDITIONS = ("running", "starting", "restarting", "stopped")


class Metrics(Collector):
    """One registry for one application; nothing global, so that tests and processes do not share figures."""

    # Litestar adds the charset to every text type by itself.
    content_type = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._registry = CollectorRegistry(auto_describe=False)
        self._latency = Histogram(
            "gaugeblock_verdict_latency_seconds",
            "Trigger to verdict as the stations state it.",
            ["station"],
            buckets=LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        self._late = 0
        self._checkpoint = b""
        self._checkpoint_seen_ns: int | None = None
        self._registry.register(self)

    def saw_verdict(self, row: VerdictRow) -> None:
        """Counts a verdict's latency."""
        self._latency.labels(row.station).observe(row.latency_ms / 1000)

    def saw_checkpoint(self, note: bytes, now_ns: int) -> None:
        """Remembers when the checkpoint last changed."""
        if note != self._checkpoint or self._checkpoint_seen_ns is None:
            self._checkpoint, self._checkpoint_seen_ns = note, now_ns

    def checkpoint_age_s(self) -> float | None:
        """Seconds since this process saw a new checkpoint."""
        if self._checkpoint_seen_ns is None:
            return None
        return (self._services.clock.monotonic_ns() - self._checkpoint_seen_ns) / 1e9

    def collect(self) -> Iterable[Metric]:
        """Called by the registry at every scrape."""
        services = self._services
        overview = services.inspections.overview()
        yield GaugeMetricFamily("gaugeblock_log_size", "Records in the log.", value=services.log.size)
        age_s = self.checkpoint_age_s()
        if age_s is not None:
            yield GaugeMetricFamily(
                "gaugeblock_checkpoint_age_seconds", "Since the last new checkpoint was seen.", value=age_s
            )
        yield GaugeMetricFamily(
            "gaugeblock_queue_depth", "Submissions waiting for the log's writer.", value=services.submitter.queued()
        )
        verdicts = CounterMetricFamily("gaugeblock_verdicts", "Verdicts in the log by result.", labels=["verdict"])
        for verdict in Verdict:
            verdicts.add_metric([verdict.value], overview.counts.get(verdict, 0))
        yield verdicts
        # Gauges, for they are of a window and may fall; all three share its size.
        window = {
            "verdicts": ("Verdicts that the window holds.", overview.window),
            "late": ("Verdicts of the window after their deadline.", overview.late),
            "escapes": ("Defective units passed, in the window.", overview.escape.hits),
            "overkills": ("Good units rejected, in the window.", overview.overkill.hits),
        }
        for name, (meaning, value) in window.items():
            yield GaugeMetricFamily(f"gaugeblock_window_{name}", meaning, value=value)
        yield from self._stations()

    def _stations(self) -> Iterable[Metric]:
        condition = GaugeMetricFamily(
            "gaugeblock_station_condition", "1 for the condition a station is in.", labels=["station", "condition"]
        )
        restarts = CounterMetricFamily("gaugeblock_station_restarts", "Restarts by the supervisor.", labels=["station"])
        backlog = GaugeMetricFamily("gaugeblock_spool_backlog", "Records not yet handed over.", labels=["station"])
        try:
            states = self._services.stations.stations()
        except GaugeblockError:
            return  # the other figures are good; these are absent, as of a target that is down
        for state in states:
            for name in CONDITIONS:
                condition.add_metric([state.station, name], float(state.condition == name))
            restarts.add_metric([state.station], state.restarts)
            if state.spool_backlog is not None:
                backlog.add_metric([state.station], state.spool_backlog)
        yield from (condition, restarts, backlog)

    def text(self) -> bytes:
        """The exposition; blocks while the ports are read."""
        return generate_latest(self._registry)
