"""A customer's records as shells: each submodel passes the checkers, and nothing that is withheld is in any form."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.aas.answers import AasRequest
from gaugeblock.exchange.aas.api import answer
from gaugeblock.exchange.aas.id_short_path import found
from gaugeblock.exchange.aas.view import AasView
from gaugeblock.exchange.contract import fields_of
from gaugeblock.exchange.sandbox import ORIGIN, Sandbox
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.exchange.shells.reading import Reading
from gaugeblock.exchange.shells.record_shells import RecordShells
from gaugeblock.plant.exchange_facets import DocumentStatement, DocumentSubject, Permission, SharedDocument
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.production_facets import (
    CertificateStatement,
    CertificateSubject,
    Characteristic,
    ResultStatement,
    ResultSubject,
)
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from gaugeblock.stores.clock import SystemClock
from tests.exchange.exchange_plant import DRAFTER
from tests.exchange.shells.story import MAKER, MODULE, TYPES, Story, whole, without
from tests.exchange.submodels.drawn import (
    assert_basyx_reads_it,
    assert_official_engine_finds_nothing,
    assert_template_is_followed,
)

BASE = "https://plant.example/log/aas/"
PACKAGE = "application/asset-administration-shell-package+xml"
TEMPLATES = {
    "InspectionDocumentsOfSteelProducts": "IDTA_02032*",
    "QualityControlForMachining": "IDTA_02049*",
    "DigitalQualityDocuments": "IDTA_02065*",
    "TimeSeries": "IDTA_02008*",
    "AIDataset": "IDTA_02058*",
    "AIDeployment": "IDTA_02059*",
    "AIModelNameplate": "IDTA_02060*",
}


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    made = Story()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shells(story: Story) -> RecordShells:
    return story.shells()


def ask(view: AasView, *path: str, accept: str = "*/*", **query: str) -> Any:
    fields = {name: [value] for name, value in query.items()}
    answered = answer(AasRequest(path=path, accept=accept, query=fields), view)
    assert answered.status == 200, answered.body
    return answered


def encoded(identifier: str) -> str:
    return urlsafe_b64encode(identifier.encode()).decode().rstrip("=")


def everything(view: AasView) -> str:
    """All forms in which the interface gives a view out."""
    said = [
        ask(view, "shells").body,
        *(ask(view, "submodels", *form).body for form in ((), ("$value",), ("$metadata",), ("$path",))),
        ask(view, "serialization").body,
        ask(view, "serialization", accept="application/xml").body,
    ]
    with zipfile.ZipFile(io.BytesIO(ask(view, "serialization", accept=PACKAGE).body)) as archive:
        said += [archive.read(name) for name in archive.namelist()]
    return b"\n".join(said).decode("utf-8", "replace")


def value(view: AasView, identifier: str, path: str) -> Any:
    tree = view.tree("submodel", BASE + identifier)
    assert tree is not None, identifier
    way = found(tree, path)
    assert way is not None, (identifier, path)
    return way[-1]["value"]


# ── what is there ───────────────────────────────────────────────────────────────────────────────────────────────


def test_products_modules_lots_and_units_have_shells_and_nobody_elses_do(shells: RecordShells) -> None:
    assert [each.removeprefix(BASE) for each in shells.ids("shell")] == [
        "product/P1",
        f"module/{MODULE}",
        "lot/L-A",
        "unit/SN%202",
        "unit/SN%2F1",
        "unit/%E8%BD%B43",
    ]
    assert "FOREIGN" not in everything(shells)
    for foreign in ("unit/FOREIGN1", "lot/L-B", "product/P9", "unit/ABSENT"):
        assert shells.tree("shell", BASE + foreign) is None
        assert shells.position("shell", BASE + foreign) is None
        assert shells.tree("submodel", f"{BASE}{foreign}/Nameplate") is None


def test_every_listed_object_is_there_and_every_named_submodel_is_listed(shells: RecordShells) -> None:
    assert len(shells.ids("submodel")) == 18
    for kind in ("shell", "submodel"):
        for place, identifier in enumerate(shells.ids(kind)):
            assert shells.position(kind, identifier) == place
            tree, head = shells.tree(kind, identifier), shells.head(kind, identifier)
            assert tree is not None
            assert head is not None
            assert tree["id"] == identifier
            assert head.get("semanticId") == tree.get("semanticId")
            assert head.get("assetInformation") == tree.get("assetInformation")
            assert shells.derived_from(kind, identifier)
    for identifier in shells.ids("shell"):
        for reference in (shells.tree("shell", identifier) or {}).get("submodels", ()):
            submodel = reference["keys"][0]["value"]
            assert shells.position("submodel", submodel) is not None
            assert identifier in shells.shells_naming(submodel)


def test_what_records_say_stands_in_the_submodels(shells: RecordShells, story: Story) -> None:
    unit = "unit/SN%2F1/QualityControlForMachining"
    assert value(shells, unit, "MetrologyJobResults00.MetrologyResultsList[0].QualityActualValue00") == "20.013"
    assert value(shells, unit, "QualityFeatures.LinearFeaturesList[0].NominalValue") == "20.0105"
    assert value(shells, unit, "QualityFeatures.LinearFeaturesList[0].UpperTolerance") == "0.0105"
    assert value(shells, unit, "MetrologyJobResults01.MetrologyResultsList[0].QualityInSpec") == "true"
    bad = "unit/SN%202/QualityControlForMachining"
    assert value(shells, bad, "MetrologyJobResults00.MetrologyResultsList[0].QualityInSpec") == "false"
    assert value(shells, "unit/SN%2F1/Nameplate", "SerialNumber") == "SN/1"
    series = "Segments.InternalSegment00.Records.Record{:05d}.{}"
    assert value(shells, "lot/L-A/TimeSeries", series.format(1, "Score")) == "4.75"
    assert value(shells, "order/A-1/TimeSeries", series.format(0, "Remaining")) == "8642"
    steel = "certificate/GB%2F2026-0817/InspectionDocumentsOfSteelProducts"
    assert value(shells, steel, "ChemicalAnalysis.MassFraction_C") == "0.410"
    assert value(shells, steel, "MechanicalTests.TensileTest00.TensileStrengthIndividualValues[2]") == "971"
    area = "TechnicalPropertyAreas[0].Limits.Bore_mm"
    way = found(shells.tree("submodel", BASE + "product/P1/TechnicalData") or {}, area)
    assert way is not None
    assert (way[-1]["min"], way[-1]["max"]) == ("20.000", "20.021")
    model = f"module/{MODULE}/AIModelNameplate"
    assert value(shells, model, "TrainingResults.good_parts_held_out") == "4321"
    assert value(shells, f"module/{MODULE}/AIDeployment", "PerformanceInformation.InferenceTime00.Time")
    assert value(shells, "product/P1/CarbonFootprint", "ProductCarbonFootprints[0].PcfCO2eq") == "1.3579"
    derived = shells.derived_from("submodel", BASE + bad)
    assert derived == (story.verdicts[1],)


def test_an_undecided_part_has_no_result_until_a_person_decides(shells: RecordShells) -> None:
    assert shells.tree("submodel", BASE + "unit/%E8%BD%B43/QualityControlForMachining") is None


def test_a_unit_is_found_by_its_number_and_its_type_is_named(shells: RecordShells) -> None:
    wanted = encoded(json.dumps({"name": "serialNumber", "value": "SN/1"}))
    (only,) = json.loads(ask(shells, "shells", assetIds=wanted).body)["result"]
    assert only["id"] == BASE + "unit/SN%2F1"
    assert only["derivedFrom"]["keys"][0]["value"] == BASE + "product/P1"
    page = json.loads(ask(shells, "submodels", idShort="TimeSeries").body)["result"]
    assert [each["id"].removeprefix(BASE) for each in page] == ["order/A-1/TimeSeries", "lot/L-A/TimeSeries"]


def test_a_withdrawn_certificate_is_gone() -> None:
    story = Story()
    try:
        before = story.shells()
        certificate = BASE + "certificate/GB%2F2026-0817/"
        assert any(each.startswith(certificate) for each in before.ids("submodel"))
        story.plant.say(
            DRAFTER,
            "production.certificate",
            subject=CertificateSubject("GB/2026-0817", "acme", "P1", "A-1", "L-A", "H-7"),
            statement=CertificateStatement("3.1", story.json_sha256, story.pdf_sha256, state="withdrawn"),
        )
        after = story.under_the_last()
        assert not any(each.startswith(certificate) for each in after.ids("submodel"))
        assert after.version != before.version
        assert "GB/2026-0817" not in everything(after)
        assert any(each.startswith(certificate) for each in before.ids("submodel")), "a view never changes"
    finally:
        story.close()


def test_what_is_an_orders_is_there_once_and_its_lots_and_units_name_it() -> None:
    story = Story()
    try:
        story.plant.say(
            DRAFTER,
            "production.certificate",
            subject=CertificateSubject("C-ORDER", "acme", "P1", "A-1"),
            statement=CertificateStatement("2.1", story.pdf_sha256),
        )
        story.plant.say(
            DRAFTER,
            "exchange.document",
            subject=DocumentSubject(order="A-1"),
            statement=DocumentStatement(SharedDocument("cc" * 32, "packing.pdf", "application/pdf", 9, "other")),
        )
        view = story.shells()
        names = ("order/A-1/HandoverDocumentation", "certificate/C-ORDER/DigitalQualityDocuments")
        shared = [BASE + name for name in names]
        for kind in ("lot/L-A", "unit/SN%2F1", "unit/SN%202"):
            tree = view.tree("shell", BASE + kind)
            assert tree is not None
            assert set(shared) < {each["keys"][0]["value"] for each in tree["submodels"]}
        for submodel in shared:
            assert list(view.ids("submodel")).count(submodel) == 1
            assert [each.removeprefix(BASE) for each in view.shells_naming(submodel)] == [
                "lot/L-A",
                "unit/SN%202",
                "unit/SN%2F1",
                "unit/%E8%BD%B43",
            ]
            service = json.loads(ask(view, "services", "submodels", encoded(submodel), "submodel").body)
            assert service["id"] == submodel
        assert_official_engine_finds_nothing(json.loads(ask(view, "serialization").body))
    finally:
        story.close()


def test_a_persons_decision_takes_the_verdicts_place() -> None:
    story = Story()
    try:
        index = story.verdict("SN9", Verdict.UNDECIDED, None)
        types = (*TYPES, "inspection.review")
        identifier = BASE + "unit/SN9/QualityControlForMachining"
        assert story.shells(map(whole, types)).tree("submodel", identifier) is None
        review = story.plant.say(
            DRAFTER,
            "inspection.review",
            subject=ReviewSubject("ST10", index, None, "P1", "A-1"),
            statement=ReviewStatement("defective"),
        )
        view = story.under_the_last()
        run = "unit/SN9/QualityControlForMachining"
        assert value(view, run, "MetrologyJobResults00.MetrologyResultsList[0].QualityInSpec") == "false"
        assert view.derived_from("submodel", identifier) == (index, review)
        assert story.shells().tree("submodel", identifier) is None
    finally:
        story.close()


def test_the_sandbox_has_shells_that_the_engine_accepts() -> None:
    box = Sandbox(b"s" * 32, SystemClock())
    try:
        view = RecordShells(Reading(box.view(), Naming(ORIGIN), MAKER, box))
        assert len(view.ids("shell")) > 3
        assert_official_engine_finds_nothing(json.loads(ask(view, "serialization").body))
    finally:
        box.close()


def test_files_are_served_where_their_records_are_seen(shells: RecordShells, story: Story) -> None:
    document = encoded(BASE + "product/P1/HandoverDocumentation")
    path = "Documents[0].DocumentVersions[0].DigitalFiles[0]"
    assert ask(shells, "submodels", document, "submodel-elements", path, "attachment").body == b"%PDF-1.7 manual"
    assert shells.file(f"/aasx/files/{'ee' * 32}.bin") is None
    assert shells.file(f"/aasx/files/{story.pdf_sha256}.pdf") is not None


# ── the checkers ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_official_engine_finds_nothing_in_the_whole_environment(shells: RecordShells) -> None:
    assert_official_engine_finds_nothing(json.loads(ask(shells, "serialization").body))
    checks = pytest.importorskip("aas_test_engines.file")
    with zipfile.ZipFile(io.BytesIO(ask(shells, "serialization", accept=PACKAGE).body)) as archive:
        assert checks.check_aasx_data(archive).ok()


def test_each_submodel_follows_its_template(shells: RecordShells) -> None:
    for identifier in shells.ids("submodel"):
        shell = shells.tree("shell", shells.shells_naming(identifier)[0])
        tree = shells.tree("submodel", identifier)
        assert shell is not None
        assert tree is not None
        environment = {"assetAdministrationShells": [shell], "submodels": [tree]}
        assert_basyx_reads_it(environment)
        assert_template_is_followed(environment, TEMPLATES.get(tree["idShort"]))


# ── what is withheld ────────────────────────────────────────────────────────────────────────────────────────────

WITHHELD: list[tuple[str, str, str, list[str]]] = [
    ("production.result", "statement", "characteristics", ["20.013", "20.021", "101.77", "Bore", "ZEISS", "CMM-21"]),
    ("inspection.verdict", "statement", "verdict", ["Appearance at", "MetrologyJobResults01"]),
    ("inspection.verdict", "measurement", "score", ["4.75", "0.2619"]),
    ("inspection.verdict", "measurement", "threshold", ["1.8765"]),
    ("inspection.verdict", "process", "latency_ms", ["61.875"]),
    ("production.forecast", "statement", "remaining", ["8642", "7531"]),
    ("production.certificate", "statement", "json_sha256", ["MassFraction", "971", "JSON_SHA", "LS-20931"]),
    ("production.certificate", "statement", "pdf_sha256", ["PDF_SHA"]),
    ("production.certificate", "statement", "replaces", ["GB-OLD-16"]),
    ("production.certificate", "statement", "state", ["MassFraction", '"pass"']),
    ("production.lot", "statement", "product", ["lot/L-A/Nameplate"]),
    ("inspection.module", "statement", "threshold", ["1.2345"]),
    ("inspection.module", "statement", "overkill_upper_bound", ["0.0222"]),
    ("inspection.module", "statement", "good_parts_held_out", ["4321", "AIDataset/1/0"]),
    ("inspection.module", "inputs", "network_sha256", ["11" * 32]),
    ("inspection.module", "inputs", "training_sha256", ["33" * 32]),
    ("inspection.release", "statement", "action", ["AIDeployment"]),
    ("exchange.footprint", "statement", "kg_co2e_per_unit", ["1.3579"]),
    ("exchange.footprint", "statement", "declared_unit", ["kilogram"]),
    ("exchange.footprint", "statement", "declared_amount", ['"2.5"']),
    ("exchange.footprint", "statement", "methods", ["3.0.1"]),
    ("exchange.footprint", "statement", "mass_kg_per_unit", ["3.1234"]),
    ("exchange.document", "statement", "title_en", ["Shaft plan"]),
    ("exchange.document", "statement", "title_zh", ["轴图纸"]),
]
NEVER = ["guard-said-so", "Lab-Seven", "better-than-before", "person:", "9.8.7", "44" * 32, "0.5703", "6.54", "P9"]
"""Values for which no submodel has a place, and what is another's."""


