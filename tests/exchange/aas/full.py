"""An environment with every kind of element, built by the typed builders."""

from __future__ import annotations

import datetime as dt

from gaugeblock.exchange.aas import elements as e
from gaugeblock.exchange.aas.identifiables import concept_description, shell, submodel, whole_environment
from gaugeblock.exchange.aas.references import Tree, model_reference

CONCEPT = "https://example.com/concept/speed/1/0"
SPEED = model_reference(("Submodel", "urn:example:all"), ("Property", "Speed"))
BLOB = "AQIDBAU="


def _some(tree: Tree | None) -> Tree:
    assert tree is not None
    return tree


ALL = submodel(
    "urn:example:all",
    "Everything",
    "https://example.com/everything/1/0",
    [
        e.prop("Speed", 3, CONCEPT, type="xs:int"),
        e.languages("Label", {"en": "Gauge block", "zh": "量块"}),
        e.value_range("Limits", -1.5, 2.5),
        e.file("Manual", "/aasx/files/manual.pdf", "application/pdf"),
        e.blob("Picture", BLOB, "image/png"),
        e.reference_element("Elsewhere", SPEED),
        e.relationship("Turns", SPEED, SPEED),
        e.annotated_relationship("Drives", SPEED, SPEED, [e.prop("Ratio", 2.0, type="xs:double")]),
        e.capability("Turning"),
        e.operation("Start", inputs=[_some(e.prop("Power", 5, type="xs:int"))]),
        e.event("Faster", SPEED, "output", "on", topic="speed", last_update=dt.datetime(2026, 11, 25, tzinfo=dt.UTC)),
        e.entity("Spindle", [e.prop("Serial", "S1")], global_asset_id="urn:example:spindle"),
        e.collection("Inside", [e.collection("Deeper", [e.blob("Raw", BLOB, "image/png")]), e.prop("Note", "a")]),
        e.element_list(
            "Runs",
            [e.collection("Run", [e.prop("Hours", hours, type="xs:decimal")]) for hours in (1, 2)],
        ),
        e.element_list("Codes", [e.prop("Code", code) for code in ("a", "b")], of="Property", of_type="xs:string"),
    ],
)
SMALL = [
    submodel(f"urn:example:small:{place}", f"Small{place}", "https://example.com/small/1/0", [e.prop("Place", "x")])
    for place in range(7)
]
SHELLS = [
    shell(
        "urn:example:shell",
        "Machine",
        "urn:example:asset",
        [ALL, SMALL[0]],
        specific_asset_ids={"serial": "S-1"},
        thumbnail=("/aasx/files/machine.png", "image/png"),
    ),
    shell("urn:example:other", "Other", "urn:example:other-asset", [SMALL[0]]),
]
ENVIRONMENT = whole_environment(SHELLS, [ALL, *SMALL], [concept_description(CONCEPT, "Speed", description={"en": "v"})])
