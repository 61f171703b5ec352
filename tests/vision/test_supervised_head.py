"""What known defects teach: only alarms are added, only where that pays, and the module says so."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.plant.record_types import Verdict
from gaugeblock.vision import supervision
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.errors import GroupsMismatchError, ModuleLayoutError
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.module_file import ModuleFile, read_module, write_module
from gaugeblock.vision.supervised_head import AlarmFooting
from gaugeblock.vision.supervision import DEFECTS_MIN, Known, Supervised, supervise
from gaugeblock.vision.threshold import choose_threshold
from gaugeblock.vision.training import TrainingOptions, lite0_network, train

SMALL = TrainingOptions(side=96, bank_vectors=200, folds=5, overkill_target=0.2, int8=False)
WIDTH = 12


@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.floats(0.02, 0.3))
@settings(max_examples=60, deadline=None)
def test_no_score_falls_and_no_held_out_good_part_changes_sides(seed: int, parts: int, target: float) -> None:
    rng = np.random.default_rng(seed)
    scores, answers = np.exp(rng.normal(0, 0.2, parts)), rng.normal(0, 3, parts)
    threshold = choose_threshold(scores, target).value
    footing = AlarmFooting.fit(scores, answers, threshold)
    raised = footing.raised(scores, answers)
    assert (raised >= scores).all()
    assert ((raised > threshold) == (scores > threshold)).all()
    again = choose_threshold(raised, target)
    assert again.value == pytest.approx(threshold, rel=1e-12)
    # Whatever an answer says of a part that nobody knows, what the score rejects stays rejected.
    unknown, said = np.exp(rng.normal(0.2, 0.4, 50)), rng.normal(0, 20, 50)
    assert (footing.raised(unknown, said)[unknown > threshold] > again.value).all()


def _known(seed: int, good: int = 120, bad: int = 60, apart: float = 3.0, seen: float = 0.0) -> tuple[Known, Known]:
    """Defects that the score sees ``seen`` of, and the evidence ``apart`` of, along one of its directions."""
    rng = np.random.default_rng(seed)
    one, other = rng.standard_normal((good, WIDTH)), rng.standard_normal((bad, WIDTH))
    other[:, 5] += apart
    scores = np.exp(rng.normal(0, 0.1, good)), np.exp(rng.normal(seen, 0.1, bad))
    return (
        Known(scores[0], one.astype(np.float32), np.arange(good) % 10),
        Known(scores[1], other.astype(np.float32), np.arange(bad) % 10),
    )


def _decided(good: Known, bad: Known, groups: int = 60, kinds: list[str] | None = None) -> Supervised:
    return supervise(good, bad, groups=groups, threshold=choose_threshold(good.scores, 0.05).value, kinds=kinds)


def test_a_head_that_finds_more_is_taken_and_the_same_each_time() -> None:
    found, again = (_decided(*_known(1)) for _ in range(2))
    effect = found.decision.effect
    assert found.decision.reason is None
    assert effect is not None
    assert effect.auroc_with > effect.auroc_without + 0.2
    assert effect.found_with > effect.found_without + 20
    assert found.head is not None
    assert again.head is not None
    assert np.array_equal(found.head.rows, again.head.rows)
    assert (found.good >= _known(1)[0].scores).all()


@pytest.mark.parametrize(
    ("known", "groups", "reason"),
    [
        (_known(2, bad=DEFECTS_MIN - 1), 29, "too_few_defects"),
        (_known(2), 4, "too_few_groups"),
        (_known(2, apart=0.0, seen=0.2), 60, "no_gain"),
    ],
)
def test_a_head_that_cannot_pay_is_left_out_by_name(known: tuple[Known, Known], groups: int, reason: str) -> None:
    found = _decided(*known, groups)
    assert found.decision.reason == reason
    assert found.head is None
    assert found.decision.footing is None
    assert np.array_equal(found.good, known[0].scores)
    assert np.array_equal(found.defective, known[1].scores)


def test_all_defects_in_one_turn_teach_nothing_that_can_be_held_out() -> None:
    good, bad = _known(3)
    assert _decided(good, Known(bad.scores, bad.evidence, np.full(60, 7))).decision.reason == "too_few_groups"


@cache
def _network() -> bytes:
    return lite0_network(lite0_checkpoint())


def _part(seed: int, blot: int = 0) -> np.ndarray:
    """A disc on a grainy plate; a faint blot on it where it is defective."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((96, 112))
    image = 90 + 50 * (np.hypot(rows - 48, columns - 56) < 32) + rng.normal(0, 9, (96, 112))
    for _ in range(3):  # specks that every part has somewhere: strange, and good
        y, x = rng.integers(8, 80, 2)
        image[y : y + 5, x : x + 5] += rng.choice([-60, 60])
    if blot:
        y, x = rng.integers(25, 55, 2)
        image[y : y + 18, x : x + 18] += blot
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@cache
def _pair() -> tuple[Inspector, Inspector]:
    """Trained without and with the same defects having a say."""
    good, bad = [_part(i) for i in range(40)], [_part(500 + i, 22) for i in range(36)]
    kinds = ["blot", "blotch"] * 18
    taught = train(good, network=_network(), seed=1, options=SMALL, defective=bad, kinds=kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervision, "DEFECTS_MIN", 1_000)
        plain = train(good, network=_network(), seed=1, options=SMALL, defective=bad, kinds=kinds)
    return plain, taught