@pytest.mark.parametrize(("record_type", "facet", "field", "values"), WITHHELD, ids=lambda each: str(each)[:40])
def test_a_withheld_field_is_in_no_form(
    story: Story, record_type: str, facet: str, field: str, values: list[str]
) -> None:
    wanted = [each.replace("JSON_SHA", story.json_sha256).replace("PDF_SHA", story.pdf_sha256) for each in values]
    seen = everything(story.shells())
    assert [each for each in wanted if each not in seen] == [], "the test looks for something that is never said"
    left = everything(
        story.shells(without(name, (facet, field)) if name == record_type else whole(name) for name in TYPES)
    )
    assert [each for each in wanted if each in left] == []
    assert [each for each in NEVER if each in seen or each in left] == []


@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(withheld=st.sets(st.integers(0, len(WITHHELD) - 1), min_size=2), types=st.sets(st.sampled_from(TYPES)))
def test_whatever_is_withheld_together_is_in_no_form(story: Story, withheld: set[int], types: set[str]) -> None:
    chosen = [WITHHELD[place] for place in sorted(withheld)]
    fields = {
        name: [(facet, field) for record_type, facet, field, _ in chosen if record_type == name] for name in TYPES
    }
    said = everything(story.shells(without(name, *fields[name]) for name in sorted(types)))
    for row in WITHHELD:
        if row in chosen or row[0] not in types:
            assert [each for each in row[3] if "_SHA" not in each and each in said] == [], row
    assert [each for each in NEVER if each in said] == []


