"""The assignment's bytes, and what is refused by name; shifts over midnight and summer time."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.plant.assignment import (
    Assignment,
    AssignmentError,
    ChallengeSetError,
    check_challenge_set,
    read_assignment,
    set_digest,
    write_assignment,
)
from gaugeblock.plant.control_facets import ChallengePart, ChallengeSetStatement
from gaugeblock.plant.shifts import shift_began

GOOD, BAD = ChallengePart("G", "good"), ChallengePart("N", "defective", ("scratch",))
WHOLE = Assignment(
    module="/data/modules/a.gbm",
    module_sha256="ab" * 32,
    release_index=7,
    product="P1",
    challenge_set=ChallengeSetStatement((GOOD, BAD)),
    require_challenge=True,
    shifts=("06:00", "14:00"),
    timezone="Europe/Berlin",
    mm_per_pixel=0.02,
)


def test_it_reads_what_it_writes() -> None:
    assert read_assignment(write_assignment(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    "change",
    [
        {"module_sha256": "xy"},
        {"module": ""},
        {"timezone": "Mars/Olympus"},
        {"shifts": ["25:00"]},
        {"mm_per_pixel": 0},
        {"colour": 1},
        {"release_index": -1},
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(change: dict[str, object]) -> None:
    content = json.loads(write_assignment(WHOLE)) | change
    with pytest.raises(AssignmentError):
        read_assignment(json.dumps(content).encode())


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    with contextlib.suppress(AssignmentError, ChallengeSetError):
        read_assignment(data)


@pytest.mark.parametrize(
    "parts",
    [(), (GOOD,), (BAD,), (GOOD, BAD, BAD), (GOOD, ChallengePart("", "defective"))],
    ids=["none", "only good", "only defective", "twice", "no name"],
)
def test_a_set_that_tests_nothing_is_refused(parts: tuple[ChallengePart, ...]) -> None:
    with pytest.raises(ChallengeSetError):
        check_challenge_set(ChallengeSetStatement(parts))
    content = json.loads(write_assignment(WHOLE))
    content["challenge_set"] = json.loads(
        write_assignment(Assignment(module="/m", module_sha256="0" * 64, challenge_set=ChallengeSetStatement(parts)))
    )["challenge_set"]
    with pytest.raises(ChallengeSetError):
        read_assignment(json.dumps(content).encode())


def test_bounds_of_a_set() -> None:
    many = tuple(ChallengePart(f"N{n}", "defective") for n in range(64))
    for statement in (
        ChallengeSetStatement((GOOD, *many)),
        ChallengeSetStatement((GOOD, BAD), valid_h=0.0),
        ChallengeSetStatement((GOOD, BAD), valid_h=float("nan")),
    ):
        with pytest.raises(ChallengeSetError):
            check_challenge_set(statement)


def test_a_set_is_known_by_its_digest() -> None:
    one, same, other = (ChallengeSetStatement(p) for p in ((GOOD, BAD), (GOOD, BAD), (BAD, GOOD)))
    assert set_digest(one) == set_digest(same) != set_digest(other)


def test_the_night_shift_began_yesterday_and_summer_time_moves_the_hour() -> None:
    starts = ("06:00", "22:00")
    night = shift_began(datetime(2026, 3, 2, 3, 0, tzinfo=UTC), starts, "Europe/Berlin")
    assert night == datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
    summer = shift_began(datetime(2026, 7, 2, 5, 0, tzinfo=UTC), starts, "Europe/Berlin")
    assert summer == datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
    assert shift_began(datetime(2026, 7, 2, 5, 0, tzinfo=UTC), (), "UTC") is None


@given(
    minutes=st.integers(0, 60 * 24 * 800),
    starts=st.lists(st.sampled_from(["00:00", "02:30", "06:00", "14:00", "22:00"]), min_size=1, max_size=4),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC"]),
)
def test_a_shift_never_began_in_the_future_and_never_goes_back(minutes: int, starts: list[str], zone: str) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    began, later = shift_began(now, starts, zone), shift_began(now + timedelta(minutes=1), starts, zone)
    assert began is not None
    assert later is not None
    assert began <= now
    assert now - began <= timedelta(hours=25)
    assert began <= later