def test_training_teaches_the_head_and_no_picture_scores_lower_for_it() -> None:
    plain, taught = _pair()
    decision, refused = taught.manifest.supervision, plain.manifest.supervision
    assert decision is not None
    assert refused is not None
    assert decision.reason is None
    assert refused.reason == "too_few_defects"
    assert taught.manifest.threshold == pytest.approx(plain.manifest.threshold, abs=2e-6)
    assert taught.manifest.bank_sha256 == plain.manifest.bank_sha256
    rejected = [0, 0]
    for seed in range(12):
        for picture in (_part(900 + seed), _part(900 + seed, 22), _part(900 + seed, -70)):
            before, after = plain.inspect(picture), taught.inspect(picture)
            assert after.score >= before.score
            assert after.score == max(before.score, after.components["supervised"])
            assert "supervised" not in before.components
            rejected[0] += before.verdict is Verdict.NOK
            rejected[1] += after.verdict is Verdict.NOK
    assert rejected[1] >= rejected[0]


def test_a_taught_module_comes_back_whole_and_its_parts_belong_together() -> None:
    _, taught = _pair()
    data = taught.to_bytes()
    loaded = Inspector.from_bytes(data)
    assert loaded.to_bytes() == data
    assert loaded.inspect(_part(7, 22)).score == taught.inspect(_part(7, 22)).score
    module = read_module(data)
    without = {name: raw for name, raw in module.sections.items() if name != "supervised"}
    short = {**module.sections, "supervised": module.sections["supervised"][:-4]}
    silent = msgspec.structs.replace(taught.manifest, supervision=None, module_sha256="")
    for manifest, sections in (
        (module.manifest, without),
        (module.manifest, short),
        (msgspec.json.encode(silent), module.sections),
    ):
        with pytest.raises(ModuleLayoutError) as caught:
            Inspector.from_bytes(write_module(ModuleFile(manifest, sections)))
        assert caught.value.facts["part"] == "supervised"


@pytest.mark.parametrize("told", [{"kinds": ["a"]}, {"defective_groups": [1, 2, 3]}])
def test_kinds_and_groups_are_told_of_every_defect_or_of_none(told: dict[str, list[object]]) -> None:
    with pytest.raises(GroupsMismatchError):
        train(
            [_part(i) for i in range(6)],
            network=_network(),
            options=SMALL,
            defective=[_part(90, 22), _part(91, 22)],
            **told,  # type: ignore[arg-type]
        )
