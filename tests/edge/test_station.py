"""The loop over its twins: whatever order faults come in, its laws hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.edge.corrections import CORRECTIONS_MAX
from gaugeblock.edge.errors import PlcFailedError
from gaugeblock.edge.guards import GUARDS
from gaugeblock.edge.hand_over import HandOver, HandOverSettings
from gaugeblock.edge.memory import (
    MemoryCamera,
    MemoryClock,
    MemoryDuties,
    MemoryInference,
    MemoryPlc,
    MemoryReport,
    MemorySpool,
    MemoryUplink,
)
from gaugeblock.edge.ports import Duty, Entry, Outcome
from gaugeblock.edge.statements import Identity
from gaugeblock.edge.station import MISSED_RECORDS_MAX, Station, StationSettings
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import open_facets, verify_signature
from gaugeblock.plant.errors import GaugeblockError, UnexpectedError
from gaugeblock.plant.limits import IMAGE_BYTES_MAX
from gaugeblock.plant.record_types import Verdict, read_facet
from gaugeblock.plant.station import Frame, Trigger

KEY = SigningKey.from_seed(bytes(32))


class SlowSpool(MemorySpool):
    """A spool whose next writes take ``slow_ms``."""

    def __init__(self, clock: MemoryClock) -> None:
        super().__init__()
        self.clock = clock
        self.slow_ms = 0.0

    def put(self, entries: Sequence[Entry], gate: bytes | None = None) -> list[int]:
        self.clock.advance_ms(self.slow_ms)
        return super().put(entries, gate)


@dataclass
class Bench:
    """A station with its twins; ``restart()`` plays a killed process."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    defective: set[int] = field(default_factory=set)
    counted: int = 0

    def __post_init__(self) -> None:
        self.plc = MemoryPlc(self.clock, self.counted)
        self.camera = MemoryCamera(self.clock)
        self.inference = MemoryInference(
            self.clock, lambda frame: 1.5 if int(frame.split()[1]) in self.defective else 0.5
        )
        self.duties = MemoryDuties(self.inference)
        self.spool = SlowSpool(self.clock)
        self.uplink = MemoryUplink()
        self.report = MemoryReport()
        self.restart()

    def restart(self) -> None:
        self.restart_waiting(0.0)

    def restart_waiting(self, plc_timeout_s: float) -> None:
        self.spool.restart()
        self.plc.queue.clear()  # what was sent to the dead process is lost
        self.station = Station(
            Identity("ST10", "plant.example/log"),
            KEY,
            StationSettings(),
            self.plc,
            self.camera,
            self.duties,
            self.spool,
            self.clock,
            self.report,
            random.Random(0).randbytes,
        )
        self.hand_over = HandOver(self.spool, self.uplink, self.report, random.Random(1), HandOverSettings(batch=3))
        self.station.start(plc_timeout_s)

    def run(self) -> None:
        while self.plc.queue:
            self.station.step()

    def facets(self, jws: bytes, disclosures: dict[str, str]) -> dict[str, object]:
        payload = verify_signature(jws, KEY.public)
        opened = open_facets(payload, disclosures)
        return {name: read_facet(payload.record_type, payload.version, name, value) for name, value in opened.items()}


FAULTS = (
    "none",
    "defective",
    "camera",
    "frozen",
    "child_hangs",
    "child_crashes",
    "child_restarting",
    "spool_full",
    "slow_disk",
    "not_amended",
    "plc_lost",
    "not_delivered",
    "restart",
    "killed_with_trigger",
    "uplink_lost",
    "uplink_down",
    "refused",
    "repeat",
)


