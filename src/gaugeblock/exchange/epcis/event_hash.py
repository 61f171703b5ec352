"""The event hash of CBV 2.0: an id that an event's content gives, whoever writes it and in whatever order.

The values are set down in the order of the standard, each in one canonical form, lists sorted, and hashed. The id of
the event, its record time and its error declaration take no part: a declaration repeats the event that it is about.

Source: CBV 2.0 (ISO/IEC 19988), section 8.9; RFC 6920 for the URI.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal

from gaugeblock.exchange.decimal_text import plain
from gaugeblock.exchange.epcis import vocabulary as cbv
from gaugeblock.exchange.epcis.digital_link import canonical
from gaugeblock.exchange.epcis.json_ld import ReadEvent, event_tree
from gaugeblock.exchange.text_forms import moment_of

VERSION: Final = "CBV2.0"
Form = Literal["digital_link", "urn"]
"""How objects and words are named: as the standard says, or as the ids of GS1's published examples were made."""
_BASES: Final[dict[Form, dict[str, str]]] = {
    "digital_link": {
        "BizStep": "https://ref.gs1.org/cbv/BizStep-",
        "Disp": "https://ref.gs1.org/cbv/Disp-",
        "BTT": "https://ref.gs1.org/cbv/BTT-",
        "SDT": "https://ref.gs1.org/cbv/SDT-",
        "Comp": "https://ref.gs1.org/cbv/Comp-",
        "voc": "https://gs1.org/voc/",
    },
    "urn": {
        "BizStep": "urn:epcglobal:cbv:bizstep:",
        "Disp": "urn:epcglobal:cbv:disp:",
        "BTT": "urn:epcglobal:cbv:btt:",
        "SDT": "urn:epcglobal:cbv:sdt:",
        "Comp": "cbv:Comp-",
        "voc": "gs1:",
    },
}
_WORDS: Final = {
    "bizStep": (cbv.BIZ_STEPS, "BizStep"),
    "disposition": (cbv.DISPOSITIONS, "Disp"),
    "set": (cbv.DISPOSITIONS, "Disp"),
    "unset": (cbv.DISPOSITIONS, "Disp"),
    "component": (cbv.COMPONENTS, "Comp"),
    "exception": (cbv.ALERT_TYPES, "voc"),
    "type": (cbv.MEASUREMENT_TYPES, "voc"),
}
_QUANTITY = ("epcClass", "quantity", "uom")
_METADATA = (
    "time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules",
)  # fmt: skip
_REPORT = (
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism",
    "chemicalSubstance", "value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue", "minValue",
    "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem",
)  # fmt: skip
_ORDER = (
    "eventTime", "eventTimeZoneOffset", "epcList", "parentID", "inputEPCList", "childEPCs", "quantityList",
    "childQuantityList", "inputQuantityList", "outputEPCList", "outputQuantityList", "action", "transformationID",
    "bizStep", "disposition", "persistentDisposition", "readPoint", "bizLocation", "bizTransactionList", "sourceList",
    "destinationList", "sensorElementList",
)  # fmt: skip
_TYPES: Final = {
    "bizTransactionList": ("bizTransaction", cbv.TRANSACTION_TYPES, "BTT"),
    "sourceList": ("source", cbv.SOURCE_TYPES, "SDT"),
    "destinationList": ("destination", cbv.SOURCE_TYPES, "SDT"),
}
_TIMES = frozenset({"eventTime", "time", "startTime", "endTime"})


def event_hash(event: ReadEvent, prefixes: Mapping[str, str] | None = None, form: Form = "digital_link") -> str:
    """The id of an event as a ``ni`` URI.

    Parameters
    ----------
    prefixes
        Prefix → vocabulary of the document's context, for the members that vendors added.
    form
        How objects and words are named.
    """
    digest = hashlib.sha256(pre_hash(event, prefixes, form).encode("utf-8")).hexdigest()
    return f"ni:///sha-256;{digest}?ver={VERSION}"


def pre_hash(event: ReadEvent, prefixes: Mapping[str, str] | None = None, form: Form = "digital_link") -> str:
    """The text that is hashed."""
    return _PreHash(prefixes or {}, form).of(event_tree(event))


