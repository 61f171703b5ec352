"""Results as QIF 3.0: which units were inspected, with what verdict, and what was measured on them.

A characteristic stands four times: its definition (tolerance), its nominal (target), its item (on this product) and its
measurement (on this unit). What QIF has no place for, the records of the log, stands as user data in a namespace of our
own. Written are sizes with limits and form deviations; angles, positions and profiles need features and datums, which
results alone do not have.

Source: QIF 3.0 (ANSI/DMSC QIF 3.0, ISO 23952:2020), QIFResults and Characteristics.
"""

from __future__ import annotations

import hashlib
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec

from gaugeblock.exchange.decimal_text import decimal_of, plain
from gaugeblock.exchange.document_errors import QifFormError, QifLimitError
from gaugeblock.plant.facet import Verdict

NAMESPACE: Final = "http://qifstandards.org/xsd/qif3"
OURS: Final = "urn:gaugeblock:qif:records:1"
MAX_PARTS: Final = 50_000
MAX_CHARACTERISTICS: Final = 500
MAX_VALUES: Final = 500_000
_XSI = "http://www.w3.org/2001/XMLSchema-instance"

SizeKind = Literal["Diameter", "Radius", "Length", "Width", "SphericalDiameter"]
FormKind = Literal["Flatness", "Sphericity"]
_FORMS = ("Flatness", "Sphericity")
_STATUS: Final = {Verdict.OK: "PASS", Verdict.NOK: "FAIL", Verdict.UNDECIDED: "UNKNOWN"}


class Characteristic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured on every unit, in millimetres, decimal text.

    Parameters
    ----------
    name
        On the drawing; unique.
    nominal, lower, upper
        Target and both limits of a size; of a form deviation only ``upper``.
    """

    name: str
    kind: SizeKind | FormKind
    nominal: str | None = None
    lower: str | None = None
    upper: str | None = None


class InspectedUnit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit with its verdict and its measured values, by characteristic, in millimetres, decimal text.

    ``records`` are the indices in the log that verdict and values come from.
    """

    unit: str
    verdict: Verdict
    values: dict[str, str] = msgspec.field(default_factory=dict)
    records: tuple[int, ...] = ()


