"""QIF: well formed, every reference met, named as NIST's published results name things, statuses by the limits."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange import qif as module
from gaugeblock.exchange.document_errors import DecimalTextError, QifFormError, QifLimitError
from gaugeblock.exchange.qif import NAMESPACE, OURS, Characteristic, InspectedUnit, Results, qif_results
from gaugeblock.plant.facet import Verdict

NIST = Path(__file__).resolve().parents[2].parent / "shared/data/nist_sms_testbed/inspection"
Q = f"{{{NAMESPACE}}}"
replace = msgspec.structs.replace

RESULTS = Results(
    product='Impeller <KG-5512> & "Co"',
    created=datetime(2026, 11, 25, tzinfo=UTC),
    log_origin="czforge.example/gaugeblock",
    order="4500018823",
    characteristics=(
        Characteristic(name="D1", kind="Diameter", nominal="4.5", lower="4.40", upper="4.60"),
        Characteristic(name="F1", kind="Flatness", upper="0.05"),
    ),
    units=(
        InspectedUnit(unit="U1", verdict=Verdict.OK, values={"D1": "4.4860", "F1": "0.05"}, records=(3, 4)),
        InspectedUnit(unit="U2", verdict=Verdict.NOK, values={"D1": "4.6001"}, records=(5,)),
        InspectedUnit(unit="U3", verdict=Verdict.UNDECIDED),
    ),
)


def root(results: Results = RESULTS) -> ET.Element:
    return ET.fromstring(qif_results(results))


def text(element: ET.Element, path: str) -> str | None:
    return element.findtext("/".join(Q + step for step in path.split("/")))


def test_what_it_says() -> None:
    document = root()
    assert (document.tag, document.get("versionQIF")) == (f"{Q}QIFDocument", "3.0.0")
    assert document.find(f"{Q}Product/{Q}PartSet/{Q}Part").get("label") == RESULTS.product  # type: ignore[union-attr]
    measured = document.findall(f"{Q}Results/{Q}MeasurementResultsSet/{Q}MeasurementResults")
    assert [text(one, "InspectionStatus/InspectionStatusEnum") for one in measured] == ["PASS", "FAIL", "UNKNOWN"]
    values = [
        (each.tag.removeprefix(Q), text(each, "Status/CharacteristicStatusEnum"), text(each, "Value"))
        for one in measured
        for each in one.findall(f"{Q}MeasuredCharacteristics/{Q}CharacteristicMeasurements/*")
    ]
    assert values == [
        ("DiameterCharacteristicMeasurement", "PASS", "4.4860"),
        ("FlatnessCharacteristicMeasurement", "PASS", "0.05"),
        ("DiameterCharacteristicMeasurement", "FAIL", "4.6001"),
    ]
    serials = [one.text for one in document.iter(f"{Q}SerialNumber")]
    assert serials == ["U1", "U2", "U3"]


def test_it_names_the_records() -> None:
    records = root().find(f"{Q}UserDataXML/{{{OURS}}}Records")
    assert records is not None
    assert records.get("log") == RESULTS.log_origin
    assert [one.get("indices") for one in records] == ["3 4", "5", ""]


def _held_together(document: ET.Element) -> None:
    """Numbers are unique and within the stated highest, references are met, lists have the stated length."""
    ids = [element.get("id") for element in document.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    assert max(map(int, ids)) <= int(document.get("idMax") or 0)
    names = ("Id", "CharacteristicDefinitionId", "CharacteristicNominalId", "CharacteristicItemId")
    references = [element.text for name in names for element in document.iter(Q + name)]
    assert references
    assert set(references) <= set(ids)
    for element in document.iter():
        if element.get("n"):
            assert int(element.get("n") or 0) == len(element)


def test_it_holds_together() -> None:
    _held_together(root())


@pytest.mark.skipif(not NIST.is_dir(), reason="../shared/data/nist_sms_testbed is not there")
def test_names_and_nesting_are_those_of_published_results() -> None:
    """NIST's files are of QIF 2.1; what 3.0 calls otherwise is listed."""
    renamed = {
        "Results": "MeasurementsResults",
        "CharacteristicMeasurements": "CharacteristicActuals",
        "DiameterCharacteristicMeasurement": "DiameterCharacteristicActual",
        "FlatnessCharacteristicMeasurement": "FlatnessCharacteristicActual",
    }
    published = set()
    for file in NIST.glob("*.QIF"):
        tree = ET.parse(file).getroot()
        old = tree.tag.removesuffix("QIFDocument")
        published |= {
            (parent.tag.removeprefix(old), child.tag.removeprefix(old)) for parent in tree.iter() for child in parent
        }
    ours = {
        tuple(renamed.get(one.tag.removeprefix(Q), one.tag.removeprefix(Q)) for one in (parent, child))
        for parent in root().iter()
        for child in parent
        if OURS not in child.tag
    }
    assert ours - published == {("QIFDocument", "UserDataXML")}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"units": ()}, QifFormError),
        ({"product": "a\x00b"}, QifFormError),
        ({"order": "\ud800"}, QifFormError),
        ({"characteristics": (*RESULTS.characteristics, RESULTS.characteristics[0])}, QifFormError),
        ({"characteristics": ()}, QifFormError),
        ({"characteristics": (Characteristic(name="D1", kind="Diameter", lower="2", upper="1"),)}, QifFormError),
        ({"characteristics": (Characteristic(name="D1", kind="Diameter", upper="1"),)}, QifFormError),
        ({"characteristics": (Characteristic(name="D1", kind="Diameter", lower="a", upper="1"),)}, DecimalTextError),
        ({"units": (InspectedUnit(unit="U", verdict=Verdict.OK, values={"D1": "4,5"}),)}, DecimalTextError),
    ],
)
def test_what_qif_cannot_say_is_named(changes: dict[str, object], error: type[Exception]) -> None:
    changed = replace(RESULTS, **changes)
    if changes.get("characteristics"):
        changed = replace(changed, units=(InspectedUnit(unit="U", verdict=Verdict.OK),))
    with pytest.raises(error):
        qif_results(changed)


def test_bounds_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, what in (("MAX_PARTS", "units"), ("MAX_CHARACTERISTICS", "characteristics"), ("MAX_VALUES", "values")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, 1)
            with pytest.raises(QifLimitError) as caught:
                qif_results(RESULTS)
            assert caught.value.facts["what"] == what


def test_the_same_results_give_the_same_bytes() -> None:
    assert qif_results(RESULTS) == qif_results(RESULTS)
    assert text(root(), "QPId") != text(root(replace(RESULTS, order="2")), "QPId")


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.text(min_size=1, max_size=12).filter(str.isprintable), min_size=1, max_size=4, unique=True),
    st.lists(st.decimals(-100, 100, places=3).map(lambda number: format(number, "f")), min_size=4, max_size=4),
)
def test_drawn_results_hold_together(names: list[str], values: list[str]) -> None:
    characteristics = tuple(Characteristic(name=name, kind="Length", lower="-1", upper="1") for name in names)
    units = (InspectedUnit(unit=names[0], verdict=Verdict.OK, values=dict(zip(names, values, strict=False))),)
    document = root(replace(RESULTS, characteristics=characteristics, units=units))
    _held_together(document)
    assert [one.text for one in document.iter(f"{Q}Name")][1:] == names
