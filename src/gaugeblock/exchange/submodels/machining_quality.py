"""Quality Control for Machining 1.0 (IDTA 02049): which features of a part are checked, how, and by which devices.

The template's areal surface features (ISO 25178) have no source in Gaugeblock's records and are not built.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from gaugeblock.exchange.aas.errors import AasValueError
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree, model_reference
from gaugeblock.exchange.submodels.vocabulary import Vocabulary, check_demanded, numbered

FeatureKind = Literal["linear", "attributive", "geometric"]
DATUMS_MOST = 3
SEMANTIC_ID = "https://admin-shell.io/idta/QualityControlForMachining/1/0"
"""The published template has no semantic id of its own; this is its identifier."""

_WORDS = Vocabulary(
    "https://admin-shell.io/idta/QualityControlForMachining/{}/1/0",
    {"SubmodelReference3D": "https://admin-shell.io/idta/QualityControlForMachining/3DSubmodelReference/1/0"},
)
_LISTS: dict[FeatureKind, str] = {
    "linear": "LinearFeaturesList",
    "attributive": "AttributiveFeaturesList",
    "geometric": "GeometricFeaturesList",
}
_NORM = ("0173-1#02-AAO933#003",)


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """What every kind of feature has.

    Parameters
    ----------
    model_element_ids
        Where it is in a three-dimensional model.
    drawing_places
        Page and coordinate in a drawing.
    """

    name: str
    procedure: str
    description: str | None = None
    inspected: bool = True
    norms: tuple[str, ...] = ()
    model_element_ids: tuple[str, ...] = ()
    drawing_places: tuple[tuple[str, str], ...] = ()


class LinearFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A length or diameter with its tolerance, signed, from the nominal value."""

    feature: Feature
    nominal: Decimal
    unit: str
    upper_tolerance: Decimal | None = None
    lower_tolerance: Decimal | None = None


