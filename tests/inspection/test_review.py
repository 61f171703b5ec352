"""The review desk on a real log: who decides what, when a part is settled, and what training is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.inspection.defect_catalogue import DEFAULT_KINDS
from gaugeblock.inspection.queries import ProjectedInspections
from gaugeblock.inspection.read_model import VerdictFilter
from gaugeblock.inspection.review import HELD_S, Answer
from gaugeblock.inspection.review_errors import (
    CatalogueChangedError,
    CatalogueCodeError,
    CatalogueDroppedError,
    CatalogueLimitError,
    CatalogueNameError,
    ReviewDecidedError,
    ReviewDefectsError,
    ReviewNotBegunError,
    ReviewNoteError,
    ReviewOwnError,
    ReviewUnknownError,
)
from gaugeblock.inspection.review_projection import ReviewProjection
from gaugeblock.inspection.review_read_model import QueueFilter
from gaugeblock.inspection.review_rules import REVIEW_ZONE, Opinion, drawn, due, second_drawn, standing
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.review_facets import DefectKind
from gaugeblock.plant.settings import Review
from tests.inspection.reviewing import SmallPlant
from tests.stores.conftest import postgresql_missing, postgresql_url  # noqa: F401 - fixtures

LI, WANG, CHEN, ADMIN = "person:li.wei", "person:wang.fang", "person:chen.jie", "person:admin"
ALONE = Review(second_opinion_share=0.0)
GOOD = Answer(decision="good")
BAD = Answer(decision="defective", defects=("scratch",))
UNSURE = Answer(decision="unsure")


def asked(answer: Answer, how: str) -> Answer:
    return msgspec.structs.replace(answer, asked=how)


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[SmallPlant]:
    made = SmallPlant(tmp_path, ALONE)
    yield made
    made.database.close()


# ── rules ───────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 2**53 - 1), st.integers(0, 2**40), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_draws_all_that_a_smaller_one_draws(seed: int, index: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert drawn("review", seed, index, high) or not drawn("review", seed, index, low)


def test_draws_follow_the_shares_and_are_independent_of_each_other() -> None:
    wanted = Review(ok_share=0.02, second_opinion_share=0.1, seed=9)
    queue = [
        i
        for i in range(50_000)
        if due(i, Verdict.OK, None, has_image=True, purpose="production", settings=wanted) == "ok"
    ]
    assert 850 < len(queue) < 1150
    assert 0.06 < sum(second_drawn(i, wanted) for i in queue) / len(queue) < 0.14


@given(
    st.integers(0, 2**40),
    st.sampled_from(Verdict),
    st.sampled_from([None, REVIEW_ZONE, "edge.deadline"]),
    st.booleans(),
    st.sampled_from(["production", "challenge"]),
    st.floats(0, 1),
)
def test_who_is_due(index, verdict, reason, has_image, purpose, share) -> None:  # type: ignore[no-untyped-def]
    shares = Review(ok_share=share, nok_share=share)
    why = due(index, verdict, reason, has_image=has_image, purpose=purpose, settings=shares)
    if not has_image or purpose == "challenge":
        assert why is None
    elif verdict is Verdict.UNDECIDED:
        assert why == ("zone" if reason == REVIEW_ZONE else "undecided")
    else:
        assert (why is not None) == drawn("review", shares.seed, index, share)


def _slot(index: int, drawn_from: tuple[str, str] | None, role: str) -> Opinion | None:
    if drawn_from is None:
        return None
    return Opinion(index=index, person=drawn_from[0], role=role, decision=drawn_from[1])  # type: ignore[arg-type]


slots = st.one_of(
    st.none(), st.tuples(st.sampled_from([LI, WANG, CHEN]), st.sampled_from(["good", "defective", "unsure"]))
)


@given(slots, slots, slots, st.booleans())
def test_nothing_is_settled_against_an_opinion_without_an_adjudication(a, b, c, wanted) -> None:  # type: ignore[no-untyped-def]
    first, second, third = _slot(1, a, "first"), _slot(2, b, "second"), _slot(3, c, "adjudication")
    got = standing(first, second, third, second_wanted=wanted)
    assert (got.stage == "settled") == (got.condition is not None) == (got.index is not None)
    if third is not None and third.decision != "unsure":
        assert (got.condition, got.index) == (third.decision, 3)
    elif got.stage == "settled":
        assert first is not None
        said = {first.decision} | ({second.decision} if second and second.person != first.person else set())
        assert said - {"unsure"} == {got.condition}
        assert not (wanted and got.index == 1)
    elif got.stage == "open":
        assert first is None


# ── the desk ────────────────────────────────────────────────────────────────────────────────────────────


def test_queue_oldest_first_by_reason_and_without_challenges(plant: SmallPlant) -> None:
    nok = plant.inspect(Verdict.NOK)
    zone = plant.inspect(Verdict.UNDECIDED, reason=REVIEW_ZONE, product="P2")
    plant.inspect(Verdict.UNDECIDED, reason="edge.deadline", image=None)
    plant.inspect(Verdict.NOK, purpose="challenge")
    late = plant.inspect(Verdict.UNDECIDED, reason="vision.focus")
    reader = plant.desk.reader
    assert [part.index for part in reader.queue(QueueFilter())] == [nok, zone, late]
    assert [part.index for part in reader.queue(QueueFilter(due="zone"))] == [zone]
    assert [part.index for part in reader.queue(QueueFilter(product="P1", after=nok))] == [late]
    state = reader.state(LI)
    assert state.waiting == 3
    assert state.by_reason == {"zone": 1, "undecided": 1, "nok": 1, "ok": 0}
    assert state.oldest_at == reader.queue(QueueFilter())[0].observed_at
    assert state.products == ("P1", "P2")
    with pytest.raises(ReviewUnknownError):
        plant.desk.decide(LI, nok + 3, GOOD)


def test_a_decision_settles_shows_and_labels(plant: SmallPlant) -> None:
    index = plant.inspect(Verdict.NOK, unit="U-A")
    decided = plant.desk.decide(LI, index, msgspec.structs.replace(BAD, seconds=2.5))
    assert decided.role == "first"
    assert decided.standing.condition == "defective"
    assert plant.desk.reader.queue(QueueFilter()) == []
    (label,) = plant.desk.labels.labels("P1")
    assert (label.condition, label.defects, label.source, label.source_index) == (
        "defective",
        ("scratch",),
        "review",
        decided.index,
    )
    assert (label.unit, label.order, label.observed_at[:10]) == ("U-A", "WO-1", "2026-11-22")
    row = ProjectedInspections(plant.database, lambda: 0).verdict(index)
    assert row is not None
    assert (row.condition, row.review_index, row.review_stage, row.overkill) == (
        "defective",
        decided.index,
        "settled",
        False,
    )
    assert plant.desk.decide(LI, index, BAD).index == decided.index  # the same again states nothing
    assert plant.log.size == decided.index + 1


def test_reviews_count_as_escape_and_overkill_where_no_reference_outranks_them(plant: SmallPlant) -> None:
    escaped, overkilled, known = plant.inspect(Verdict.OK), plant.inspect(Verdict.NOK), plant.inspect(unit="U-K")
    plant.desk.decide(LI, escaped, asked(BAD, "overrule"))
    plant.desk.decide(LI, overkilled, GOOD)
    plant.desk.decide(LI, known, GOOD)
    reference = plant.refer("U-K", "defective")
    seen = ProjectedInspections(plant.database, lambda: 0)
    assert [row.index for row in seen.verdicts(VerdictFilter(wrong=True))] == [overkilled, escaped]
    assert (seen.overview().escape.hits, seen.overview().overkill.hits) == (1, 1)
    sources = {label.verdict_index: (label.source, label.source_index) for label in plant.desk.labels.labels()}
    assert sources[known] == ("reference", reference)
    (person,) = plant.desk.reader.agreement()
    assert (person.decided, person.referenced, person.missed, person.false_alarms) == (3, 1, 1, 0)


def test_undo_brings_the_part_back_and_the_last_decision_counts(plant: SmallPlant) -> None:
    index = plant.inspect()
    plant.desk.decide(LI, index, GOOD)
    gone = plant.desk.withdraw(LI, index)
    assert gone.standing.stage == "open"
    assert [part.index for part in plant.desk.reader.queue(QueueFilter())] == [index]
    assert plant.desk.labels.labels() == []
    plant.desk.decide(LI, index, GOOD)
    changed = plant.desk.decide(LI, index, BAD)
    assert changed.standing.condition == "defective"
    reviewed = plant.desk.reader.reviewed(index)
    assert reviewed is not None
    assert [opinion.decision for opinion in reviewed.opinions] == ["good", "withdrawn", "good", "defective"]
    with pytest.raises(ReviewNotBegunError):
        plant.desk.withdraw(WANG, index)


def test_the_later_of_two_gives_the_second_opinion_and_a_third_is_told(plant: SmallPlant) -> None:
    index = plant.inspect()
    plant.desk.decide(LI, index, GOOD)
    later = plant.desk.decide(WANG, index, GOOD)
    assert (later.role, later.standing.condition) == ("second", "good")
    with pytest.raises(ReviewDecidedError) as told:
        plant.desk.decide(CHEN, index, BAD)
    assert told.value.facts["person"] == "wang.fang"
    with pytest.raises(ReviewDecidedError):
        plant.desk.decide(LI, index, BAD)  # not after another has built on it
    with pytest.raises(ReviewDecidedError):
        plant.desk.withdraw(LI, index)
    plant.desk.withdraw(WANG, index)
    assert plant.desk.withdraw(LI, index).standing.stage == "open"


def test_a_second_opinion_is_drawn_blind_and_by_another(tmp_path: Path) -> None:
    plant = SmallPlant(tmp_path, Review(second_opinion_share=1.0))
    index = plant.inspect()
    assert plant.desk.decide(LI, index, GOOD).standing.stage == "second"
    reader = plant.desk.reader
    assert reader.seconds(LI, QueueFilter()) == []
    (part,) = reader.seconds(WANG, QueueFilter())
    assert set(msgspec.structs.asdict(part)) == {"index", "station", "unit", "product", "image_sha256"}
    assert (reader.state(LI).second, reader.state(WANG).second) == (0, 1)
    with pytest.raises(ReviewOwnError):
        plant.desk.decide(LI, index, asked(GOOD, "second"))
    differs = plant.desk.decide(WANG, index, asked(BAD, "second"))
    assert differs.standing.stage == "disputed"
    reviewed = reader.reviewed(index)
    assert reviewed is not None
    assert [opinion.blind for opinion in reviewed.opinions] == [False, True]
    (dispute,) = reader.disagreements(QueueFilter())
    assert [opinion.person for opinion in dispute.opinions] == [LI, WANG]
    for person in (LI, WANG):
        with pytest.raises(ReviewOwnError):
            plant.desk.decide(person, index, asked(GOOD, "adjudication"))
    judged = plant.desk.decide(CHEN, index, asked(BAD, "adjudication"))
    assert (judged.standing.condition, judged.standing.index) == ("defective", judged.index)
    assert reader.disagreements(QueueFilter()) == []
    with pytest.raises(ReviewDecidedError):
        plant.desk.withdraw(WANG, index)
    li, wang = reader.agreement()
    assert (li.compared, li.agreed, li.overturned) == (1, 0, 1)
    assert (wang.compared, wang.agreed, wang.overturned) == (1, 0, 0)
    plant.database.close()


def test_unsure_asks_another_and_two_unsure_ask_a_third(plant: SmallPlant) -> None:
    a, b = plant.inspect(), plant.inspect()
    for index in (a, b):
        assert plant.desk.decide(LI, index, UNSURE).standing.stage == "second"
    assert plant.desk.decide(WANG, a, asked(GOOD, "second")).standing.condition == "good"
    assert plant.desk.decide(WANG, b, asked(UNSURE, "second")).standing.stage == "disputed"
    assert plant.desk.decide(CHEN, b, asked(UNSURE, "adjudication")).standing.stage == "disputed"
    assert plant.desk.decide(ADMIN, b, asked(BAD, "adjudication")).standing.condition == "defective"


def test_overruling_what_is_settled_needs_a_third_person_or_an_administrator(plant: SmallPlant) -> None:
    index = plant.inspect()
    plant.desk.decide(LI, index, GOOD)
    plant.desk.decide(WANG, index, asked(GOOD, "second"))
    with pytest.raises(ReviewOwnError):
        plant.desk.decide(LI, index, asked(BAD, "overrule"))
    third = plant.desk.decide(CHEN, index, asked(BAD, "overrule"))
    assert (third.role, third.standing.condition) == ("adjudication", "defective")
    assert plant.desk.decide(LI, index, asked(GOOD, "overrule"), admin=True).standing.condition == "good"


def test_what_a_decision_may_say(plant: SmallPlant) -> None:
    index = plant.inspect()
    for wrong in (
        Answer(decision="defective"),
        Answer(decision="defective", defects=("nonsense",)),
        Answer(decision="defective", defects=("scratch", "scratch")),
        Answer(decision="good", defects=("scratch",)),
    ):
        with pytest.raises(ReviewDefectsError):
            plant.desk.decide(LI, index, wrong)
    with pytest.raises(ReviewNoteError):
        plant.desk.decide(LI, index, Answer(decision="good", note="x" * 501))
    with pytest.raises(ReviewUnknownError):
        plant.desk.decide(LI, 0, GOOD)
    with pytest.raises(ReviewNotBegunError):
        plant.desk.decide(LI, index, asked(GOOD, "second"))
    bare = plant.inspect(Verdict.UNDECIDED, image=None)
    with pytest.raises(ReviewUnknownError):
        plant.desk.decide(LI, bare, GOOD)
    assert plant.desk.decide(LI, bare, asked(GOOD, "overrule")).standing.condition == "good"
    assert [label.verdict_index for label in plant.desk.labels.labels()] == []  # no image, no training label


def test_parts_are_held_for_a_while_for_who_sees_them(plant: SmallPlant) -> None:
    a, b, c = (plant.inspect() for _ in range(3))
    assert [part.index for part in plant.desk.hand_out(LI, QueueFilter())] == [a, b]
    assert [part.index for part in plant.desk.hand_out(WANG, QueueFilter())] == [c]
    assert [part.index for part in plant.desk.hand_out(LI, QueueFilter())] == [a, b]
    assert [part.index for part in plant.desk.hand_out(CHEN, QueueFilter())] == [a, b]  # nothing else is left
    plant.clock.seconds += HELD_S + 1
    assert [part.index for part in plant.desk.hand_out(WANG, QueueFilter())] == [a, b]


def test_contradictions_by_image_and_by_unit(plant: SmallPlant) -> None:
    a, b = plant.inspect(image="same", unit="U-1"), plant.inspect(image="same", unit="U-2")
    c, d = plant.inspect(unit="U-3"), plant.inspect(unit="U-3")
    for index, answer in ((a, GOOD), (b, BAD), (c, GOOD), (d, GOOD)):
        plant.desk.decide(LI, index, answer)
    (found,) = plant.desk.labels.contradictions()
    assert (found.by, [label.verdict_index for label in found.labels]) == ("image", [a, b])
    plant.desk.decide(LI, d, BAD)
    assert [(each.by, each.key) for each in plant.desk.labels.contradictions()][1] == ("unit", "U-3")
    plant.refer("U-3", "good")  # a reference settles what the unit is
    assert [each.by for each in plant.desk.labels.contradictions("P1")] == ["image"]
    assert plant.desk.labels.contradictions("P9") == []


def test_labels_come_in_pages(plant: SmallPlant) -> None:
    indices = [plant.inspect() for _ in range(5)]
    for index in indices:
        plant.desk.decide(LI, index, GOOD)
    page = plant.desk.labels.labels(limit=3)
    rest = plant.desk.labels.labels(limit=3, after=page[-1].verdict_index)
    assert [label.verdict_index for label in page + rest] == indices


moves = st.lists(
    st.tuples(
        st.sampled_from([LI, WANG, CHEN, ADMIN]),
        st.sampled_from(["first", "second", "adjudication", "overrule", "withdraw"]),
        st.sampled_from([GOOD, BAD, UNSURE]),
    ),
    max_size=10,
)


@settings(max_examples=25, deadline=None)
@given(moves, st.sampled_from([0.0, 1.0]))
def test_the_tables_say_what_the_rule_says_after_any_history(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[str, str, Answer]],
    share: float,
) -> None:
    plant = SmallPlant(tmp_path_factory.mktemp("p"), Review(second_opinion_share=share))
    index = plant.inspect()
    for person, how, answer in history:
        with contextlib.suppress(ReviewDecidedError, ReviewOwnError, ReviewNotBegunError):
            if how == "withdraw":
                plant.desk.withdraw(person, index)
            else:
                plant.desk.decide(person, index, asked(answer, how), admin=person == ADMIN)
    reader = plant.desk.reader
    held = reader.slots(index)
    row = ProjectedInspections(plant.database, lambda: 0).verdict(index)
    assert held is not None
    assert row is not None
    assert (row.review_stage, row.condition, row.review_index) == (
        held.standing.stage,
        held.standing.condition,
        held.standing.index,
    )
    assert row.defects == held.standing.defects
    stage = held.standing.stage
    assert [part.index for part in reader.queue(QueueFilter())] == [index] * (stage == "open")
    assert len(reader.disagreements(QueueFilter())) == (stage == "disputed")
    wanted = stage == "second" and held.first is not None and held.first.person != CHEN
    assert len(reader.seconds(CHEN, QueueFilter())) == wanted
    if held.first is not None and held.second is not None:
        assert held.first.person != held.second.person
    assert plant.runner.verify("review").same
    plant.database.close()


def test_postgresql_gives_the_same_lists(tmp_path: Path, postgresql_url: str) -> None:  # noqa: F811 - a fixture
    plant = SmallPlant(tmp_path, Review(second_opinion_share=0.5), postgresql_url)
    indices = [plant.inspect(image="same" if number < 2 else "image") for number in range(8)]
    for number, index in enumerate(indices[:6]):
        plant.desk.decide(LI, index, (GOOD, BAD, UNSURE)[number % 3])
    plant.desk.decide(WANG, indices[0], asked(BAD, "second"))
    plant.desk.decide(WANG, indices[2], asked(GOOD, "second"))
    plant.refer("U-4", "defective")
    reader, seen = plant.desk.reader, ProjectedInspections(plant.database, lambda: 0)
    held = {index: reader.slots(index) for index in indices}
    stages = {index: slots.standing.stage for index, slots in held.items() if slots is not None}
    assert {row.index: row.review_stage for row in seen.verdicts(VerdictFilter())} == stages
    assert [part.index for part in reader.queue(QueueFilter())] == indices[6:]
    assert [each.part.index for each in reader.disagreements(QueueFilter())] == [indices[0]]
    waits = [index for index in indices if stages[index] == "second"]
    assert [part.index for part in reader.seconds(CHEN, QueueFilter())] == waits
    assert reader.state(CHEN).second == len(waits)
    assert {person.person: person.decided for person in reader.agreement()} == {LI: 6, WANG: 2}
    assert {label.verdict_index for label in plant.desk.labels.labels()} >= {indices[2], indices[3]}
    assert plant.desk.labels.contradictions() == []
    assert plant.desk.catalogue().kinds == DEFAULT_KINDS
    assert plant.runner.verify("review").same
    plant.database.close()


def test_other_settings_are_another_version_of_the_tables() -> None:
    assert ReviewProjection(Review()).version == ReviewProjection(Review()).version
    assert ReviewProjection(Review()).version != ReviewProjection(Review(seed=2)).version


# ── the catalogue ───────────────────────────────────────────────────────────────────────────────────────


def test_the_catalogue_is_seeded_changed_whole_and_never_loses_a_kind(plant: SmallPlant) -> None:
    desk = plant.desk
    before = desk.catalogue()
    assert (before.index, before.kinds) == (None, DEFAULT_KINDS)
    kinds = [msgspec.structs.replace(kind, active=kind.code != "stain") for kind in before.kinds]
    kinds.append(DefectKind("weld_spatter", "焊渣", "weld spatter", "minor"))
    after = desk.save_catalogue(LI, None, kinds, before.index)
    assert after.kinds == tuple(kinds)
    assert "stain" not in [kind.code for kind in after.offered]
    with pytest.raises(ReviewDefectsError):
        desk.decide(LI, plant.inspect(), Answer(decision="defective", defects=("stain",)))
    with pytest.raises(CatalogueChangedError) as told:
        desk.save_catalogue(WANG, None, kinds, None)
    assert told.value.facts["person"] == "li.wei"
    for wrong, error in (
        (kinds[1:], CatalogueDroppedError),
        ([*kinds, kinds[0]], CatalogueCodeError),
        ([*kinds, DefectKind("Ü", "x", "x")], CatalogueCodeError),
        ([*kinds, DefectKind("x", "", "x")], CatalogueNameError),
        ([msgspec.structs.replace(kind, active=False) for kind in kinds], CatalogueLimitError),
    ):
        with pytest.raises(error):
            desk.save_catalogue(LI, None, wrong, after.index)


def test_a_product_may_have_a_catalogue_of_its_own(plant: SmallPlant) -> None:
    own = [*DEFAULT_KINDS, DefectKind("lap", "折叠", "lap")]
    plant.desk.save_catalogue(LI, "P1", own, None)
    assert plant.desk.catalogue("P1").kinds == tuple(own)
    assert plant.desk.catalogue("P2").kinds == DEFAULT_KINDS
    assert plant.desk.catalogue().kinds == DEFAULT_KINDS
