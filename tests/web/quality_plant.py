"""A sample plant with nonconformities in several states, lots, and studies."""

from __future__ import annotations

import random

from gaugeblock.plant.control_facets import LotOpenedStatement, SamplingPlanStatement
from gaugeblock.plant.nonconformity_facets import StepStatement
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from gaugeblock.plant.settings import Enterprise, PlantSettings, Review
from tests.web.conftest import STATION, SamplePlant

OWNER = PlantSettings(
    enterprise=Enterprise(name="示例工厂", name_en="Example Works"), review=Review(second_opinion_share=0.0)
)


def keep(sample: SamplePlant) -> None:
    """Let the keepers of quality do a step each."""
    for keeper in sample.plant.services.desks.keepers:
        if keeper.name in {"nonconformities", "lots"}:
            keeper.step()


def review(sample: SamplePlant, index: int, decision: str, *defects: str) -> int:
    """A person's opinion."""
    row = sample.plant.inspections.verdict(index)
    assert row is not None
    return sample.plant.statements.state(
        "person:quality",
        "inspection.review",
        f"{index}/first/{sample.log.size}",
        {
            "subject": ReviewSubject(STATION, index, row.unit, row.product, row.order),
            "statement": ReviewStatement(decision, "first", defects),  # type: ignore[arg-type]
        },
    )


def study_table(parts: int = 24, errors: int = 2) -> bytes:
    """A table of a station and two people, three trials each, with scores of the station."""
    lines = ["part,reference,appraiser,trial,decision,borderline"]
    for part in range(parts):
        good = part % 2 == 0
        for appraiser in (STATION, "li.wei", "王芳"):
            for trial in (1, 2, 3):
                right = part >= errors or trial != 2 or appraiser == STATION
                said = "OK" if good == right else "NOK"
                near = "yes" if part % 4 == 0 else "no"
                lines.append(f"P{part:02d},{'good' if good else 'defective'},{appraiser},{trial},{said},{near}")
    return "\n".join(lines).encode()


def scored_table() -> bytes:
    """A station alone, with scores."""
    source = random.Random(5)
    lines = ["part,reference,appraiser,trial,decision,score"]
    for part in range(12):
        good = part % 2 == 0
        level = 0.5 + 0.08 * part + (0.0 if good else 1.2)
        for trial in (1, 2, 3):
            score = level + source.gauss(0, 0.03)
            lines.append(
                f"P{part:02d},{'good' if good else 'defective'},{STATION},{trial},{'OK' if good else 'NOK'},{score:.4f}"
            )
    return "\n".join(lines).encode()


def quality_plant() -> tuple[SamplePlant, dict[str, str]]:
    """The plant, and where its pages are."""
    sample = SamplePlant(OWNER, heartbeat_s=1.0)
    desks = sample.plant.services.desks
    first = sample.inspect(Verdict.NOK, "defective", "U-1")
    keep(sample)
    second = sample.inspect(Verdict.NOK, "good", "U-2")
    third = sample.inspect(Verdict.NOK, "defective", "U-3")
    for _ in range(3):
        sample.inspect()
    keep(sample)
    review(sample, first, "defective", "scratch")
    review(sample, second, "good")
    name, desk = f"NC-{first}", desks.nonconformities
    person = "person:quality"
    desk.step(
        person, name, "a1", StepStatement(step="containment", text="隔离 WO-1042 的全部在制品。\nStock searched.")
    )
    rework = StepStatement(step="disposition", text="抛光", disposition="rework", units=("U-1",))
    desk.step(person, name, "a2", rework)
    sample.inspect(Verdict.OK, None, "U-1")
    desk.step(person, name, "a3", StepStatement(step="cause", text="为什么 1：划伤。\n为什么 2：夹具毛刺。"))
    action = StepStatement(step="corrective_action", text="更换夹具", responsible="赵敏", due="2026-01-15")
    desk.step(person, name, "a4", action)
    complaint = desk.open(person, "abcdef0123", "minor", "顾客反映包装受潮", None, product="bracket-7")
    desk.step(person, complaint, "b1", StepStatement(step="closure", text="已更换包装并告知顾客。"))
    del third
    plan = SamplingPlanStatement(level="II", aql="2.5", reduced_allowed=True, steady_production=True)
    sampling = desks.sampling
    sampling.plan(person, "c1", "bracket-7", plan)
    sampling.plan(person, "c2", "bracket-8", SamplingPlanStatement(level="S-3", aql="6.5"))
    opened = sampling.open_lot(person, "c3", "bracket-7", "WO-1042", "", LotOpenedStatement(6))
    decided = sampling.open_lot(person, "c5", "bracket-7", "LOT-2", "WO-1042", LotOpenedStatement(2))
    keep(sample)
    waiting = sampling.open_lot(person, "c4", "bracket-8", "LOT-9", "", LotOpenedStatement(120, "sample"))
    table = desks.studies.from_table(person, "d1", "2026-11 班前研究", STATION, "bracket-7", study_table())
    scored = desks.studies.from_table(person, "d2", "Score study", "", "bracket-7", scored_table())
    return sample, {
        "nonconformities": "/quality",
        "nonconformities-all": "/quality?all=true",
        "nonconformity": f"/quality/nonconformities/{name}",
        "nonconformity-closed": f"/quality/nonconformities/{complaint}",
        "eight-d": f"/quality/nonconformities/{name}/8d",
        "sampling": "/quality/sampling",
        "lot": f"/quality/sampling/lots/{opened}",
        "lot-decided": f"/quality/sampling/lots/{decided}",
        "lot-waiting": f"/quality/sampling/lots/{waiting}",
        "studies": "/quality/studies",
        "study": f"/quality/studies/{table}",
        "study-scored": f"/quality/studies/{scored}",
    }
