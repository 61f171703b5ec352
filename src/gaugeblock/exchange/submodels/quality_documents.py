"""Digital Quality Documents 1.0 (IDTA 02065-1): a certificate as a document, what it is about and what it states."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from gaugeblock.exchange.aas.elements import Texts
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels import documents
from gaugeblock.exchange.submodels.documents import VERSION, DocumentClass, DocumentId
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/DigitalQualityDocument/1/0"

_BASE = "https://admin-shell.io/idta/DigitalQualityDocument/1/0/"
_CORE = f"{_BASE}administrativeData/coreData/"
_STATEMENT = f"{_BASE}AdministrativeData/Statement/"
_SIGNED = f"{_BASE}DocumentSignature/SignedInfo"
_WORDS = Vocabulary(
    "{}",
    {
        **documents.IDS,
        "DocumentInstances": "0173-1#02-ABI503#003",
        "DocumentInstance": VERSION,
        "AdministrativeData": f"{_BASE}AdministrativeData",
        "CoreData": f"{_BASE}administrativeData/coreData",
        "UniqueIdentifier": ("0173-1#02-ABI501#001", "0173-1#01-AHF580#001*01"),
        "IssueDate": "0173-1#02-ABI000#001",
        "Identifications": f"{_CORE}Identifications",
        "IdentificationsOfItem": f"{_CORE}Identification",
        "Identification": f"{_CORE}Identification",
        "IdentificationName": f"{_CORE}Identifications/IdentificationName",
        "IdentificationIssuer": f"{_CORE}Identifications/IdentificationIssuer",
        "IdentificationValue": f"{_CORE}Identifications/IdentificationValue",
        "Items": f"{_BASE}administrativeData/items",
        "Item": f"{_CORE}Items",
        "OneItem": "https://dccwiki.ptb.de/en/dccitems",
        "Statements": f"{_BASE}administrativeData/statements",
        "Statement": f"{_STATEMENT.removesuffix('/')}",
        "DateOfStatement": f"{_BASE}AdministrativeData/Statements/Date",
        "StatementReference": f"{_STATEMENT}StatementReference",
        "Declaration": f"{_STATEMENT}Declaration",
        "Conformity": f"{_BASE}administrativeData/Statements/Conformity",
        "DocumentSignature": f"{_BASE}DocumentSignature",
        "SignedInfo": _SIGNED,
        "CanonicalizationMethod": f"{_SIGNED}/CanonicalizationMethod",
        "SignatureMethod": f"{_SIGNED}/SignatureMethod",
        "SignatureReference": f"{_SIGNED}/SignatureReference",
        "Transforms": f"{_SIGNED}/SignatureReference/Transforms",
        "DigestMethod": f"{_SIGNED}/SignatureReference/DigestMethod",
        "DigestValue": f"{_SIGNED}/SignatureReference/DigestValue",
        "SignatureValue": f"{_BASE}DocumentSignature/SignatureValue",
        "KeyInfo": f"{_BASE}DocumentSignature/KeyInfo",
    },
)


class Identification(msgspec.Struct, frozen=True, kw_only=True):
    """A number of an item or document, and who gave it."""

    value: str
    name: Texts | None = None
    issuer: Literal["manufacturer", "calibrationLaboratory", "customer", "owner", "other"] = "manufacturer"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of the document."""

    declaration: Texts | None = None
    conformity: Literal["pass", "fail"] | None = None
    date: dt.datetime | None = None
    reference: str | None = None


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature over the document's bytes.

    Parameters
    ----------
    value, digest
        base64.
    key
        What names the key.
    """

    method: str
    value: str
    digest: str
    key: str
    digest_method: str = "http://www.w3.org/2001/04/xmlenc#sha256"
    canonicalization: str = "none"
    transforms: str = "none"


class QualityDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says. Identifiers, classes, languages and files: at least one each.

    Parameters
    ----------
    items
        The numbers of each item that the document is about.
    """

    ids: tuple[DocumentId, ...]
    classes: tuple[DocumentClass, ...]
    languages: tuple[str, ...]
    version: str
    title: Texts
    description: Texts
    status_set: dt.datetime
    organization_short_name: str
    organization_official_name: str
    files: tuple[HeldFile, ...]
    unique_identifier: str
    status: Literal["InReview", "Released"] = "Released"
    issued: dt.datetime | None = None
    preview: HeldFile | None = None
    identifications: tuple[Identification, ...] = ()
    items: tuple[tuple[Identification, ...], ...] = ()
    statements: tuple[Statement, ...] = ()
    signature: Signature | None = None
    refers_to: tuple[Tree, ...] = ()