def play(bench: Bench, fault: str) -> None:
    plc, spool, inference = bench.plc, bench.spool, bench.inference
    match fault:
        case "restart":
            return bench.restart()
        case "not_delivered":
            plc.trigger(delivered=False)
            return None
        case "killed_with_trigger":
            plc.trigger()
            return bench.restart()
        case "uplink_lost" | "uplink_down":
            bench.uplink.faults.append("lost" if fault == "uplink_lost" else UnexpectedError(detail="down"))
            bench.hand_over.step()
            return None
        case "refused":
            bench.uplink.refuse = {row.jws for row in spool.rows if row.state == "spooled"}
            bench.hand_over.step()
            bench.uplink.refuse = set()
            return None
    number = plc.trigger()
    match fault:
        case "defective":
            bench.defective.add(number)
        case "camera":
            bench.camera.faults.add(number)
        case "frozen":
            bench.defective.add(number)  # the frame of the part before would hide this one
            bench.camera.frozen.add(number)
        case "child_hangs":
            inference.outcomes.append(Outcome(Verdict.UNDECIDED, "edge.deadline"))
        case "child_crashes":
            inference.outcomes.append(Outcome(Verdict.UNDECIDED, "edge.inference_crashed"))
        case "child_restarting":
            inference.ready = False
        case "spool_full":
            spool.full = True
        case "slow_disk":
            spool.slow_ms = 1000.0
        case "not_amended":
            spool.slow_ms, spool.amend_faults = 1000.0, 3
        case "plc_lost":
            plc.lost = True
        case "repeat":
            plc.queue.append(plc.queue[-1])
    bench.run()
    inference.ready, spool.full, spool.slow_ms, plc.lost = True, False, 0.0, False
    inference.outcomes.clear()
    return None


@settings(max_examples=300, deadline=None)
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=30))
def test_the_laws_hold_in_any_order_of_faults(faults: list[str]) -> None:
    bench = Bench()
    for fault in faults:
        play(bench, fault)
    for _ in range(2 * faults.count("not_amended") + 1):
        play(bench, "none")
    rows = bench.spool.rows

    answers = Counter(number for number, _ in bench.plc.answers)
    assert all(count == 1 for count in answers.values()), "each trigger at most one answer"

    verdicts = [row for row in rows if row.entry.verdict is not None]
    numbers = [row.entry.trigger for row in verdicts]
    assert numbers == list(range(1, bench.plc.number + 1)), "one record for each trigger, in order, no gap"
    by_number = {row.entry.trigger: row for row in verdicts}
    for number, verdict in bench.plc.answers:
        assert by_number[number].entry.verdict is verdict

    assert not bench.plc.passed & bench.defective, "nothing defective passes"
    for number in bench.plc.passed:
        facets = bench.facets(by_number[number].jws, dict(by_number[number].disclosures))
        assert facets["process"].guards_passed == tuple(name for name, _ in GUARDS)  # type: ignore[attr-defined]
        assert facets["process"].latency_ms <= facets["process"].deadline_ms  # type: ignore[attr-defined]
    for number, verdict in bench.plc.answers:
        if number in bench.plc.refused:
            assert verdict is Verdict.UNDECIDED, "late, only UNDECIDED is said"

    epochs: dict[int, list[int]] = {}
    for row in rows:
        epoch, sequence = map(int, row.identity.split("/"))
        epochs.setdefault(epoch, []).append(sequence)
    assert all(sequences == list(range(len(sequences))) for sequences in epochs.values()), "no sequence missing"

    bench.uplink.faults.clear()
    bench.spool.requeue_refused()
    for _ in range(len(rows) + 2):
        bench.hand_over.step()
    assert sorted(bench.uplink.log) == sorted(row.jws for row in bench.spool.rows), "each arrives exactly once"
    assert all(row.state == "handed_over" for row in bench.spool.rows)
    named = {sha for row in bench.spool.rows for sha in row.entry.blobs}
    assert named <= bench.uplink.images, "images are there before their record counts as handed over"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("camera", "edge.camera_failed"),
        ("frozen", "edge.guard_frame_fresh"),
        ("child_hangs", "edge.deadline"),
        ("child_crashes", "edge.inference_crashed"),
        ("child_restarting", "edge.inference_restarting"),
        ("slow_disk", "edge.deadline"),
        ("killed_with_trigger", "edge.station_down"),
    ],
)
def test_each_fault_is_recorded_with_its_reason(fault: str, reason: str) -> None:
    bench = Bench()
    play(bench, "none")
    play(bench, fault)
    last = bench.spool.rows[-1].entry
    assert (last.verdict, last.reason) == (Verdict.UNDECIDED, reason)
    assert bench.plc.passed == {1}


