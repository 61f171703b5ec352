"""Handover Documentation 2.0 (IDTA 02004-2-0-1, after VDI 2770): the documents that go with a product."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from gaugeblock.exchange.aas.elements import Semantics, Texts
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels import documents
from gaugeblock.exchange.submodels.documents import VERSION, DocumentClass, DocumentId, VdiClass, vdi_2770
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded

SEMANTIC_ID = "0173-1#01-AHF578#003"

_DOCUMENT: Semantics = ("0173-1#02-ABI500#003", "0173-1#01-AHF579#003")
_WORDS = Vocabulary(
    "{}",
    {
        **documents.IDS,
        "Documents": "0173-1#02-ABI500#003",
        "Document": _DOCUMENT,
        "DocumentVersions": "0173-1#02-ABI503#003",
        "DocumentVersion": VERSION,
    },
)


class DocumentVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a document, with its files; the first is the original."""

    languages: tuple[str, ...]
    version: str
    title: Texts
    description: Texts
    status_set: dt.date
    organization_short_name: str
    organization_official_name: str
    files: tuple[HeldFile, ...]
    status: Literal["InReview", "Released"] = "Released"
    subtitle: Texts | None = None
    key_words: Texts | None = None
    preview: HeldFile | None = None
    refers_to: tuple[Tree, ...] = ()
    based_on: tuple[Tree, ...] = ()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document: at least one identifier and version.

    Parameters
    ----------
    vdi_class
        The template demands a class of VDI 2770; others may stand beside it.
    """

    ids: tuple[DocumentId, ...]
    vdi_class: VdiClass
    further_classes: tuple[DocumentClass, ...] = ()
    versions: tuple[DocumentVersion, ...]


class HandoverDocumentation(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says: at least one document."""

    documents: tuple[Document, ...]


def build(identifier: str, given: HandoverDocumentation) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    return submodel(
        identifier,
        "HandoverDocumentation",
        SEMANTIC_ID,
        [_WORDS.list("Documents", map(_document, given.documents), of_semantic=_DOCUMENT)],
        version="2",
        revision="0",
        template_id="https://admin-shell.io/idta-02004-2-0",
    )


def _document(given: Document) -> Tree | None:
    return _WORDS.group(
        "Document",
        [
            documents.ids(given.ids),
            documents.classes([vdi_2770(given.vdi_class), *given.further_classes]),
            _WORDS.list("DocumentVersions", map(_version, given.versions), of_semantic=VERSION),
        ],
    )


def _version(given: DocumentVersion) -> Tree | None:
    return _WORDS.group(
        "DocumentVersion",
        [
            documents.language_list(given.languages),
            _WORDS.prop("Version", given.version),
            _WORDS.texts("Title", given.title),
            _WORDS.texts("Subtitle", given.subtitle),
            _WORDS.texts("Description", given.description),
            _WORDS.texts("KeyWords", given.key_words),
            _WORDS.prop("StatusSetDate", given.status_set, "xs:date"),
            _WORDS.prop("StatusValue", given.status),
            _WORDS.prop("OrganizationShortName", given.organization_short_name),
            _WORDS.prop("OrganizationOfficialName", given.organization_official_name),
            documents.references("RefersToEntities", given.refers_to),
            documents.references("BasedOnReferences", given.based_on),
            documents.files(given.files),
            _WORDS.file("PreviewFile", given.preview),
        ],
    )
