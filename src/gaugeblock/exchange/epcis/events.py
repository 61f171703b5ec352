"""The five kinds of EPCIS events, in types: what happened to which objects, when, where, why and how.

Members that vendors add (``prefix:name``) are not in the types; a reader keeps them beside the event by their place.

Source: EPCIS 2.0 (ISO/IEC 19987:2024), section 7.4; the rules of ``__post_init__`` are those of its JSON schema.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec

from gaugeblock.exchange.epcis import vocabulary as cbv
from gaugeblock.exchange.text_forms import MOMENT, URI, check_forms

_OFFSET = re.compile(r"[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_UNIT = re.compile("[A-Z0-9]{2,3}")
_HEX = re.compile("[A-Fa-f0-9]+")

Uri = str
"""A URI; the form is checked where the types are built."""
Time = str
"""RFC 3339 with its offset, as it was written."""
Action = Literal["OBSERVE", "ADD", "DELETE"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Base: immutable, absent where ``None``; subclasses name the forms of their texts."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {}

    def __post_init__(self) -> None:
        """Raises ``ValueError``, which msgspec reports with its place."""
        check_forms(self, self.forms)
        self._check()

    def _check(self) -> None:
        """The type's own rules."""


class Place(_Part, frozen=True, kw_only=True):
    """A read point or business location."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"id": URI}
    id: Uri


class QuantityElement(_Part, frozen=True, kw_only=True):
    """Some of a class: ``quantity`` in ``uom`` (UN/CEFACT Recommendation 20), or pieces."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"epc_class": URI, "uom": _UNIT}
    epc_class: Uri
    quantity: Decimal | None = None
    uom: str | None = None


class BizTransaction(_Part, frozen=True, kw_only=True):
    """A document of business, such as an order or a certificate."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"biz_transaction": URI}
    biz_transaction: Uri
    type: str | None = None

    def _check(self) -> None:
        cbv.word_or_uri(self.type, cbv.TRANSACTION_TYPES, "bizTransaction type")


class Source(_Part, frozen=True, kw_only=True):
    """Where a transfer starts."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"source": URI}
    type: str
    source: Uri

    def _check(self) -> None:
        cbv.word_or_uri(self.type, cbv.SOURCE_TYPES, "source type")


class Destination(_Part, frozen=True, kw_only=True):
    """Where a transfer ends."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"destination": URI}
    type: str
    destination: Uri

    def _check(self) -> None:
        cbv.word_or_uri(self.type, cbv.SOURCE_TYPES, "destination type")


class PersistentDisposition(_Part, frozen=True, kw_only=True):
    """Dispositions that stay until unset, beside the one that the next event replaces."""

    set: tuple[str, ...] | None = None
    unset: tuple[str, ...] | None = None

    def _check(self) -> None:
        if not self.set and not self.unset:
            raise ValueError("a persistent disposition sets or unsets something")
        for value in (*(self.set or ()), *(self.unset or ())):
            cbv.word_or_uri(value, cbv.DISPOSITIONS, "disposition")


class ErrorDeclaration(_Part, frozen=True, kw_only=True):
    """Says of an earlier event, which this one repeats, that it is in error."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"declaration_time": MOMENT, "corrective_event_ids": URI}
    declaration_time: Time
    reason: str | None = None
    corrective_event_ids: tuple[Uri, ...] | None = msgspec.field(default=None, name="correctiveEventIDs")

    def _check(self) -> None:
        cbv.word_or_uri(self.reason, cbv.ERROR_REASONS, "error reason")


