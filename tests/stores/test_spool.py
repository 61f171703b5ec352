"""The spool: durable, bounded, each record once, in order, purged only when handed over."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaugeblock.edge.memory import MemorySpool
from gaugeblock.edge.ports import Entry
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.errors import BlobCorruptError, IdentityConflictError, StoreDamagedError, StoreFullError
from gaugeblock.stores.spool import SpoolLimits, SqliteSpool


def entry(number: int, image: bytes = b"", jws: bytes | None = None) -> Entry:
    blobs = {hashlib.sha256(image).hexdigest(): image} if image else {}
    return Entry(f"1/{number}", jws or b"jws %d" % number, {"subject": "abc"}, blobs, number, Verdict.OK)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SqliteSpool]:
    spool = SqliteSpool(tmp_path / "spool", SpoolLimits(disk_reserve_bytes=0))
    yield spool
    spool.close()


def test_a_record_and_its_image_come_back_as_they_were(spool: SqliteSpool) -> None:
    position = spool.put([entry(7, b"image")])[0]
    spool.release(position)
    (record,) = spool.pending(10)
    assert (record.identity, record.jws, record.disclosures) == ("1/7", b"jws 7", {"subject": "abc"})
    assert [spool.blob(sha) for sha in record.blobs] == [b"image"]
    assert spool.last_trigger() == 7
    assert spool.recorded(7) is not None
    assert spool.recorded(8) is None


def test_the_last_frame_outlives_a_restart(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path)
    assert spool.last_frame() is None
    first = Entry("1/1", b"a", {}, trigger=1, verdict=Verdict.OK, frame_sha256="11" * 32)
    spool.put([first, Entry("1/2", b"b", {})])
    spool.close()
    spool = SqliteSpool(tmp_path)
    assert spool.last_frame() == "11" * 32
    spool.put([Entry("1/3", b"c", {}, trigger=2, verdict=Verdict.UNDECIDED)])
    assert spool.last_frame() == "", "the last trigger had none"
    spool.close()


def test_the_epoch_counts_every_opening_and_is_never_reused(tmp_path: Path) -> None:
    for expected in (5, 6, 7):
        spool = SqliteSpool(tmp_path, first_epoch=5)
        assert spool.start_epoch() == expected
        spool.close()


def test_what_is_not_released_is_not_handed_over_until_a_restart(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path)
    spool.put([entry(1)])
    assert spool.pending(10) == []
    spool.close()
    spool = SqliteSpool(tmp_path)
    assert [record.identity for record in spool.pending(10)] == ["1/1"]
    spool.close()


def test_put_is_idempotent_and_refuses_other_bytes_under_one_identity(spool: SqliteSpool) -> None:
    assert spool.put([entry(1)]) == spool.put([entry(1)])
    with pytest.raises(IdentityConflictError):
        spool.put([entry(2), entry(1, jws=b"other")])
    assert [record.identity for record in spool.records()] == ["1/1"], "all or none"


def test_amend_replaces_only_what_was_not_released(spool: SqliteSpool) -> None:
    position = spool.put([entry(1)])[0]
    spool.amend(position, Entry("1/1", b"amended", {}, {}, 1, Verdict.UNDECIDED, "edge.deadline"))
    assert [r.jws for r in spool.records()] == [b"amended"]
    with pytest.raises(IdentityConflictError):
        spool.amend(position, Entry("1/2", b"x", {}))
    spool.release(position)
    with pytest.raises(IdentityConflictError):
        spool.amend(position, entry(1))


def test_a_full_spool_is_named_takes_small_records_and_recovers(tmp_path: Path) -> None:
    limits = SpoolLimits(bytes_limit=1 << 20, record_reserve_bytes=1 << 19, disk_reserve_bytes=0, keep_s=0.0)
    spool = SqliteSpool(tmp_path, limits)

    def fill(first: int, *, checked: bool) -> int:
        for number in range(first, first + 1000):
            try:
                if checked:
                    spool.check()
                spool.release(spool.put([entry(number, number.to_bytes(2) * 25_000)])[-1])
            except StoreFullError:
                return number
        raise AssertionError("never full")

    number = fill(1, checked=True)
    spool.release(spool.put([entry(number)])[-1])  # a record without images still fits
    fill(number + 1, checked=False)  # SQLite itself keeps the hard bound
    assert spool.state().bytes_used <= limits.bytes_limit + limits.record_reserve_bytes
    spool.maintain()
    assert spool.state().backlog >= number, "what was not handed over is never purged"
    while waiting := spool.pending(50):
        for sha in {sha for record in waiting for sha in record.blobs}:
            spool.blob_handed_over(sha)
        spool.handed_over([(record.position, record.position) for record in waiting])
    spool.release(10**9)
    spool.maintain()
    spool.check()
    spool.put([entry(1000, b"image")])
    spool.close()


def test_the_disk_reserve_counts_as_full(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path, SpoolLimits(disk_reserve_bytes=1 << 62))
    with pytest.raises(StoreFullError):
        spool.check()
    spool.close()


def test_an_image_is_kept_while_any_record_needs_it(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path, SpoolLimits(disk_reserve_bytes=0, keep_s=0.0))
    first, second = spool.put([entry(1, b"same"), entry(2, b"same")])
    spool.release(second)
    spool.handed_over([(first, 0)])
    spool.maintain()
    sha = hashlib.sha256(b"same").hexdigest()
    assert [record.identity for record in spool.records()] == ["1/2"]
    assert spool.blob(sha) == b"same"
    spool.handed_over([(second, 1)])
    spool.maintain()
    assert spool.blob(sha) is None
    assert spool.last_trigger() == 2, "the counters outlive the records"
    spool.close()


def test_a_refused_record_stands_aside_with_its_error_and_can_be_offered_again(spool: SqliteSpool) -> None:
    positions = spool.put([entry(1), entry(2)])
    spool.release(positions[-1])
    spool.refuse(positions[0], "ledger.revoked_key", "revoked")
    assert [record.identity for record in spool.pending(10)] == ["1/2"]
    assert [(r.identity, r.error_code) for r in spool.refused()] == [("1/1", "ledger.revoked_key")]
    assert spool.requeue_refused() == 1
    assert [record.identity for record in spool.pending(10)] == ["1/1", "1/2"]


def test_a_changed_image_is_found(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path)
    spool.put([entry(1, b"image")])
    other = sqlite3.connect(tmp_path / "spool.sqlite")
    other.execute("UPDATE blobs SET data = ?", (b"imagf",))
    other.commit()
    other.close()
    with pytest.raises(BlobCorruptError) as caught:
        spool.blob(hashlib.sha256(b"image").hexdigest())
    assert caught.value.facts["permanent"] == 1
    spool.close()


def test_a_file_that_is_no_database_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "spool.sqlite").write_bytes(b"not a database, and longer than a header" * 100)
    with pytest.raises(StoreDamagedError):
        SqliteSpool(tmp_path)


WRITER = """
import sys
from pathlib import Path
from gaugeblock.edge.ports import Entry
from gaugeblock.stores.spool import SpoolLimits, SqliteSpool
spool = SqliteSpool(Path(sys.argv[1]), SpoolLimits(disk_reserve_bytes=0))
epoch = spool.start_epoch()
for number in range(1, 100000):
    spool.put([Entry(f"{epoch}/{number}", b"x" * 1500, {}, {str(number): b"i" * 5000}, number)])
    print(epoch, number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 9, 40])
