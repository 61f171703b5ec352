"""Inspection results in QIF: which part, passed or not, and what was measured on it. Read as a stream of XML events.

A document type is refused, so that no entity can be expanded; depth, parts and values are bounded.

Source: ANSI/DMSC QIF 2.1 and 3.0 (ISO 23952:2020), QIFResults.
"""

from __future__ import annotations

from xml.parsers import expat

import msgspec

from gaugeblock.connectors.errors import QifFormError, QifTooLargeError

BYTES_MAX = 1 << 28
PARTS_MAX, VALUES_MAX, DEPTH_MAX = 100_000, 5_000_000, 100
_ACTUAL = "CharacteristicActual"
_ITEM = "CharacteristicItem"


class QifValue(msgspec.Struct, frozen=True):
    """A measured characteristic: its name on the product, its value in the file's unit, whether it passed."""

    characteristic: str
    value: float | None
    passed: bool | None


class QifPart(msgspec.Struct, frozen=True):
    """The results of one part; ``passed`` is ``None`` where the file does not say."""

    serial: str
    passed: bool | None
    values: tuple[QifValue, ...]


class _Reader:
    def __init__(self) -> None:
        self.path: list[str] = []
        self.text: list[str] = []
        self.items: dict[str, str] = {}
        self.serials: dict[str, str] = {}
        self.item_id = self.component_id = ""
        self.parts: list[tuple[str, bool | None, list[tuple[str, float | None, bool | None]]]] = []
        self.count = 0
        self.value: float | None = None
        self.passed: bool | None = None
        self.item = ""

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if len(self.path) >= DEPTH_MAX:
            raise QifTooLargeError(what="depth", limit=DEPTH_MAX)
        self.path.append(name)
        self.text.clear()
        if name.endswith(_ITEM):
            self.item_id = attributes.get("id", "")
        elif name == "ActualComponent":
            self.component_id = attributes.get("id", "")
        elif name == "MeasurementResults":
            if len(self.parts) >= PARTS_MAX:
                raise QifTooLargeError(what="parts", limit=PARTS_MAX)
            self.parts.append(("", None, []))
        elif name.endswith(_ACTUAL):
            self.value, self.passed, self.item = None, None, ""

    def data(self, text: str) -> None:
        self.text.append(text)

    def end(self, _tag: str) -> None:
        name = self.path.pop()
        text = "".join(self.text).strip()
        self.text.clear()
        above = self.path[-1] if self.path else ""
        if name == "Name" and above.endswith(_ITEM):
            self.items[self.item_id] = text
        elif name == "SerialNumber" and above == "ActualComponent":
            self.serials[self.component_id] = text
        elif name == "CharacteristicStatusEnum":
            self.passed = _passed(text)
        elif name == "InspectionStatusEnum" and "MeasurementResults" in self.path and self.parts:
            self.parts[-1] = (self.parts[-1][0], _passed(text), self.parts[-1][2])
        elif name == "CharacteristicItemId" and above.endswith(_ACTUAL):
            self.item = text
        elif name == "Value" and above.endswith(_ACTUAL):
            self.value = _number(text)
        elif name == "Id" and above == "ActualComponentIds" and self.parts:
            self.parts[-1] = (text, *self.parts[-1][1:])
        elif name.endswith(_ACTUAL) and self.parts:
            self.count += 1
            if self.count > VALUES_MAX:
                raise QifTooLargeError(what="values", limit=VALUES_MAX)
            self.parts[-1][2].append((self.item, self.value, self.passed))


def _passed(text: str) -> bool | None:
    return {"PASS": True, "FAIL": False}.get(text)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def parse_qif(data: bytes) -> tuple[QifPart, ...]:
    """The parts in the bytes of a QIF document, in its order.

    Raises
    ------
    QifTooLargeError, QifFormError

    Examples
    --------
    >>> text = '''<QIFDocument xmlns="http://qifstandards.org/xsd/qif2"><A><DiameterCharacteristicItem id="2">
    ... <Name>D1</Name></DiameterCharacteristicItem></A><MeasurementResults><X><DiameterCharacteristicActual>
    ... <Status><CharacteristicStatusEnum>PASS</CharacteristicStatusEnum></Status><CharacteristicItemId>2
    ... </CharacteristicItemId><Value>4.5</Value></DiameterCharacteristicActual></X><InspectionStatus>
    ... <InspectionStatusEnum>PASS</InspectionStatusEnum></InspectionStatus></MeasurementResults></QIFDocument>'''
    >>> parse_qif(text.encode())[0].values
    (QifValue(characteristic='D1', value=4.5, passed=True),)
    """
    if len(data) > BYTES_MAX:
        raise QifTooLargeError(what="bytes", limit=BYTES_MAX)
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise QifFormError(detail="DOCTYPE")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = reader.begin
    parser.CharacterDataHandler = reader.data
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as fault:
        raise QifFormError(detail=str(fault)) from fault
    return tuple(
        QifPart(
            reader.serials.get(component, component),
            passed,
            tuple(QifValue(reader.items.get(item, item), value, one) for item, value, one in values),
        )
        for component, passed, values in reader.parts
    )
