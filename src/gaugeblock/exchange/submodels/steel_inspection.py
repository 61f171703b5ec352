"""Inspection Documents of Steel Products 1.0 (IDTA 02032-1-0-1): what an EN 10204 certificate says, as data.

Strengths in MPa, elongations in per cent, impact work in J, temperatures in °C, lengths in mm, masses in kg and mass
fractions in per cent, as EN 10168 has them; the template names no units.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from gaugeblock.exchange.aas.elements import Texts
from gaugeblock.exchange.aas.errors import AasValueError
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded, numbered

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/InspectionDocumentsOfSteelProducts/1/0"
ELEMENTS = ("Al", "Be", "C", "Cr", "Cu", "Mn", "Mo", "N", "Nb", "Ni", "P", "Pb", "S", "Si", "Ta", "Ti", "V", "W")
"""The chemical elements that the template has a place for."""

_WORDS = Vocabulary(
    "https://admin-shell.io/idta/InspectionDocumentsOfSteelProducts/{}/1/0",
    {
        "CompanyName": "0173-1#02-AAO677#003",
        "Street": "0173-1#07-ABL858#002",
        "ZIPCode": "0173-1#07-ABL861#002",
        "City": "0173-1#07-ABL860#002",
        "NationalCode": "0173-1#07-ABL863#002",
        "MailAddress": "0173-1#07-ABA042#003",
        "TypeOfInspectionDocument": (
            "https://admin-shell.io/idta/InspectionDocumentsOfSteelProducts/KindOfInspectionDocument/1/0"
        ),
        "PurchaserOrderNumber": "0173-1#02-ABF517#002",
        "ManufacturerProductNumber": "0173-1#02-AAO689#002",
        "ProductDescription": "0173-1#02-AAU734#002",
        "BatchNumber": "0173-1#02-AAQ196#002",
        "MaterialNumber": "0173-1#02-AAZ538#003",
        "MaterialShortName": "0173-1#02-AAZ536#003",
        "ActualMass": "0173-1#02-AAZ533#002",
        "MechanicalTests": "0173-1#01-AKG420#020",
        "ChemicalAnalysis": "0173-1#01-AKG373#020",
        "YieldOrProofStrengthIndividualValues": (
            # The template's own spelling of the list's elements differs; the list itself is spelt right.
            "https://admin-shell.io/idta/InspectionDocumentsOfSteelProducts/YieldOrProofStrengthIndividualValues/1/0"
        ),
        "CEMarking": "0173-1#01-AHD206#001",
        "MarkingName": "https://admin-shell.io/zvei/nameplate/2/0/Nameplate/Markings/Marking/MarkingName",
        "MarkingFile": "https://admin-shell.io/zvei/nameplate/2/0/Nameplate/Markings/Marking/MarkingFile",
    },
)

Role = Literal["Purchaser", "Consignee", "ConsigneeOfCertificate"]
DocumentType = Literal["2.1", "2.2", "3.1", "3.2"]


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A company with its address. The country by ISO 3166-1 alpha-2."""

    company: str
    street: str
    zip_code: str
    city: str
    country: str
    mails: tuple[str, ...] = ()


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A company that the document is for, and as what."""

    party: Party
    roles: tuple[Role, ...] = ("Purchaser",)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The order, and the type of document after EN 10204."""

    type: DocumentType
    date: dt.date
    manufacturer_number: str | None = None
    purchaser_number: str | None = None
    delivery_note: str | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What is inspected."""

    product_number: str | None = None
    article_number: str | None = None
    description: Texts | None = None
    requirements: Texts | None = None
    batch: str | None = None
    material_number: str | None = None
    material_name: str | None = None
    material_information: Texts | None = None
    pieces: int | None = None
    theoretical_mass_kg: Decimal | None = None
    actual_mass_kg: Decimal | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how a sample was taken."""

    temperature_c: Decimal | None = None
    locations: tuple[Texts, ...] = ()
    directions: tuple[Texts, ...] = ()


class TensileTest(msgspec.Struct, frozen=True, kw_only=True):
    """ISO 6892-1. Means are given, not worked out: the standard says how they are rounded."""

    yield_mpa: tuple[Decimal, ...] = ()
    yield_mean_mpa: Decimal | None = None
    tensile_mpa: tuple[Decimal, ...] = ()
    tensile_mean_mpa: Decimal | None = None
    elongation_percent: tuple[Decimal, ...] = ()
    elongation_mean_percent: Decimal | None = None
    shape: Texts | None = None
    sample: Sample = Sample()