class SensorMetadata(_Part, frozen=True, kw_only=True):
    """What all reports of a sensor element share."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {
        "time": MOMENT, "start_time": MOMENT, "end_time": MOMENT, "device_id": URI, "device_metadata": URI,
        "raw_data": URI, "data_processing_method": URI, "biz_rules": URI,
    }  # fmt: skip
    time: Time | None = None
    start_time: Time | None = None
    end_time: Time | None = None
    device_id: Uri | None = msgspec.field(default=None, name="deviceID")
    device_metadata: Uri | None = None
    raw_data: Uri | None = None
    data_processing_method: Uri | None = None
    biz_rules: Uri | None = None


class SensorReport(_Part, frozen=True, kw_only=True):
    """One observation: ``value`` in ``uom``, or a text, a truth, a digest, a URI; or statistics over the period."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {
        "time": MOMENT, "device_id": URI, "device_metadata": URI, "raw_data": URI, "data_processing_method": URI,
        "biz_rules": URI, "microorganism": URI, "chemical_substance": URI, "coordinate_reference_system": URI,
        "uri_value": URI, "hex_binary_value": _HEX,
    }  # fmt: skip
    type: str
    value: Decimal | None = None
    uom: str | None = None
    exception: str | None = None
    device_id: Uri | None = msgspec.field(default=None, name="deviceID")
    device_metadata: Uri | None = None
    raw_data: Uri | None = None
    data_processing_method: Uri | None = None
    biz_rules: Uri | None = None
    time: Time | None = None
    microorganism: Uri | None = None
    chemical_substance: Uri | None = None
    coordinate_reference_system: Uri | None = None
    component: str | None = None
    string_value: str | None = None
    boolean_value: bool | None = None
    hex_binary_value: str | None = None
    uri_value: Uri | None = None
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    mean_value: Decimal | None = None
    s_dev: Decimal | None = None
    perc_rank: Decimal | None = None
    perc_value: Decimal | None = None

    def _check(self) -> None:
        cbv.word_or_uri(self.type, cbv.MEASUREMENT_TYPES, "measurement type")
        cbv.word_or_uri(self.exception, cbv.ALERT_TYPES, "exception")
        cbv.word_or_uri(self.component, cbv.COMPONENTS, "component")


class SensorElement(_Part, frozen=True, kw_only=True):
    """Reports with what they share."""

    sensor_report: Annotated[tuple[SensorReport, ...], msgspec.Meta(min_length=1)]
    sensor_metadata: SensorMetadata | None = None


_EVENT_FORMS = {
    "event_time": MOMENT,
    "event_time_zone_offset": _OFFSET,
    "event_id": URI,
    "record_time": MOMENT,
    "certification_info": URI,
}
Context = str | dict[str, object] | list[str | dict[str, object]]


class ExtendedEvent(_Part, frozen=True, kw_only=True):
    """What every event says; also a kind of event that a vendor defines, told by the URI in ``type``."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = _EVENT_FORMS
    type: str
    event_time: Time
    event_time_zone_offset: str
    event_id: Uri | None = msgspec.field(default=None, name="eventID")
    record_time: Time | None = None
    certification_info: Uri | tuple[Uri, ...] | None = None
    error_declaration: ErrorDeclaration | None = None
    context: Context | None = msgspec.field(default=None, name="@context")

    def _check(self) -> None:
        """Raises ``ValueError``: neither one of the five kinds nor a URI."""
        if type(self) is ExtendedEvent and (":" not in self.type):
            raise ValueError(f"no event is of the kind {self.type[:60]}")


class _StandardEvent(ExtendedEvent, frozen=True, kw_only=True):
    """What the five kinds share: the business context, transfers and sensor data."""

    biz_step: str | None = None
    disposition: str | None = None
    read_point: Place | None = None
    biz_location: Place | None = None
    biz_transaction_list: tuple[BizTransaction, ...] | None = None
    source_list: tuple[Source, ...] | None = None
    destination_list: tuple[Destination, ...] | None = None
    sensor_element_list: tuple[SensorElement, ...] | None = None

    def __post_init__(self) -> None:
        """Raises ``ValueError``."""
        cbv.word_or_uri(self.biz_step, cbv.BIZ_STEPS, "bizStep")
        cbv.word_or_uri(self.disposition, cbv.DISPOSITIONS, "disposition")
        super().__post_init__()


class ObjectEvent(_StandardEvent, frozen=True, kw_only=True):
    """Something happened to objects: they were observed, came to be (ADD) or ceased (DELETE)."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {**_EVENT_FORMS, "epc_list": URI}
    type: Literal["ObjectEvent"] = msgspec.field(default="ObjectEvent")
    action: Action
    epc_list: tuple[Uri, ...] | None = None
    quantity_list: tuple[QuantityElement, ...] | None = None
    persistent_disposition: PersistentDisposition | None = None
    ilmd: dict[str, object] | None = None

    def _check(self) -> None:
        sensed = bool(self.sensor_element_list) and self.read_point is not None
        if self.epc_list is None and not self.quantity_list and not sensed:
            raise ValueError("an ObjectEvent names objects, quantities, or a sensor's read point")
        if self.ilmd is not None and self.action != "ADD":
            raise ValueError("master data of instances or lots (ilmd) belong to the action ADD")