def test_the_verdict_is_said_only_after_the_record_is_kept() -> None:
    bench = Bench()
    order: list[str] = []
    put, answer = bench.spool.put, bench.plc.answer
    bench.spool.put = lambda entries, gate=None: [order.append("put"), put(entries, gate)][1]  # type: ignore[method-assign,func-returns-value]
    bench.plc.answer = lambda n, v: [order.append("answer"), answer(n, v)][1]  # type: ignore[method-assign,func-returns-value]
    play(bench, "none")
    assert order == ["put", "answer"]


def test_a_full_disk_silences_the_station_and_it_recovers() -> None:
    bench = Bench()
    play(bench, "spool_full")
    assert bench.plc.answers == []
    assert "unrecorded" in bench.report.names()
    assert bench.station.fault is not None
    play(bench, "none")
    assert bench.plc.passed == {2}
    assert [row.entry.reason for row in bench.spool.rows] == [None, "edge.trigger_missed", None]
    assert bench.station.fault is None


def test_a_bounded_spool_answers_undecided_without_keeping_the_image() -> None:
    bench = Bench()
    bench.spool._limit = 0
    play(bench, "none")
    assert bench.plc.answers == [(1, Verdict.UNDECIDED)]
    assert bench.spool.rows[-1].entry.reason == "plant.limit"
    assert not bench.spool.images


def test_what_was_missed_is_counted_whole_and_recorded_within_the_bound() -> None:
    bench = Bench()
    play(bench, "none")
    bench.plc.number += MISSED_RECORDS_MAX + 5
    before = len(bench.spool.rows)
    bench.restart()
    rows = bench.spool.rows[before:]
    facets = bench.facets(rows[0].jws, dict(rows[0].disclosures))
    assert facets["statement"].missed_triggers == MISSED_RECORDS_MAX + 5  # type: ignore[attr-defined]
    assert len(rows) == 1 + MISSED_RECORDS_MAX
    assert rows[-1].entry.trigger == bench.plc.number


def test_a_new_station_has_missed_nothing() -> None:
    bench = Bench(counted=500)
    play(bench, "none")
    assert [row.entry.trigger for row in bench.spool.rows] == [500, 501]
    assert bench.plc.passed == {501}


def test_a_plc_that_counts_anew_is_followed() -> None:
    bench = Bench()
    for _ in range(10):
        play(bench, "none")
    bench.plc.number = 0
    for _ in range(6):
        play(bench, "none")
    assert "plc_counter_restarted" in bench.report.names()
    assert [row.entry.trigger for row in bench.spool.rows[-6:]] == [1, 2, 3, 4, 5, 6]
    assert [number for number, _ in bench.plc.answers[10:]] == [4, 5, 6]


def test_without_a_released_digest_nothing_is_ok() -> None:
    bench = Bench()
    bench.duties.duty = Duty(bench.inference, None)
    play(bench, "none")
    assert bench.spool.rows[-1].entry.reason == "edge.guard_module_released"


def test_the_record_says_how_it_was_made() -> None:
    bench = Bench()
    play(bench, "none")
    play(bench, "defective")
    row = bench.spool.rows[-1]
    facets = bench.facets(row.jws, dict(row.disclosures))
    assert facets["statement"].verdict is Verdict.NOK  # type: ignore[attr-defined]
    assert facets["measurement"].score == 1.5  # type: ignore[attr-defined]
    process = facets["process"]
    assert (process.boot_epoch, process.sequence, process.trigger) == (1, 2, 2)  # type: ignore[attr-defined]
    assert process.stage_ms["previous_answer"] == pytest.approx(20.0)  # type: ignore[attr-defined]
    inputs = facets["inputs"]
    assert {inputs.image_sha256, inputs.heatmap_sha256} == set(row.entry.blobs)  # type: ignore[attr-defined]
    assert row.identity == "1/2"