class HardnessTest(msgspec.Struct, frozen=True, kw_only=True):
    """ISO 6506, 6507 or 6508; values with their scale, as ``185 HBW``."""

    method: str | None = None
    values: tuple[str, ...] = ()
    mean: str | None = None
    sample: Sample = Sample()


class ImpactTest(msgspec.Struct, frozen=True, kw_only=True):
    """ISO 148-1."""

    work_j: tuple[Decimal, ...] = ()
    work_mean_j: Decimal | None = None
    sample_type: str | None = None
    width_mm: Decimal | None = None
    temperature_c: Decimal | None = None
    locations: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()


class SteelInspection(msgspec.Struct, frozen=True, kw_only=True):
    """What the document says.

    Parameters
    ----------
    customers
        At least one.
    mass_fractions_percent
        By chemical element, of :data:`ELEMENTS`.
    ce_marking
        The picture of the CE mark, where the product bears it.
    """

    manufacturer: Party
    customers: tuple[Customer, ...]
    order: Order
    product: Product
    complies: bool
    issued: dt.date
    originator: str
    tensile: tuple[TensileTest, ...] = ()
    hardness: tuple[HardnessTest, ...] = ()
    impact: tuple[ImpactTest, ...] = ()
    mass_fractions_percent: Mapping[str, Decimal] = {}
    steelmaking: Texts | None = None
    ce_marking: HeldFile | None = None