def test_what_was_acknowledged_before_a_kill_is_there(tmp_path: Path, lines: int) -> None:
    acknowledged = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(lines):
                epoch, number = process.stdout.readline().split()
                acknowledged.append(f"{epoch}/{number}")
            process.kill()
            acknowledged += ["/".join(line.split()) for line in process.stdout if line.endswith("\n")]
    spool = SqliteSpool(tmp_path)
    kept = [record.identity for record in spool.records()]
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept))
    assert len(kept) <= len(acknowledged) + 2, "at most the one under way at each kill"
    spool.close()


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["put", "release", "hand", "refuse", "refuse_blob", "requeue", "amend"]), st.integers(1, 6)
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_the_twin_keeps_the_same_promises(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, int]]
) -> None:
    real = SqliteSpool(tmp_path_factory.mktemp("s"), SpoolLimits(disk_reserve_bytes=0, keep_s=1e6))
    twin = MemorySpool()
    top = released = 0
    for action, n in actions:
        top += action == "put"
        for spool in (real, twin):
            pending = spool.pending(3)
            match action:
                case "put":
                    assert spool.put([entry(top, b"i%d" % n)]) == [top]
                case "release":
                    spool.release(min(n, top))
                case "hand":
                    spool.handed_over([(r.position, r.position) for r in pending])
                case "refuse":
                    for record in pending[:1]:
                        spool.refuse(record.position, "c", "d")
                case "refuse_blob":
                    for sha in [sha for record in pending[:1] for sha in record.blobs]:
                        spool.refuse_blob(sha, "c", "d")
                case "requeue":
                    spool.requeue_refused()
                case "amend" if top > released:
                    spool.amend(top, entry(top, b"amended", jws=b"amended"))
        released = max(released, min(n, top)) if action == "release" else released
        assert [(r.identity, r.jws, set(r.blobs)) for r in real.pending(9)] == [
            (r.identity, r.jws, set(r.blobs)) for r in twin.pending(9)
        ]
        assert real.last_trigger() == twin.last_trigger()
        assert (real.state().backlog, real.state().refused) == (twin.state().backlog, twin.state().refused)
        assert real.state().refused_images == twin.state().refused_images
    real.close()


