"""Builders of what has an identifier: shells, submodels, concept descriptions; and the environment of all three."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from gaugeblock.exchange.aas.elements import Semantics, Texts, language_strings, reference_of, unique
from gaugeblock.exchange.aas.lexical import checked_id_short, checked_text
from gaugeblock.exchange.aas.references import Tree, model_reference


def submodel(
    identifier: str,
    id_short: str,
    semantic: Semantics,
    elements: Iterable[Tree | None],
    *,
    also: Iterable[Semantics] = (),
    version: str | None = None,
    revision: str | None = None,
    template_id: str | None = None,
    description: Texts | None = None,
) -> Tree:
    """A submodel of an instance.

    Parameters
    ----------
    version, revision, template_id
        Of the template it follows, for its administration.

    Raises
    ------
    AasValueError
    """
    made: dict[str, Any] = {
        "modelType": "Submodel",
        "kind": "Instance",
        "id": checked_text("id", identifier, 2000),
        "idShort": checked_id_short(id_short),
    }
    if description:
        made["description"] = language_strings(id_short, description)
    administration = {"version": version, "revision": revision, "templateId": template_id}
    if any(administration.values()):
        made["administration"] = {name: value for name, value in administration.items() if value is not None}
    if semantic is not None:
        made["semanticId"] = reference_of(semantic)
    supplemental = [reference_of(each) for each in also if each is not None]
    if supplemental:
        made["supplementalSemanticIds"] = supplemental
    inside = unique(elements)
    return {**made, "submodelElements": inside} if inside else made


def shell(
    identifier: str,
    id_short: str,
    global_asset_id: str,
    submodels: Iterable[Tree],
    *,
    asset_kind: Literal["Instance", "Type", "NotApplicable"] = "Instance",
    specific_asset_ids: Mapping[str, str] | None = None,
    thumbnail: tuple[str, str] | None = None,
    description: Texts | None = None,
) -> Tree:
    """A shell and its references to submodels.

    Parameters
    ----------
    submodels
        The submodels themselves; the shell names them with the semantic id they have.
    thumbnail
        Path and content type.
    """
    asset: dict[str, Any] = {
        "assetKind": asset_kind,
        "globalAssetId": checked_text("globalAssetId", global_asset_id, 2000),
    }
    if specific_asset_ids:
        asset["specificAssetIds"] = [
            {"name": checked_text("name", name, 64), "value": checked_text(name, value, 2000)}
            for name, value in specific_asset_ids.items()
        ]
    if thumbnail is not None:
        asset["defaultThumbnail"] = {"path": thumbnail[0], "contentType": thumbnail[1]}
    made: dict[str, Any] = {
        "modelType": "AssetAdministrationShell",
        "id": checked_text("id", identifier, 2000),
        "idShort": checked_id_short(id_short),
        "assetInformation": asset,
    }
    if description:
        made["description"] = language_strings(id_short, description)
    references = [submodel_reference(each) for each in submodels]
    return {**made, "submodels": references} if references else made


def submodel_reference(tree: Mapping[str, Any]) -> Tree:
    """The reference by which a shell names a submodel."""
    reference = model_reference(("Submodel", tree["id"]))
    return {**reference, "referredSemanticId": tree["semanticId"]} if "semanticId" in tree else reference


def concept_description(
    identifier: str, id_short: str, *, case_of: Semantics = None, description: Texts | None = None
) -> Tree:
    """A concept description."""
    made: dict[str, Any] = {
        "modelType": "ConceptDescription",
        "id": checked_text("id", identifier, 2000),
        "idShort": checked_id_short(id_short),
    }
    if description:
        made["description"] = language_strings(id_short, description)
    return made if case_of is None else {**made, "isCaseOf": [reference_of(case_of)]}


def whole_environment(
    shells: Iterable[Tree] = (), submodels: Iterable[Tree] = (), concepts: Iterable[Tree] = ()
) -> Tree:
    """An environment. A kind of which there is none has no list: an empty one is not allowed."""
    kinds = {
        "assetAdministrationShells": list(shells),
        "submodels": list(submodels),
        "conceptDescriptions": list(concepts),
    }
    return {name: trees for name, trees in kinds.items() if trees}
