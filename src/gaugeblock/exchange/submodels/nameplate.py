"""Digital Nameplate 3.0 (IDTA 02006-3-0-1): who made what, and which marks it bears."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

from gaugeblock.exchange.aas.elements import Semantics, Texts
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.address import Address, address
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded

SEMANTIC_ID = "https://admin-shell.io/idta/nameplate/3/0/Nameplate"

_IDS: Mapping[str, tuple[Semantics, Semantics]] = {
    "URIOfTheProduct": ("0112/2///61987#ABN590#002", "0173-1#02-ABH173#003"),
    "ManufacturerName": ("0112/2///61987#ABA565#009", "0173-1#02-AAO677#004"),
    "ManufacturerProductDesignation": ("0112/2///61987#ABA567#009", "0173-1#02-AAW338#003"),
    "ManufacturerProductRoot": ("0112/2///61360_7#AAS011#001", "0173-1#02-AAU732#003"),
    "ManufacturerProductFamily": ("0112/2///61987#ABP464#002", "0173-1#02-AAU731#003"),
    "ManufacturerProductType": ("0112/2///61987#ABA300#008", "0173-1#02-AAO057#004"),
    "OrderCodeOfManufacturer": ("0112/2///61987#ABA950#008", "0173-1#02-AAO227#004"),
    "ProductArticleNumberOfManufacturer": ("0112/2///61987#ABA581#007", "0173-1#02-AAO676#005"),
    "SerialNumber": ("0112/2///61987#ABA951#009", "0173-1#02-AAM556#004"),
    "YearOfConstruction": ("0112/2///61987#ABP000#002", "0173-1#02-AAP906#003"),
    "DateOfManufacture": ("0112/2///61987#ABB757#007", "0173-1#02-AAR972#004"),
    "HardwareVersion": ("0112/2///61987#ABA926#008", "0173-1#02-AAN270#004"),
    "FirmwareVersion": ("0112/2///61987#ABA302#006", "0173-1#02-AAM985#004"),
    "SoftwareVersion": ("0112/2///61987#ABA601#008", "0173-1#02-AAM737#004"),
    "CountryOfOrigin": ("0112/2///61987#ABP462#001", "0173-1#02-AAO259#007"),
    "CompanyLogo": ("0112/2///61987#ABP463#001", "0173-1#02-ABI776#002"),
    "Markings": ("0112/2///61360_7#AAS006#001", ("0173-1#02-ABI563#003", "0173-1#01-AHF849#003")),
    "Marking": ("0112/2///61360_7#AAS009#001", ("0173-1#02-ABI564#003", "0173-1#01-AHF850#003")),
    "MarkingName": ("0112/2///61987#ABA231#009", "0173-1#02-ABI190#003"),
    "DesignationOfCertificateOrApproval": ("0112/2///61987#ABH783#003", "0173-1#02-ABI975#002"),
    "IssueDate": ("0112/2///61987#ABO097#001", "0173-1#02-ABL774#001"),
    "ExpiryDate": ("0112/2///61987#ABH830#002", "0173-1#02-ABL775#001"),
    "MarkingFile": ("0112/2///61987#ABO100#002", "0173-1#02-ABI191#003"),
    "MarkingAdditionalText": ("0112/2///61987#ABB146#007", "0173-1#02-ABI192#003"),
}
_WORDS = Vocabulary("https://admin-shell.io/idta/nameplate/3/0/{}", {name: first for name, (first, _) in _IDS.items()})


class Marking(msgspec.Struct, frozen=True, kw_only=True):
    """A mark on the product, as CE or CCC."""

    name: str
    file: HeldFile
    certificate: str | None = None
    issued: dt.date | None = None
    expires: dt.date | None = None
    additional_texts: tuple[str, ...] = ()


class Nameplate(msgspec.Struct, frozen=True, kw_only=True):
    """What a nameplate says. The template demands all fields without a default."""

    uri_of_the_product: str
    manufacturer_name: Texts
    product_designation: Texts
    address: Address
    order_code: str
    product_root: Texts | None = None
    product_family: Texts | None = None
    product_type: str | None = None
    article_number: str | None = None
    serial_number: str | None = None
    year_of_construction: int | None = None
    date_of_manufacture: dt.date | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    software_version: str | None = None
    country_of_origin: str | None = None
    facility: str | None = None
    company_logo: HeldFile | None = None
    markings: tuple[Marking, ...] = ()


def build(identifier: str, given: Nameplate) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    year = None if given.year_of_construction is None else f"{given.year_of_construction:04d}"
    return submodel(
        identifier,
        "Nameplate",
        SEMANTIC_ID,
        [
            _WORDS.prop("URIOfTheProduct", given.uri_of_the_product, "xs:anyURI", also=_also("URIOfTheProduct")),
            _texts("ManufacturerName", given.manufacturer_name),
            _texts("ManufacturerProductDesignation", given.product_designation),
            address("AddressInformation", given.address),
            _texts("ManufacturerProductRoot", given.product_root),
            _texts("ManufacturerProductFamily", given.product_family),
            _text("ManufacturerProductType", given.product_type),
            _text("OrderCodeOfManufacturer", given.order_code),
            _text("ProductArticleNumberOfManufacturer", given.article_number),
            _text("SerialNumber", given.serial_number),
            _text("YearOfConstruction", year),
            _WORDS.prop("DateOfManufacture", given.date_of_manufacture, "xs:date", also=_also("DateOfManufacture")),
            _text("HardwareVersion", given.hardware_version),
            _text("FirmwareVersion", given.firmware_version),
            _text("SoftwareVersion", given.software_version),
            _text("CountryOfOrigin", given.country_of_origin),
            _WORDS.prop("UniqueFacilityIdentifier", given.facility),
            _WORDS.file("CompanyLogo", given.company_logo, also=_also("CompanyLogo")),
            _WORDS.list("Markings", map(_marking, given.markings), also=_also("Markings")),
        ],
        version="3",
        revision="0",
        template_id="https://admin-shell.io/idta-02006-3-0",
    )


def _marking(given: Marking) -> Tree | None:
    return _WORDS.group(
        "Marking",
        [
            _text("MarkingName", given.name),
            _text("DesignationOfCertificateOrApproval", given.certificate),
            _WORDS.prop("IssueDate", given.issued, "xs:date", also=_also("IssueDate")),
            _WORDS.prop("ExpiryDate", given.expires, "xs:date", also=_also("ExpiryDate")),
            _WORDS.file("MarkingFile", given.file, also=_also("MarkingFile")),
            *_WORDS.props("MarkingAdditionalText", given.additional_texts),
        ],
        also=_also("Marking"),
    )


def _also(name: str) -> tuple[Semantics]:
    return (_IDS[name][1],)


def _text(name: str, value: str | None) -> Tree | None:
    return _WORDS.prop(name, value, also=_also(name))


def _texts(name: str, texts: Texts | None) -> Tree | None:
    return _WORDS.texts(name, texts, also=_also(name))
