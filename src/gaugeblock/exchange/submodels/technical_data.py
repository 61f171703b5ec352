"""Technical Data 2.0 (IDTA 02003-2-0-1): what a product is and what it can do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gaugeblock.exchange.aas.elements import Semantics, Texts, collection, languages, prop, value_range
from gaugeblock.exchange.aas.errors import AasValueError
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.lexical import ValueType
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded

SEMANTIC_ID = "0173-1#01-AHX837#002"
ARBITRARY = "https://admin-shell.io/SMT/General/Arbitrary"

_AREA: Semantics = ("0173-1#02-ABL358#002", "0173-1#01-AHX773#002")
_CLASS: Semantics = ("0173-1#02-ABK162#002", "0173-1#01-AHX839#002")
_IMAGE: Semantics = ("0173-1#02-ABM220#001", "0173-1#01-AHY911#001")
_WORDS = Vocabulary(
    "https://admin-shell.io/IDTA/TechnicalData/{}/2/0",
    {
        "GeneralInformation": ("0173-1#02-ABK161#002", "0173-1#01-AHX838#002"),
        "ManufacturerName": "0173-1#02-AAO677#004",
        "CompanyLogo": "0173-1#02-ABI776#002",
        "ManufacturerProductDesignation": "0173-1#02-AAW338#003",
        "ManufacturerArticleNumber": "0173-1#02-AAO676#005",
        "ManufacturerOrderCode": "0173-1#02-AAO227#004",
        "ProductImages": "0173-1#02-ABM220#001",
        "ProductImage": _IMAGE,
        "ImageFile": "0173-1#02-ABK291#002",
        "ImageNote": "0173-1#02-ABL423#001",
        "ProductClassifications": "0173-1#02-ABK162#002",
        "ProductClassification": _CLASS,
        "ClassificationSystem": "0173-1#02-ABL424#001",
        "ClassificationSystemVersion": "0173-1#02-AAR710#003",
        "ProductClassId": "0173-1#02-ABG776#003",
        "ProductClassCodedName": "0173-1#02-ABK128#002",
        "ProductClassName": "0173-1#02-ABK273#002",
        "TechnicalPropertyAreas": "0173-1#02-ABK163#002",
        "TechnicalPropertyArea": _AREA,
        "FurtherInformation": "0173-1#02-ABK164#002",
        "TextStatement": "0173-1#02-ABK134#002",
        "ValidDate": "0173-1#02-ABL775#001",
    },
)

Quantity = str | bool | int | Decimal | tuple[Decimal, Decimal]
"""A property's value; a pair is a range, whose sides are in order."""


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """A class of the product in a system such as ECLASS."""

    system: str
    class_id: str
    coded_name: str
    system_version: str | None = None
    class_name: Texts | None = None


class Characteristic(msgspec.Struct, frozen=True, kw_only=True):
    """One technical property.

    Parameters
    ----------
    semantic_id
        Its concept, where there is one.
    """

    name: str
    value: Quantity | Texts
    semantic_id: str | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the product."""

    file: HeldFile
    note: Texts | None = None


class TechnicalData(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says.

    Parameters
    ----------
    sections
        Technical properties by the name of their section.
    valid_until
        Goes with the statements; the template demands it where there are any.
    """

    manufacturer_name: str
    product_designation: Texts
    article_number: str
    order_code: str
    company_logo: HeldFile | None = None
    images: tuple[Image, ...] = ()
    classifications: tuple[Classification, ...] = ()
    sections: Mapping[str, tuple[Characteristic, ...]] = {}
    statements: tuple[Texts, ...] = ()
    valid_until: dt.date | None = None


def build(identifier: str, given: TechnicalData) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    if given.statements and given.valid_until is None:
        raise AasValueError(where="ValidDate", value="", rule="TextStatement")
    return submodel(
        identifier,
        "TechnicalData",
        SEMANTIC_ID,
        [
            _general(given),
            _WORDS.list("ProductClassifications", map(_classification, given.classifications), of_semantic=_CLASS),
            _WORDS.list("TechnicalPropertyAreas", [_area(given)], of_semantic=_AREA),
            None if given.valid_until is None else _further(given, given.valid_until),
        ],
        version="2",
        revision="0",
        template_id="https://admin-shell.io/idta-02003-2-0",
    )


def _general(given: TechnicalData) -> Tree | None:
    return _WORDS.group(
        "GeneralInformation",
        [
            _WORDS.prop("ManufacturerName", given.manufacturer_name),
            _WORDS.file("CompanyLogo", given.company_logo),
            _WORDS.texts("ManufacturerProductDesignation", given.product_designation),
            _WORDS.prop("ManufacturerArticleNumber", given.article_number),
            _WORDS.prop("ManufacturerOrderCode", given.order_code),
            _WORDS.list("ProductImages", map(_image, given.images), of_semantic=_IMAGE),
        ],
    )


def _image(given: Image) -> Tree | None:
    return _WORDS.group("ProductImage", [_WORDS.file("ImageFile", given.file), _WORDS.texts("ImageNote", given.note)])


def _classification(given: Classification) -> Tree | None:
    return _WORDS.group(
        "ProductClassification",
        [
            _WORDS.prop("ClassificationSystem", given.system),
            _WORDS.prop("ClassificationSystemVersion", given.system_version),
            _WORDS.prop("ProductClassId", given.class_id),
            _WORDS.prop("ProductClassCodedName", given.coded_name),
            _WORDS.texts("ProductClassName", given.class_name),
        ],
    )


def _area(given: TechnicalData) -> Tree | None:
    """One area with a section for each name; empty sections say nothing and are left out."""
    sections = [
        collection(name, map(_characteristic, inside), ARBITRARY) for name, inside in given.sections.items() if inside
    ]
    return _WORDS.group("TechnicalPropertyArea", sections, unless_empty=True)


_TYPES: tuple[tuple[type, ValueType], ...] = (
    (bool, "xs:boolean"),
    (int, "xs:integer"),
    (Decimal, "xs:decimal"),
    (str, "xs:string"),
)


def _characteristic(given: Characteristic) -> Tree | None:
    semantic = given.semantic_id or ARBITRARY
    if isinstance(given.value, Mapping):
        return languages(given.name, given.value, semantic)
    if isinstance(given.value, tuple):
        return value_range(given.name, *given.value, semantic, type="xs:decimal")
    value_type = next(value_type for kind, value_type in _TYPES if isinstance(given.value, kind))
    return prop(given.name, given.value, semantic, type=value_type)


def _further(given: TechnicalData, valid_until: dt.date) -> Tree | None:
    statements = [
        _WORDS.texts(f"TextStatement{place:02d}", each, means="TextStatement")
        for place, each in enumerate(given.statements)
    ]
    return _WORDS.group("FurtherInformation", [*statements, _WORDS.prop("ValidDate", valid_until, "xs:date")])
