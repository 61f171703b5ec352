"""Numbers and classes of documents (VDI 2770), which Handover Documentation and Digital Quality Documents share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from gaugeblock.exchange.aas.elements import Semantics, Texts
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary

ID: Semantics = ("0173-1#02-ABI501#003", "0173-1#01-AHF580#003")
CLASS: Semantics = ("0173-1#02-ABI502#003", "0173-1#01-AHF581#003")
VERSION: Semantics = ("0173-1#02-ABI503#003", "0173-1#01-AHF582#003")

IDS = {
    "DocumentIds": "0173-1#02-ABI501#003",
    "DocumentId": ID,
    "DocumentDomainId": "0173-1#02-ABH994#003",
    "DocumentIdentifier": "0173-1#02-AAO099#004",
    "DocumentIsPrimary": "0173-1#02-ABH995#003",
    "DocumentClassifications": "0173-1#02-ABI502#003",
    "DocumentClassification": CLASS,
    "ClassId": "0173-1#02-ABH996#003",
    "ClassName": "0173-1#02-ABJ219#002",
    "ClassificationSystem": "0173-1#02-ABH997#003",
    "Language": "0173-1#02-AAN468#008",
    "Version": "0173-1#02-AAP003#005",
    "Title": "0173-1#02-ABG940#003",
    "Subtitle": "0173-1#02-ABH998#003",
    "Description": "0173-1#02-AAN466#004",
    "KeyWords": "0173-1#02-ABH999#003",
    "StatusSetDate": "0173-1#02-ABI000#003",
    "StatusValue": "0173-1#02-ABI001#003",
    "OrganizationShortName": "https://api.eclass-cdp.com/0173-1-02-ABI002-003",
    "OrganizationOfficialName": "0173-1#02-ABI004#003",
    "RefersToEntities": "0173-1#02-ABK288#002",
    "BasedOnReferences": "0173-1#02-ABK289#002",
    "TranslationOfEntities": "0173-1#02-ABK290#002",
    "DigitalFiles": "0173-1#02-ABK126#002",
    "PreviewFile": "0173-1#02-ABK127#002",
}
WORDS = Vocabulary("{}", IDS)


VdiClass = Literal[
    "01-01", "02-01", "02-02", "02-03", "02-04", "03-01", "03-02", "03-03", "03-04", "03-05", "03-06", "04-01"
]
_VDI_NAMES: dict[VdiClass, tuple[str, str]] = {
    "01-01": ("Identification", "标识"),
    "02-01": ("Technical specification", "技术规格"),
    "02-02": ("Drawings, plans", "图样、图纸"),
    "02-03": ("Assemblies", "部件、组件"),
    "02-04": ("Certificates, declarations", "证书、声明"),
    "03-01": ("Commissioning, de-commissioning", "调试、停用"),
    "03-02": ("Operation", "操作"),
    "03-03": ("General safety", "一般安全"),
    "03-04": ("Inspection, maintenance, testing", "检查、维护、试验"),
    "03-05": ("Repair", "维修"),
    "03-06": ("Spare parts", "备件"),
    "04-01": ("Contract documents", "合同文件"),
}


class DocumentId(msgspec.Struct, frozen=True, kw_only=True):
    """A number of the document, and whose numbers these are."""

    domain: str
    identifier: str
    primary: bool | None = None


class DocumentClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class of documents in some system."""

    class_id: str
    name: Texts
    system: str


def vdi_2770(class_id: VdiClass) -> DocumentClass:
    """A class of VDI 2770 Blatt 1:2020, of which handover documents need one.

    >>> vdi_2770("02-04").name["en"]
    'Certificates, declarations'
    """
    english, chinese = _VDI_NAMES[class_id]
    return DocumentClass(class_id=class_id, name={"en": english, "zh": chinese}, system="VDI 2770 Blatt 1:2020")


def ids(given: Iterable[DocumentId]) -> Tree | None:
    """The list of a document's numbers."""
    return WORDS.list(
        "DocumentIds",
        (
            WORDS.group(
                "DocumentId",
                [
                    WORDS.prop("DocumentDomainId", each.domain),
                    WORDS.prop("DocumentIdentifier", each.identifier),
                    WORDS.prop("DocumentIsPrimary", each.primary, "xs:boolean"),
                ],
            )
            for each in given
        ),
        of_semantic=ID,
    )


def classes(given: Iterable[DocumentClass]) -> Tree | None:
    """The list of a document's classes."""
    return WORDS.list(
        "DocumentClassifications",
        (
            WORDS.group(
                "DocumentClassification",
                [
                    WORDS.prop("ClassId", each.class_id),
                    WORDS.texts("ClassName", each.name),
                    WORDS.prop("ClassificationSystem", each.system),
                ],
            )
            for each in given
        ),
        of_semantic=CLASS,
    )


def language_list(tags: Iterable[str]) -> Tree | None:
    """The list of a document's languages."""
    return WORDS.list("Language", [WORDS.prop("Language", tag) for tag in tags], of="Property", of_type="xs:string")


def files(given: Iterable[HeldFile]) -> Tree | None:
    """The list of a document's files."""
    return WORDS.list("DigitalFiles", [WORDS.file("File", each, means="DigitalFiles") for each in given], of="File")


def references(name: str, given: Iterable[Tree]) -> Tree | None:
    """A list of references to entities or documents."""
    elements = [WORDS.reference("Reference", each, means=name) for each in given]
    return WORDS.list(name, elements, of="ReferenceElement")