class Results(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file says: ``created`` is aware; ``order`` is the customer's."""

    product: str
    created: datetime
    log_origin: str
    characteristics: tuple[Characteristic, ...]
    units: tuple[InspectedUnit, ...]
    order: str | None = None


def qif_results(results: Results) -> bytes:
    """A QIF 3.0 document, UTF-8.

    Raises
    ------
    DecimalTextError
    QifFormError
        A value of no characteristic, a characteristic twice, limits that cross, a letter that XML cannot carry.
    QifLimitError
    """
    _check(results)
    return _Writer().write(results)


class _Writer:
    """Gives each element that is referred to its number within the file."""

    def __init__(self) -> None:
        self._last = 0

    def _id(self) -> str:
        self._last += 1
        return str(self._last)

    def write(self, results: Results) -> bytes:
        root = ET.Element("QIFDocument")
        _leaf(root, "QPId", str(uuid.uuid5(uuid.NAMESPACE_URL, f"{results.log_origin}/{_digest(results)}")))
        version = ET.SubElement(root, "Version")
        created = results.created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        _leaf(version, "TimeCreated", created)
        application = ET.SubElement(ET.SubElement(root, "Header"), "Application")
        _leaf(application, "Name", "Gaugeblock")
        if results.order is not None:
            _leaf(ET.SubElement(root, "PreInspectionTraceability"), "PurchaseOrderNumber", results.order)
        _units(root)
        parts = ET.SubElement(ET.SubElement(root, "Product"), "PartSet", n="1")
        ET.SubElement(parts, "Part", id=self._id(), label=results.product)
        items = self._characteristics(root, results.characteristics)
        records = self._results(root, results, items)
        user = ET.SubElement(ET.SubElement(root, "UserDataXML"), f"{{{OURS}}}Records", log=results.log_origin)
        for number, indices in records:
            ET.SubElement(user, f"{{{OURS}}}Record", results=number, indices=" ".join(map(str, indices)))
        root.set("xmlns", NAMESPACE)
        root.set("versionQIF", "3.0.0")
        root.set("idMax", str(self._last))
        root.set(f"{{{_XSI}}}schemaLocation", f"{NAMESPACE} ../QIFApplications/QIFDocument.xsd")
        ET.register_namespace("gb", OURS)
        ET.register_namespace("xsi", _XSI)
        ET.indent(root)
        text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
        return text + b"\n"

    def _characteristics(
        self, root: ET.Element, all_: Sequence[Characteristic]
    ) -> dict[str, tuple[str, Characteristic]]:
        if not all_:
            return {}
        count = str(len(all_))
        aspects = ET.SubElement(root, "Characteristics")
        definitions = ET.SubElement(aspects, "CharacteristicDefinitions", n=count)
        nominals = ET.SubElement(aspects, "CharacteristicNominals", n=count)
        items = ET.SubElement(aspects, "CharacteristicItems", n=count)
        named = {}
        for one in all_:
            definition = ET.SubElement(definitions, f"{one.kind}CharacteristicDefinition", id=self._id())
            if one.kind in _FORMS:
                _leaf(definition, "ToleranceValue", _limit(one.upper, one.name))
            else:
                tolerance = ET.SubElement(definition, "Tolerance")
                _leaf(tolerance, "MaxValue", _limit(one.upper, one.name))
                _leaf(tolerance, "MinValue", _limit(one.lower, one.name))
                _leaf(tolerance, "DefinedAsLimit", "true")
            nominal = ET.SubElement(nominals, f"{one.kind}CharacteristicNominal", id=self._id())
            _leaf(nominal, "CharacteristicDefinitionId", definition.get("id") or "")
            if one.nominal is not None and one.kind not in _FORMS:
                _leaf(nominal, "TargetValue", plain(decimal_of(one.nominal, one.name)))
            item = ET.SubElement(items, f"{one.kind}CharacteristicItem", id=self._id())
            _leaf(item, "Name", one.name)
            _leaf(item, "CharacteristicNominalId", nominal.get("id") or "")
            named[one.name] = (item.get("id") or "", one)
        return named

    def _results(
        self, root: ET.Element, results: Results, items: dict[str, tuple[str, Characteristic]]
    ) -> list[tuple[str, tuple[int, ...]]]:
        count = str(len(results.units))
        top = ET.SubElement(root, "Results")
        measured = ET.SubElement(top, "MeasurementResultsSet", n=count)
        components = ET.SubElement(top, "ActualComponentSets", n=count)
        records = []
        for unit in results.units:
            one = ET.SubElement(measured, "MeasurementResults", id=self._id())
            if unit.values:
                group = ET.SubElement(ET.SubElement(one, "MeasuredCharacteristics"), "CharacteristicMeasurements")
                group.set("n", str(len(unit.values)))
                for name, text in unit.values.items():
                    item, characteristic = items[name]
                    value = decimal_of(text, name)
                    each = ET.SubElement(group, f"{characteristic.kind}CharacteristicMeasurement", id=self._id())
                    _leaf(ET.SubElement(each, "Status"), "CharacteristicStatusEnum", _status(value, characteristic))
                    _leaf(each, "CharacteristicItemId", item)
                    _leaf(each, "Value", plain(value))
            _leaf(ET.SubElement(one, "InspectionStatus"), "InspectionStatusEnum", _STATUS[unit.verdict])
            component = ET.SubElement(
                ET.SubElement(components, "ActualComponentSet", n="1"), "ActualComponent", id=self._id()
            )
            _leaf(component, "SerialNumber", unit.unit)
            _leaf(ET.SubElement(component, "Status"), "InspectionStatusEnum", _STATUS[unit.verdict])
            _leaf(ET.SubElement(one, "ActualComponentIds", n="1"), "Id", component.get("id") or "")
            records.append((one.get("id") or "", unit.records))
        return records


def _units(root: ET.Element) -> None:
    primary = ET.SubElement(ET.SubElement(root, "FileUnits"), "PrimaryUnits")
    linear = ET.SubElement(primary, "LinearUnit")
    _leaf(linear, "SIUnitName", "meter")
    _leaf(linear, "UnitName", "mm")
    _leaf(ET.SubElement(linear, "UnitConversion"), "Factor", "0.001")


def _leaf(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _limit(text: str | None, where: str) -> str:
    if text is None:
        raise QifFormError(where=where, detail="lower, upper")
    return plain(decimal_of(text, where))


def _status(value: Decimal, one: Characteristic) -> str:
    """Whether the value keeps its limits."""
    low = one.lower is None or value >= decimal_of(one.lower, one.name)
    high = one.upper is None or value <= decimal_of(one.upper, one.name)
    return "PASS" if low and high else "FAIL"


def _digest(results: Results) -> str:

    return hashlib.sha256(msgspec.json.encode(results)).hexdigest()


def _check(results: Results) -> None:
    for what, found, limit in (
        ("units", len(results.units), MAX_PARTS),
        ("characteristics", len(results.characteristics), MAX_CHARACTERISTICS),
        ("values", sum(len(unit.values) for unit in results.units), MAX_VALUES),
    ):
        if found > limit:
            raise QifLimitError(what=what, found=found, limit=limit)
    if not results.units:
        raise QifFormError(where="units", detail="0")
    names = [one.name for one in results.characteristics]
    if len(set(names)) != len(names):
        raise QifFormError(where="characteristics", detail=next(name for name in names if names.count(name) > 1))
    for one in results.characteristics:
        both = one.lower is not None and one.upper is not None
        if both and decimal_of(_limit(one.lower, one.name), one.name) > decimal_of(
            _limit(one.upper, one.name), one.name
        ):
            raise QifFormError(where=one.name, detail=f"{one.lower} > {one.upper}")
    known = set(names)
    for unit in results.units:
        for name in unit.values:
            if name not in known:
                raise QifFormError(where=unit.unit, detail=name)
    texts = [results.product, results.log_origin, results.order or "", *names, *(unit.unit for unit in results.units)]
    for text in texts:
        if not all(_carried(letter) for letter in text):
            raise QifFormError(where=repr(text)[:60], detail="XML 1.0")


def _carried(letter: str) -> bool:
    """Whether XML 1.0 has this character (production 2, Char)."""
    code = ord(letter)
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
