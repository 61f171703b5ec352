"""Which labels are trained on, held out, left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.inspection.training_set import Label, held_out, training_set

labels = st.builds(
    lambda n, unit, condition: Label(n, f"{n % 40:064x}", condition, f"unit:U{unit}", f"U{unit}"),
    st.integers(0, 200),
    st.integers(0, 12),
    st.sampled_from(["good", "defective"]),
)


@given(st.lists(labels, max_size=60))
def test_every_image_has_one_use_and_groups_stay_together(given_labels: list[Label]) -> None:
    chosen = training_set(given_labels)
    used = [*chosen.good, *chosen.defective, *chosen.held_out]
    assert len({label.image_sha256 for label in used}) == len(used)
    assert {label.group for label in (*chosen.good, *chosen.defective)}.isdisjoint(
        label.group for label in chosen.held_out
    )
    # Nothing that is used is contradicted, by image or by unit.
    for label in used:
        same = [each for each in used if each.unit == label.unit]
        assert len({each.condition for each in same}) == 1
    named = {index for each in chosen.contradictions for index in each.verdict_indices}
    images = {label.image_sha256 for label in given_labels}
    kept = {label.image_sha256 for label in used}
    left = {label.image_sha256 for label in given_labels if label.verdict_index in named}
    assert images == kept | left


def test_held_out_groups_are_the_same_for_every_training() -> None:
    first = [Label(n, f"{n:064x}", "good", f"unit:U{n}", f"U{n}") for n in range(300)]
    later = [*first, *(Label(n, f"{n:064x}", "defective", f"unit:U{n}", f"U{n}") for n in range(300, 400))]
    before = {label.group for label in training_set(first).held_out}
    after = training_set(later)
    assert before <= {label.group for label in after.held_out}
    assert before.isdisjoint(label.group for label in (*after.good, *after.defective))
    assert 0.1 < len(before) / 300 < 0.3


def test_presumed_good_parts_are_trained_on_and_never_compared_with() -> None:
    presumed = [Label(n, f"{n:064x}", "good", f"unit:U{n}", f"U{n}", sure=False) for n in range(100)]
    overruled = Label(7, f"{7:064x}", "defective", "unit:U7", "U7")
    chosen = training_set([overruled], presumed)
    assert chosen.presumed == len(chosen.good) > 60
    assert all(label.sure for label in chosen.held_out)
    assert f"{7:064x}" not in {label.image_sha256 for label in chosen.good}


def test_contradictions_are_named_by_unit_and_verdicts() -> None:
    one = [Label(3, "a" * 64, "good", "unit:U1", "U1"), Label(9, "b" * 64, "defective", "unit:U1", "U1")]
    (found,) = training_set(one).contradictions
    assert (found.by, found.key, found.verdict_indices) == ("unit", "U1", (3, 9))
    assert held_out("unit:U1", 1) == held_out("unit:U1", 1)