def test_a_record_that_could_not_be_corrected_stays_until_it_is() -> None:
    bench = Bench()
    play(bench, "not_amended")
    play(bench, "none")
    bench.hand_over.step()
    sent = len(bench.uplink.log)
    assert sent == 1, "station.started only: the record still says OK"
    assert bench.plc.answers == [(2, Verdict.OK)], "nothing was said about the first"
    assert bench.station.step() is None
    bench.hand_over.step()
    assert len(bench.uplink.log) == sent + 2
    assert [(row.entry.verdict, row.entry.reason) for row in bench.spool.rows[1:]] == [
        (Verdict.UNDECIDED, "edge.deadline"),
        (Verdict.OK, None),
    ]
    assert [name for name in bench.report.names() if "amended" in name] == ["not_amended", "amended"]


def test_corrections_that_wait_are_bounded() -> None:
    bench = Bench()
    bench.spool.amend = _refuse_to_amend  # type: ignore[method-assign]
    bench.spool.slow_ms = 1000.0
    for _ in range(CORRECTIONS_MAX + 3):
        bench.plc.trigger()
        bench.station.step()
    assert bench.plc.answers == []
    assert len(bench.spool.rows) == 1 + CORRECTIONS_MAX
    assert isinstance(bench.station.fault, GaugeblockError)


def _refuse_to_amend(position: int, entry: Entry) -> None:
    raise UnexpectedError(detail="disk")


class _Raises:
    """An adapter with a fault in itself."""

    def __call__(self, *arguments: object) -> None:
        raise KeyError("no such key: \udcc1")


def test_an_adapter_that_fails_without_a_name_ends_no_station(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    with monkeypatch.context() as patch:
        patch.setattr(bench.camera, "grab", _Raises())
        play(bench, "none")
    assert bench.spool.rows[-1].entry.reason == "edge.camera_failed"
    with monkeypatch.context() as patch:
        patch.setattr(bench.plc, "answer", _Raises())
        play(bench, "none")
    assert bench.report.names()[-2:] == ["unanswered", "handled"]
    with monkeypatch.context() as patch:
        patch.setattr(bench.plc, "wait_trigger", _Raises())
        with pytest.raises(PlcFailedError) as caught:
            bench.station.step()
    assert str(caught.value.facts["detail"]).encode(), "can be written anywhere"
    with monkeypatch.context() as patch:
        patch.setattr(bench.plc, "last_trigger", _Raises())
        bench.restart()
    play(bench, "none")
    assert bench.plc.answers[-1] == (3, Verdict.UNDECIDED), "the first after a gap is only a reference"


class _DeafPlc(MemoryPlc):
    """Not there for a while."""

    def wait_trigger(self, timeout_s: float) -> Trigger | None:
        self.clock.advance_ms(timeout_s * 1000)
        if self.clock.monotonic_ns() < 2e9:
            raise UnexpectedError(detail="no route")
        return super().wait_trigger(timeout_s)

    def last_trigger(self) -> int | None:
        return self.number if self.clock.monotonic_ns() >= 2e9 else None


def test_a_plc_that_is_not_there_at_the_start_is_said_once() -> None:
    bench = Bench()
    bench.plc = _DeafPlc(bench.clock)
    bench.report.events.clear()
    bench.restart_waiting(5.0)
    assert bench.report.names() == ["plc_lost", "started"]


def test_a_frame_larger_than_the_plant_takes_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    monkeypatch.setattr(bench.camera, "grab", lambda *_: Frame(bytes(IMAGE_BYTES_MAX + 1), "2026-01-01T00:00:00Z"))
    play(bench, "none")
    assert bench.spool.rows[-1].entry.reason == "edge.frame_too_large"
    monkeypatch.setattr(
        bench.camera, "grab", lambda *_: Frame(b"1 2" + bytes(IMAGE_BYTES_MAX - 3), "2026-01-01T00:00:00Z")
    )
    bench.inference.outcomes.append(Outcome(Verdict.UNDECIDED, "vision.image_corrupt"))
    play(bench, "none")
    assert max(map(len, bench.spool.images.values())) == IMAGE_BYTES_MAX