def test_what_a_customer_sees_shrinks_with_every_field_and_type(story: Story) -> None:
    """Whatever is taken away from a contract, the interface still answers, and the engine still accepts it."""
    checks = pytest.importorskip("aas_test_engines.file")
    for record_type in TYPES:
        for facet in ("statement", "measurement", "inputs"):
            permission = whole(record_type)
            if facet not in permission.facets:
                continue
            for field in fields_of(record_type, facet):
                only = Permission(record_type, ("subject", facet), (f"{facet}.{field}",))
                view = story.shells([only])
                environment = json.loads(ask(view, "serialization").body)
                if environment:
                    result = checks.check_json_data(environment)
                    assert result.ok(), (record_type, facet, field, "\n".join(result.to_lines()))
    story.plant.draft(version=story.contracts + 1)
    story.contracts += 1
    story.plant.step("accepted", version=story.contracts)
    assert story.under_the_last().is_empty


def test_without_the_makers_address_there_are_no_nameplates(story: Story) -> None:
    view = story.shells(maker=msgspec.structs.replace(MAKER, address=None))
    said = everything(view)
    assert '/Nameplate"' not in said
    assert "Huanghe West Road 18" not in said
    assert_official_engine_finds_nothing(json.loads(ask(view, "serialization").body))


# ── whatever records say ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", ["\x01", "..", "/", "a" * 600, "轴" * 190, "%2F", "?x=1#y", " lead", "\U0001f600"])
def test_any_serial_number_makes_a_shell_that_the_engine_accepts(number: str) -> None:
    story = Story()
    try:
        story.verdict(number, Verdict.OK, 0.5)
        story.plant.say(
            DRAFTER,
            "production.result",
            subject=ResultSubject(unit=number, product="P1", order="A-1"),
            statement=ResultStatement(
                (
                    Characteristic("dimension", "\x02", "1e5", "\x03", "-1e5", "1e-5"),
                    Characteristic("dimension", "n", "NaN", "mm", "1", "2"),
                    Characteristic("dimension", "直径", "5", "", "9", "2"),
                )
            ),
        )
        view = story.shells()
        checks = pytest.importorskip("aas_test_engines.file")
        result = checks.check_json_data(json.loads(ask(view, "serialization").body))
        assert result.ok(), "\n".join(result.to_lines())
        assert len(view.ids("shell")) == (6 if number == ".." else 7)
        for identifier in view.ids("shell"):
            (specific, *_) = (view.tree("shell", identifier) or {})["assetInformation"]["specificAssetIds"]
            listed = json.loads(ask(view, "shells", assetIds=encoded(json.dumps(specific))).body)["result"]
            assert identifier in [each["id"] for each in listed]
    finally:
        story.close()