class _Containment(_StandardEvent, frozen=True, kw_only=True):
    forms: ClassVar[dict[str, re.Pattern[str]]] = {**_EVENT_FORMS, "parent_id": URI, "child_epcs": URI}
    action: Action
    parent_id: Uri | None = msgspec.field(default=None, name="parentID")
    child_epcs: tuple[Uri, ...] | None = msgspec.field(default=None, name="childEPCs")
    child_quantity_list: tuple[QuantityElement, ...] | None = None

    def _check(self) -> None:
        if not self.child_epcs and not self.child_quantity_list and self.action != "DELETE":
            raise ValueError("children are named, unless all are removed")


class AggregationEvent(_Containment, frozen=True, kw_only=True):
    """Objects were put together with a container that can be taken apart again."""

    type: Literal["AggregationEvent"] = msgspec.field(default="AggregationEvent")


class AssociationEvent(_Containment, frozen=True, kw_only=True):
    """Objects were joined to an asset or place for a while, such as a sensor to a machine."""

    type: Literal["AssociationEvent"] = msgspec.field(default="AssociationEvent")

    def _check(self) -> None:
        if self.parent_id is None:
            raise ValueError("an AssociationEvent names its parentID")
        super()._check()


class TransactionEvent(_StandardEvent, frozen=True, kw_only=True):
    """Objects were joined to documents of business."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {**_EVENT_FORMS, "parent_id": URI, "epc_list": URI}
    type: Literal["TransactionEvent"] = msgspec.field(default="TransactionEvent")
    action: Action
    parent_id: Uri | None = msgspec.field(default=None, name="parentID")
    epc_list: tuple[Uri, ...] | None = None
    quantity_list: tuple[QuantityElement, ...] | None = None

    def _check(self) -> None:
        if not self.biz_transaction_list:
            raise ValueError("a TransactionEvent names its transactions")
        if self.epc_list is None and not self.quantity_list and self.action != "DELETE":
            raise ValueError("a TransactionEvent names objects or quantities, unless all are removed")


class TransformationEvent(_StandardEvent, frozen=True, kw_only=True):
    """Inputs were used up and outputs came to be."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {
        **_EVENT_FORMS, "input_epc_list": URI, "output_epc_list": URI, "transformation_id": URI,
    }  # fmt: skip
    type: Literal["TransformationEvent"] = msgspec.field(default="TransformationEvent")
    input_epc_list: tuple[Uri, ...] | None = msgspec.field(default=None, name="inputEPCList")
    input_quantity_list: tuple[QuantityElement, ...] | None = None
    output_epc_list: tuple[Uri, ...] | None = msgspec.field(default=None, name="outputEPCList")
    output_quantity_list: tuple[QuantityElement, ...] | None = None
    transformation_id: Uri | None = msgspec.field(default=None, name="transformationID")
    persistent_disposition: PersistentDisposition | None = None
    ilmd: dict[str, object] | None = None

    def _check(self) -> None:
        put_in = bool(self.input_epc_list or self.input_quantity_list)
        came_out = bool(self.output_epc_list or self.output_quantity_list)
        enough = (put_in or came_out) if self.transformation_id else (put_in and came_out)
        if not enough:
            raise ValueError("a TransformationEvent names inputs and outputs, or one of them and its transformationID")


Event = ObjectEvent | AggregationEvent | AssociationEvent | TransactionEvent | TransformationEvent | ExtendedEvent
KINDS: dict[str, type[Event]] = {
    "ObjectEvent": ObjectEvent,
    "AggregationEvent": AggregationEvent,
    "AssociationEvent": AssociationEvent,
    "TransactionEvent": TransactionEvent,
    "TransformationEvent": TransformationEvent,
}