def build(identifier: str, given: SteelInspection) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
        An element that the template has no place for; a value that its type cannot say.
    """
    check_demanded(given)
    return submodel(
        identifier,
        "InspectionDocumentsOfSteelProducts",
        SEMANTIC_ID,
        [
            _WORDS.group("Manufacturer", _party(given.manufacturer)),
            *[
                _WORDS.group(numbered("Customer", place), _customer(each), means="Customer")
                for place, each in enumerate(given.customers)
            ],
            _order(given.order),
            _product(given.product),
            _mechanical(given),
            _chemical(given),
            _validation(given),
        ],
        version="1",
        revision="0",
        template_id="https://admin-shell.io/idta/02032-1-0",
    )


def _party(given: Party) -> list[Tree | None]:
    return [
        _WORDS.prop("CompanyName", given.company),
        _WORDS.prop("Street", given.street),
        _WORDS.prop("ZIPCode", given.zip_code),
        _WORDS.prop("City", given.city),
        _WORDS.prop("NationalCode", given.country),
        *_WORDS.props("MailAddress", given.mails),
    ]


def _customer(given: Customer) -> list[Tree | None]:
    return [*_party(given.party), *_WORDS.props("CustomerRole", given.roles)]


def _order(given: Order) -> Tree | None:
    return _WORDS.group(
        "OrderData",
        [
            _WORDS.prop("TypeOfInspectionDocument", given.type, also=("0173-1#02-AAZ530#003",)),
            _WORDS.prop("OrderDate", given.date, "xs:date"),
            _WORDS.prop("ManufacturerOrderNumber", given.manufacturer_number),
            _WORDS.prop("PurchaserOrderNumber", given.purchaser_number),
            _WORDS.prop("DeliveryNoteNumber", given.delivery_note),
        ],
    )


def _product(given: Product) -> Tree | None:
    return _WORDS.group(
        "ProductData",
        [
            _WORDS.prop("ManufacturerProductNumber", given.product_number),
            _WORDS.prop("PurchaserArticleNumber", given.article_number),
            _WORDS.texts("ProductDescription", given.description),
            _WORDS.texts("AdditionalProductRequirements", given.requirements),
            _WORDS.prop("BatchNumber", given.batch),
            _WORDS.prop("MaterialNumber", given.material_number),
            _WORDS.prop("MaterialShortName", given.material_name),
            _WORDS.texts("MaterialAdditionalInformation", given.material_information),
            _WORDS.prop("NumberOfPieces", given.pieces, "xs:positiveInteger"),
            _WORDS.prop("TheoreticalMass", given.theoretical_mass_kg, "xs:float"),
            _WORDS.prop("ActualMass", given.actual_mass_kg, "xs:float"),
        ],
    )


def _mechanical(given: SteelInspection) -> Tree | None:
    tests = [
        *[_named("TensileTest", place, _tensile(each)) for place, each in enumerate(given.tensile)],
        *[_named("HardnessTest", place, _hardness(each)) for place, each in enumerate(given.hardness)],
        *[_named("NotchImpactTest", place, _impact(each)) for place, each in enumerate(given.impact)],
    ]
    return _WORDS.group("MechanicalTests", tests, unless_empty=True)


def _named(name: str, place: int, inside: list[Tree | None]) -> Tree | None:
    return _WORDS.group(numbered(name, place), inside, means=name, unless_empty=True)


def _tensile(given: TensileTest) -> list[Tree | None]:
    return [
        _WORDS.prop("YieldOrProofStrengthMean", given.yield_mean_mpa, "xs:float"),
        _WORDS.prop("TensileStrengthMean", given.tensile_mean_mpa, "xs:float"),
        _WORDS.prop("ElongationAfterFractureMean", given.elongation_mean_percent, "xs:float"),
        _floats("YieldOrProofStrengthIndividualValues", given.yield_mpa),
        _floats("TensileStrengthIndividualValues", given.tensile_mpa),
        _floats("ElongationAfterFractureIndividualValues", given.elongation_percent),
        _WORDS.prop("TestTemperature", given.sample.temperature_c, "xs:float"),
        _WORDS.texts("SampleShape", given.shape),
        *_places(given.sample),
    ]


def _hardness(given: HardnessTest) -> list[Tree | None]:
    name = "HardnessIndividualValues"
    values = [_WORDS.prop("Value", each, means=name) for each in given.values]
    return [
        _WORDS.prop("HardnessTestingMethod", given.method),
        _WORDS.prop("HardnessMean", given.mean),
        _WORDS.list(name, values, of="Property", of_type="xs:string", of_semantic=_WORDS.of(name)),
        _WORDS.prop("TestTemperature", given.sample.temperature_c, "xs:float"),
        *_places(given.sample),
    ]


def _impact(given: ImpactTest) -> list[Tree | None]:
    # The template has the mean as a string and the values as numbers.
    mean = None if given.work_mean_j is None else format(given.work_mean_j, "f")
    return [
        _WORDS.prop("NotchImpactWorkMean", mean),
        _floats("NotchImpactWorkIndividualValues", given.work_j),
        _WORDS.prop("SampleType", given.sample_type),
        _WORDS.prop("SampleWidth", given.width_mm, "xs:float"),
        _WORDS.prop("TestTemperature", given.temperature_c, "xs:float"),
        *_WORDS.props("LocationOfSample", given.locations),
        *_WORDS.props("DirectionOfSample", given.directions),
    ]


def _floats(name: str, values: Sequence[Decimal]) -> Tree | None:
    means = "YieldOrProofStrengthInidivualValues" if name.startswith("Yield") else name
    elements = [_WORDS.prop("Value", each, "xs:float", means=means) for each in values]
    return _WORDS.list(name, elements, of="Property", of_type="xs:float", of_semantic=_WORDS.of(means))


def _places(given: Sample) -> list[Tree | None]:
    return [
        _WORDS.texts(numbered(name, place), each, means=name)
        for name, texts in (("LocationOfSample", given.locations), ("DirectionOfSample", given.directions))
        for place, each in enumerate(texts)
    ]


def _chemical(given: SteelInspection) -> Tree | None:
    unknown = sorted(set(given.mass_fractions_percent) - set(ELEMENTS))
    if unknown:
        raise AasValueError(where="ChemicalAnalysis", value=", ".join(unknown), rule=", ".join(ELEMENTS))
    fractions = [
        _WORDS.prop(f"MassFraction_{each}", given.mass_fractions_percent.get(each), "xs:float") for each in ELEMENTS
    ]
    steelmaking = _WORDS.texts("SteelmakingProcess", given.steelmaking)
    return _WORDS.group("ChemicalAnalysis", [*fractions, steelmaking], unless_empty=True)


def _validation(given: SteelInspection) -> Tree | None:
    mark = given.ce_marking
    ce = mark and [_WORDS.prop("MarkingName", "CE"), _WORDS.file("MarkingFile", mark)]
    return _WORDS.group(
        "Validation",
        [
            _WORDS.prop("StatementOfCompliance", given.complies, "xs:boolean"),
            _WORDS.prop("DateOfIssue", given.issued, "xs:date"),
            _WORDS.prop("OriginatorOfDocument", given.originator),
            _WORDS.group("CEMarking", ce) if ce else None,
        ],
    )