def build(identifier: str, given: QualityDocument) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    return submodel(
        identifier,
        "DigitalQualityDocuments",
        SEMANTIC_ID,
        [
            documents.ids(given.ids),
            documents.classes(given.classes),
            _WORDS.list("DocumentInstances", [_instance(given)], of_semantic=VERSION),
        ],
        version="1",
        revision="0",
    )


def _instance(given: QualityDocument) -> Tree | None:
    return _WORDS.group(
        "DocumentInstance",
        [
            documents.language_list(given.languages),
            _WORDS.prop("Version", given.version),
            _WORDS.texts("Title", given.title),
            _WORDS.texts("Description", given.description),
            _WORDS.prop("StatusSetDate", given.status_set, "xs:dateTime"),
            _WORDS.prop("StatusValue", given.status),
            _WORDS.prop("OrganizationShortName", given.organization_short_name),
            _WORDS.prop("OrganizationOfficialName", given.organization_official_name),
            documents.references("RefersToEntities", given.refers_to),
            documents.files(given.files),
            _WORDS.file("PreviewFile", given.preview),
            _administrative(given),
            None if given.signature is None else _signature(given.signature),
        ],
    )


def _administrative(given: QualityDocument) -> Tree | None:
    return _WORDS.group(
        "AdministrativeData",
        [
            _WORDS.group(
                "CoreData",
                [
                    _WORDS.prop("UniqueIdentifier", given.unique_identifier),
                    _identifications(given.identifications),
                    _WORDS.prop("IssueDate", given.issued, "xs:dateTime"),
                ],
            ),
            _items(given.items),
            _WORDS.list("Statements", map(_statement, given.statements)),
        ],
    )


def _identifications(given: tuple[Identification, ...]) -> Tree | None:
    return _WORDS.list("Identifications", map(_identification, given))


def _identification(given: Identification) -> Tree | None:
    return _WORDS.group(
        "Identification",
        [
            _WORDS.texts("IdentificationName", given.name),
            _WORDS.prop("IdentificationIssuer", given.issuer),
            _WORDS.prop("IdentificationValue", given.value),
        ],
    )


def _items(given: tuple[tuple[Identification, ...], ...]) -> Tree | None:
    of_items = Vocabulary("{}", {"Identifications": _WORDS.of("IdentificationsOfItem")})
    items = [_WORDS.group("OneItem", [of_items.list("Identifications", map(_identification, each))]) for each in given]
    return _WORDS.group("Items", [_WORDS.list("Item", items)]) if items else None


def _statement(given: Statement) -> Tree | None:
    return _WORDS.group(
        "Statement",
        [
            _WORDS.prop("DateOfStatement", given.date, "xs:dateTime"),
            _WORDS.prop("StatementReference", given.reference),
            _WORDS.texts("Declaration", given.declaration),
            _WORDS.prop("Conformity", given.conformity),
        ],
    )


def _signature(given: Signature) -> Tree | None:
    return _WORDS.group(
        "DocumentSignature",
        [
            _WORDS.group(
                "SignedInfo",
                [
                    _WORDS.prop("CanonicalizationMethod", given.canonicalization),
                    _WORDS.prop("SignatureMethod", given.method),
                    _WORDS.group(
                        "SignatureReference",
                        [
                            _WORDS.prop("Transforms", given.transforms),
                            _WORDS.prop("DigestMethod", given.digest_method),
                            _WORDS.prop("DigestValue", given.digest),
                        ],
                    ),
                ],
            ),
            _WORDS.prop("SignatureValue", given.value),
            _WORDS.prop("KeyInfo", given.key),
        ],
    )
