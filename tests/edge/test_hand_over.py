"""The hand-over: everything arrives once, in order; refusals stand aside; waiting is bounded."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from gaugeblock.edge.hand_over import HandOver, HandOverSettings
from gaugeblock.edge.memory import DAMAGED, MemoryAnswer, MemoryReport, MemorySpool, MemoryUplink
from gaugeblock.edge.ports import Entry, Submittable
from gaugeblock.plant.errors import GaugeblockError, UnexpectedError


def _spool(count: int, image: bytes = b"") -> MemorySpool:
    spool = MemorySpool()
    blobs = {hashlib.sha256(image).hexdigest(): image} if image else {}
    entries = [Entry(f"1/{n}", b"jws %d" % n, {}, blobs, n) for n in range(1, count + 1)]
    spool.release(spool.put(entries)[-1])
    return spool


def _hand_over(spool: MemorySpool, uplink: MemoryUplink, **bounds: float) -> tuple[HandOver, MemoryReport]:
    report = MemoryReport()
    return HandOver(spool, uplink, report, random.Random(0), HandOverSettings(**bounds)), report  # type: ignore[arg-type]


def test_images_go_first_and_records_in_order() -> None:
    spool, uplink = _spool(5, b"image"), MemoryUplink()
    hand_over, _ = _hand_over(spool, uplink, batch=2)
    for _ in range(3):
        assert hand_over.step() == 0.0
    assert uplink.log == [b"jws %d" % n for n in range(1, 6)]
    assert uplink.images == {hashlib.sha256(b"image").hexdigest()}
    assert [row.index for row in spool.rows] == [0, 1, 2, 3, 4]


def test_a_lost_receipt_leads_to_a_second_delivery_that_changes_nothing() -> None:
    spool, uplink = _spool(2), MemoryUplink()
    hand_over, report = _hand_over(spool, uplink)
    uplink.faults.append("lost")
    assert hand_over.step() > 0
    assert spool.state().backlog == 2
    assert hand_over.step() == 0.0
    assert uplink.log == [b"jws 1", b"jws 2"]
    assert report.names() == ["uplink_failed", "uplink_restored"]


def test_waiting_grows_to_its_bound_and_retry_after_is_kept() -> None:
    spool, uplink = _spool(1), MemoryUplink()
    hand_over, report = _hand_over(spool, uplink, backoff_s_first=1.0, backoff_s_max=4.0)
    uplink.faults.extend(UnexpectedError(detail="down") for _ in range(5))
    waits = [hand_over.step() for _ in range(5)]
    assert all(low <= wait <= 1.5 * low for low, wait in zip([1, 2, 4, 4, 4], waits, strict=True))
    assert report.names() == ["uplink_failed"], "said once"
    uplink.faults.append(UnexpectedError(detail="busy", retry_after_s=17.0))
    assert hand_over.step() == 17.0
    assert hand_over.fault is not None
    hand_over.step()
    assert hand_over.fault is None


def test_a_refused_record_is_set_aside_and_blocks_nothing() -> None:
    spool, uplink = _spool(3), MemoryUplink()
    uplink.refuse = {b"jws 2"}
    hand_over, report = _hand_over(spool, uplink)
    hand_over.step()
    assert uplink.log == [b"jws 1", b"jws 3"]
    assert [row.state for row in spool.rows] == ["handed_over", "refused", "handed_over"]
    assert report.names() == ["record_refused"]


class _PutsOff(MemoryUplink):
    def send(self, records: Sequence[Submittable]) -> list[MemoryAnswer]:
        taken = super().send(records[:1])
        return taken + [MemoryAnswer(None, error_code="stores.queue_full", error_text="full")] * (len(records) - 1)


def test_a_record_put_off_is_sent_again_and_not_set_aside() -> None:
    spool, uplink = _spool(3), _PutsOff()
    hand_over, _ = _hand_over(spool, uplink)
    assert hand_over.step() > 0
    hand_over.step()
    hand_over.step()
    assert [row.state for row in spool.rows] == ["handed_over"] * 3
    assert uplink.log == [b"jws 1", b"jws 2", b"jws 3"]


class _Chokes(MemoryUplink):
    """Refuses any request that holds ``jws 3``, as a server does that cannot read it."""

    def send(self, records: Sequence[Submittable]) -> list[MemoryAnswer]:
        if any(record.jws == b"jws 3" for record in records):
            raise UnexpectedError(detail="unreadable", permanent=1)
        return super().send(records)


def test_a_record_that_makes_the_whole_request_unreadable_is_found_and_set_aside() -> None:
    spool, uplink = _spool(8), _Chokes()
    hand_over, _ = _hand_over(spool, uplink, batch=8)
    for _ in range(20):
        hand_over.step()
    assert uplink.log == [b"jws %d" % n for n in (1, 2, 4, 5, 6, 7, 8)]
    assert [row.state for row in spool.rows].count("refused") == 1


def test_an_image_the_plant_never_takes_does_not_hold_up_its_record() -> None:
    spool, uplink = _spool(1, b"image"), MemoryUplink()
    spool.images = dict.fromkeys(spool.images, b"altered")
    hand_over, report = _hand_over(spool, uplink)
    hand_over.step()
    assert uplink.log == [b"jws 1"]
    assert report.names() == ["image_refused"]
    assert spool.state().refused_images == 1, "kept"
    spool.images = dict.fromkeys(spool.images, b"image")
    assert spool.requeue_refused() == 1
    hand_over.step()
    assert uplink.images == {hashlib.sha256(b"image").hexdigest()}
    assert uplink.log == [b"jws 1"]
    assert spool.state().refused_images == 0


def test_one_damaged_image_does_not_stop_the_others() -> None:
    spool, uplink = _spool(3, b"image"), MemoryUplink()
    spool.images = dict.fromkeys(spool.images, DAMAGED)
    hand_over, report = _hand_over(spool, uplink)
    assert hand_over.step() == 0.0
    assert uplink.log == [b"jws 1", b"jws 2", b"jws 3"]
    assert report.names() == ["image_refused"], "once, though three records name it"
    assert spool.state().refused_images == 1


def test_reports_carry_the_error_and_not_its_words() -> None:
    spool, uplink = _spool(2), MemoryUplink()
    hand_over, report = _hand_over(spool, uplink)
    uplink.faults.append(UnexpectedError(detail="down"))
    hand_over.step()
    uplink.refuse = {b"jws 1"}
    hand_over.step()
    found = {name: facts.get("error") for name, facts in report.events}
    assert isinstance(found["uplink_failed"], UnexpectedError)
    refusal = found["record_refused"]
    assert isinstance(refusal, GaugeblockError)
    assert refusal.facts == {"code": "plant.unexpected", "reason": "refused"}