class AttributiveFeature(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged good or not: the attributes that mean either."""

    feature: Feature
    ok: tuple[str, ...] = ()
    nok: tuple[str, ...] = ()


class ToleranceZone(msgspec.Struct, frozen=True, kw_only=True):
    """A zone of ISO 1101."""

    shape: str
    tolerance: Decimal
    unit: str
    sign: Literal["p", "m", "pm"] = "pm"


class GeometricFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A geometrical tolerance of ISO 1101, as ``position`` to up to three datums."""

    feature: Feature
    type: str
    zones: tuple[ToleranceZone, ...] = ()
    datums: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The production order."""

    start: dt.datetime
    order_numbers: tuple[str, ...]
    planned_quantity: int
    end: dt.datetime | None = None
    name: str | None = None
    actual_parts: int | None = None
    finished: bool | None = None


class MeasuringDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device that measures."""

    name: str
    measures: str
    unit: str
    range: tuple[float, float]
    resolution: float | None = None
    accuracy: float | None = None
    nameplate: Tree | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for one feature of the part.

    Parameters
    ----------
    kind, place
        Which feature: a list of :class:`MachiningQuality` and the place in it.
    device
        The place in ``devices``.
    values, attributes
        Measured, in the unit; or judged.
    """

    kind: FeatureKind
    place: int
    in_spec: bool
    device: int = 0
    values: tuple[float, ...] = ()
    attributes: tuple[str, ...] = ()
    unit: str | None = None
    deviation: float | None = None
    description: str | None = None


class MeasuringJob(msgspec.Struct, frozen=True, kw_only=True):
    """A run of measurements: at least one order number and result."""

    start: dt.datetime
    order_numbers: tuple[str, ...]
    results: tuple[Result, ...]
    end: dt.datetime | None = None
    name: str | None = None
    finished: bool | None = None


class MachiningQuality(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says. At least one device and one run of measurements."""

    part_identifier: str
    devices: tuple[MeasuringDevice, ...]
    runs: tuple[MeasuringJob, ...]
    linear: tuple[LinearFeature, ...] = ()
    attributive: tuple[AttributiveFeature, ...] = ()
    geometric: tuple[GeometricFeature, ...] = ()
    job: Job | None = None
    part_number: int | None = None
    order_number: str | None = None
    lot_number: str | None = None
    drawing: str | None = None
    nameplate: Tree | None = None
    responsible: tuple[tuple[str, str], ...] = ()
    """Department and role."""


def build(identifier: str, given: MachiningQuality) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    return submodel(
        identifier,
        "QualityControlForMachining",
        SEMANTIC_ID,
        [
            _WORDS.group(
                "QualityFeatures",
                [
                    _WORDS.list("LinearFeaturesList", map(_linear, given.linear)),
                    _WORDS.list("AttributiveFeaturesList", map(_attributive, given.attributive)),
                    _WORDS.list("GeometricFeaturesList", map(_geometric, given.geometric)),
                ],
            ),
            None if given.job is None else _WORDS.group("ProductionCriteria", [_job(given.job)]),
            _part(given),
            _WORDS.list("QualityResponsibilityList", [_responsible(*each) for each in given.responsible]),
            _WORDS.list("TestingDevicesList", map(_device, given.devices)),
            *[_run(identifier, place, given, each) for place, each in enumerate(given.runs)],
        ],
        version="1",
        revision="0",
        template_id="https://admin-shell.io/idta-02049",
    )


def _common(name: str, description: str, given: Feature) -> list[Tree | None]:
    return [
        _WORDS.prop(name, given.name),
        _WORDS.prop(description, given.description),
        _WORDS.prop("MeasurementProcedure", given.procedure),
        _WORDS.prop("InspectionRelevant", given.inspected, "xs:boolean"),
        *[
            _WORDS.prop(numbered("ToleranceNorm", place), each, means="ToleranceNorm", also=_NORM)
            for place, each in enumerate(given.norms)
        ],
        _strings("IDList3DModel", "ElementID", given.model_element_ids),
        _WORDS.list(
            "Reference2DList",
            (
                _WORDS.group("Reference2D", [_WORDS.prop("Page", page), _WORDS.prop("Coordinate", coordinate)])
                for page, coordinate in given.drawing_places
            ),
        ),
    ]


def _strings(name: str, element: str, values: Sequence[str], *, unless_empty: bool = True) -> Tree | None:
    elements = [_WORDS.prop(element, each) for each in values]
    return _WORDS.list(name, elements, of="Property", of_type="xs:string", unless_empty=unless_empty)


def _linear(given: LinearFeature) -> Tree | None:
    one_sided = (given.upper_tolerance is None) != (given.lower_tolerance is None)
    return _WORDS.group(
        "LinearFeature",
        [
            *_common("LinearFeatureName", "DimensionDescription", given.feature),
            _WORDS.prop("NominalValue", given.nominal, "xs:double", also=("0112/2///61360_4#AAA235#001",)),
            _WORDS.prop("UpperTolerance", given.upper_tolerance, "xs:double"),
            _WORDS.prop("LowerTolerance", given.lower_tolerance, "xs:double"),
            _WORDS.prop("OneSided", one_sided, "xs:boolean"),
            _WORDS.prop("EngineeringUnit", given.unit),
        ],
    )


def _attributive(given: AttributiveFeature) -> Tree | None:
    # The description is demanded here; what is not described is described by its name.
    feature = msgspec.structs.replace(given.feature, description=given.feature.description or given.feature.name)
    return _WORDS.group(
        "AttributiveFeature",
        [
            *_common("AttributiveFeatureName", "AttibutiveFeatureDescription", feature),
            _strings("OKAttributesList", "OKAttributName", given.ok, unless_empty=False),
            _strings("NOKAttributesList", "NOKAttributName", given.nok, unless_empty=False),
        ],
    )


def _geometric(given: GeometricFeature) -> Tree | None:
    if len(given.datums) > DATUMS_MOST:
        raise AasValueError(where="DatumField", value=str(len(given.datums)), rule=f"≤ {DATUMS_MOST}")
    return _WORDS.group(
        "GeometricFeature",
        [
            *_common("GPS_FeatureName", "GPS_Description", given.feature),
            _WORDS.prop("GPS_Type", given.type),
            _WORDS.prop("GPS_ReferenceRequired", bool(given.datums), "xs:boolean"),
            *[
                _WORDS.group(numbered("GPS_ToleranceZone", place), _zone(each), means="GPS_ToleranceZone")
                for place, each in enumerate(given.zones)
            ],
            *[_WORDS.prop(f"DatumField{place}", each) for place, each in enumerate(given.datums, 1)],
        ],
    )


def _zone(given: ToleranceZone) -> list[Tree | None]:
    return [
        _WORDS.prop("Shape", given.shape),
        _WORDS.prop("WidthExtendTolerance1", given.tolerance, "xs:double"),
        _WORDS.prop("WidthExtendSign1", given.sign),
        _WORDS.prop("EngineeringUnit", given.unit),
    ]


def _job(given: Job) -> Tree | None:
    moment = ("0112/2///61360_4#ADA031#001",)
    return _WORDS.group(
        "ProductionJobOrderParameters",
        [
            _WORDS.prop("ProductionStart", given.start, "xs:dateTime", also=moment),
            _WORDS.prop("ProductionEnd", given.end, "xs:dateTime", also=moment),
            _WORDS.prop("JobName", given.name),
            *_WORDS.props("JobOrderNumber", given.order_numbers),
            _WORDS.prop("PlannedOrderQuantity", given.planned_quantity, "xs:integer"),
            _WORDS.prop("ActualPartsInRun", given.actual_parts, "xs:integer"),
            _WORDS.prop("JobFinished", given.finished, "xs:boolean"),
        ],
    )


def _part(given: MachiningQuality) -> Tree | None:
    return _WORDS.group(
        "PartInformation",
        [
            _WORDS.reference("DigitalNameplate", given.nameplate),
            _WORDS.prop("PartIdentifier", given.part_identifier, "xs:anyURI"),
            _WORDS.prop("PartNumber", given.part_number, "xs:integer", also=("0112/2///61360_4#ADA029#001",)),
            _WORDS.prop("OrderNumber", given.order_number),
            _WORDS.prop("LotNumber", given.lot_number),
            _WORDS.prop("DrawingReference2D", given.drawing),
        ],
    )


def _responsible(department: str, role: str) -> Tree | None:
    return _WORDS.group("QualityResponsibility", [_WORDS.prop("DepartmentName", department), _WORDS.prop("Role", role)])


def _device(given: MeasuringDevice) -> Tree | None:
    return _WORDS.group(
        "TestingDeviceProperties",
        [
            _WORDS.reference("DigitalNameplateTestingDevice", given.nameplate),
            _WORDS.prop("DeviceName", given.name),
            _WORDS.prop("MeasuringType", given.measures),
            _WORDS.prop("MeasuringUnit", given.unit),
            _WORDS.range("MeasuringRange", *given.range),
            _WORDS.prop("Resolution", given.resolution, "xs:double"),
            _WORDS.prop("Accuracy", given.accuracy, "xs:double", also=("0173-1#02-AAQ616#009",)),
        ],
    )


def _run(identifier: str, place: int, given: MachiningQuality, run: MeasuringJob) -> Tree | None:
    return _WORDS.group(
        numbered("MetrologyJobResults", place),
        [
            _WORDS.prop("JobStart", run.start, "xs:dateTime"),
            _WORDS.prop("JobEnd", run.end, "xs:dateTime"),
            _WORDS.prop("JobName", run.name),
            *_WORDS.props("JobOrderNumber", run.order_numbers),
            _WORDS.prop("JobFinished", run.finished, "xs:boolean"),
            _WORDS.list("MetrologyResultsList", [_result(identifier, given, each) for each in run.results]),
        ],
        means="MetrologyJobResults",
    )


def _result(identifier: str, given: MachiningQuality, result: Result) -> Tree | None:
    list_name = _LISTS[result.kind]
    features = {"linear": given.linear, "attributive": given.attributive, "geometric": given.geometric}[result.kind]
    _check_place(list_name, result.place, len(features))
    _check_place("TestingDevicesList", result.device, len(given.devices))
    own = ("Submodel", identifier)
    feature = model_reference(
        own,
        ("SubmodelElementCollection", "QualityFeatures"),
        ("SubmodelElementList", list_name),
        ("SubmodelElementCollection", str(result.place)),
    )
    device = model_reference(
        own, ("SubmodelElementList", "TestingDevicesList"), ("SubmodelElementCollection", str(result.device))
    )
    return _WORDS.group(
        "MetrologyData",
        [
            _WORDS.reference("QualityFeatureReference", feature),
            _WORDS.reference("TestingDeviceReference", device),
            _WORDS.reference("PartReference", model_reference(own, ("SubmodelElementCollection", "PartInformation"))),
            _WORDS.prop("Description", result.description),
            _WORDS.prop("EngineeringUnit", result.unit),
            *_WORDS.props("QualityActualValue", result.values, "xs:double"),
            *_WORDS.props("QualityActualAttribute", result.attributes),
            _WORDS.prop("QualityInSpec", result.in_spec, "xs:boolean"),
            _WORDS.prop("Deviation", result.deviation, "xs:double"),
            _WORDS.prop("DataAggregatedFromSeries", len(result.values) > 1, "xs:boolean"),
        ],
    )


def _check_place(where: str, place: int, length: int) -> None:
    if not 0 <= place < length:
        raise AasValueError(where=where, value=str(place), rule=f"0 ≤ … < {length}")