class _PreHash:
    def __init__(self, prefixes: Mapping[str, str], form: Form) -> None:
        self._prefixes = prefixes
        self._bases = _BASES[form]
        self._canonical = form == "digital_link"
        self._name = canonical if form == "digital_link" else str

    def of(self, tree: dict[str, object]) -> str:
        parts = [f"eventType={tree['type']}"]
        parts += [self._member(name, tree[name]) for name in _ORDER if name in tree]
        rest = _vendor(tree)
        if tree.get("ilmd"):
            rest["ilmd"] = tree["ilmd"]
        return "".join(parts) + self._extensions(rest)

    def _member(self, name: str, value: object) -> str:
        if name in ("readPoint", "bizLocation") and isinstance(value, dict):
            return f"{name}id={self._name(str(value.get('id')))}" + self._extensions(_vendor(value))
        if name == "persistentDisposition" and isinstance(value, dict):
            given = [
                (part, one) for part in ("set", "unset") if part in value for one in sorted(_list(value[part]), key=str)
            ]
            return name + "".join(f"{part}={self._text(part, one)}" for part, one in given)
        if not isinstance(value, list):
            return f"{name}={self._text(name, value)}"
        entries = sorted(self._entry(name, one) for one in value)
        return name + "".join(entries) if entries else ""

    def _entry(self, name: str, entry: object) -> str:
        if not isinstance(entry, dict):
            return f"epc={self._name(str(entry))}"
        if name in _TYPES:
            inner, words, base = _TYPES[name]
            kind = entry.get("type")
            said = "" if kind is None else f"type={self._bases[base] + kind if kind in words else kind}"
            named = f"{inner}={self._name(str(entry[inner]))}"
            return said + named if self._canonical else named + said
        if name == "sensorElementList":
            return self._sensor_element(entry)
        return "quantityElement" + self._fields(entry, _QUANTITY)

    def _fields(self, element: dict[str, object], names: tuple[str, ...]) -> str:
        return "".join(f"{name}={self._text(name, element[name])}" for name in names if name in element)

    def _sensor_element(self, element: dict[str, object]) -> str:
        parts = ["sensorElement"]
        metadata = element.get("sensorMetadata")
        if isinstance(metadata, dict):
            parts.append("sensorMetadata" + self._fields(metadata, _METADATA) + self._extensions(_vendor(metadata)))
        reports = [one for one in _list(element.get("sensorReport")) if isinstance(one, dict)]
        parts += sorted("sensorReport" + self._fields(one, _REPORT) + self._extensions(_vendor(one)) for one in reports)
        return "".join(parts) + self._extensions(_vendor(element))

    def _text(self, name: str, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            number = plain(Decimal(value))
            return number.rstrip("0").rstrip(".") if "." in number else number
        text = str(value).strip()
        if name in _TIMES:
            return to_milliseconds(text)
        if name in _WORDS:
            words, base = _WORDS[name]
            return self._bases[base] + text if text in words else text
        return self._name(text)

    def _extensions(self, members: Mapping[str, object]) -> str:
        """Vendors' members, sorted, each under its vocabulary's full name."""
        parts: list[str] = []
        for name, value in members.items():
            prefix, _, local = name.partition(":")
            base = self._prefixes.get(prefix)
            full = name if base is None else (f"{{{base}}}{local}" if self._canonical else base + local)
            for one in _list(value):
                said = self._extensions(one) if isinstance(one, dict) else f"={self._text(local, one)}"
                parts.append(full + said)
        return "".join(sorted(parts))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _vendor(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if ":" in name}


def to_milliseconds(text: str) -> str:
    """A time in UTC with three decimals, rounded half up.

    >>> to_milliseconds("2005-04-03T20:33:31.116000-06:00")
    '2005-04-04T02:33:31.116Z'
    """
    moment = moment_of(text)
    rounded = moment + timedelta(microseconds=500)
    return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000).isoformat(timespec="milliseconds")[:-6] + "Z"


def prefixes_of(context: object) -> dict[str, str]:
    """Prefix → vocabulary, as a JSON-LD context declares them."""
    found: dict[str, str] = {}
    for part in _list(context):
        if isinstance(part, dict):
            found.update({str(name): str(url) for name, url in part.items() if not str(name).startswith("@")})
    return found