def test_an_image_the_plant_does_not_have_is_kept_with_its_record(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path, SpoolLimits(disk_reserve_bytes=0, keep_s=0.0))
    first, second = spool.put([entry(1, b"refused"), entry(2, b"taken")])
    spool.release(second)
    refused, taken = (hashlib.sha256(image).hexdigest() for image in (b"refused", b"taken"))
    spool.refuse_blob(refused, "connectors.plant_refused", "too large")
    spool.blob_handed_over(taken)
    spool.handed_over([(first, 0), (second, 1)])
    spool.maintain()
    spool.close()
    spool = SqliteSpool(tmp_path, SpoolLimits(disk_reserve_bytes=0, keep_s=0.0))
    spool.maintain()
    assert [record.identity for record in spool.records()] == ["1/1"]
    assert (spool.blob(refused), spool.blob(taken)) == (b"refused", None)
    assert spool.refused_blobs() == [(refused, "connectors.plant_refused")]
    assert (spool.state().backlog, spool.state().refused, spool.state().refused_images) == (0, 0, 1)
    assert spool.requeue_refused() == 1
    (record,) = spool.pending(10)
    assert (record.identity, record.blobs) == ("1/1", (refused,)), "the image comes before its record again"
    spool.blob_handed_over(refused)
    spool.handed_over([(first, 0)])
    spool.maintain()
    assert list(spool.records()) == []
    assert spool.blob(refused) is None
    spool.close()


def test_an_image_whose_pages_are_torn_does_not_hide_the_rest(tmp_path: Path) -> None:
    image = bytes(range(256)) * 400
    spool = SqliteSpool(tmp_path)
    spool.put([entry(1, image), entry(2)])
    spool.close()
    file = tmp_path / "spool.sqlite"
    data = bytearray(file.read_bytes())
    page = (data.index(image[:3000], 0) // 4096 + 3) * 4096
    data[page : page + 4] = (2**31).to_bytes(4)  # the chain of overflow pages leads nowhere
    file.write_bytes(data)
    spool = SqliteSpool(tmp_path)
    with pytest.raises(BlobCorruptError):
        spool.blob(hashlib.sha256(image).hexdigest())
    assert [record.identity for record in spool.pending(10)] == ["1/1", "1/2"]
    spool.close()


def test_the_gate_is_kept_with_the_records_it_belongs_to_or_not_at_all(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path)
    assert spool.gate() is None
    spool.put([entry(1)], b"due")
    with pytest.raises(IdentityConflictError):
        spool.put([entry(2), entry(1, jws=b"other")], b"open")
    assert spool.gate() == b"due"
    spool.put([entry(3)])
    assert spool.gate() == b"due"
    spool.put([], b"open")
    spool.close()
    again = SqliteSpool(tmp_path)
    assert again.gate() == b"open"
    again.close()
