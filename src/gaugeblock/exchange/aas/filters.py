"""Which objects a listing's filters keep: idShort, assets, semantics (IDTA-01002, GetAll…By…)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gaugeblock.exchange.aas.errors import AasIdentifierError, AasParameterError
from gaugeblock.exchange.aas.identifiers import decoded
from gaugeblock.exchange.aas.paging import Query, single
from gaugeblock.exchange.aas.references import same_reference
from gaugeblock.exchange.aas.view import Kind

ASSET_IDS_MOST = 16
_SHOWN = 60

Filter = Callable[[Mapping[str, Any]], bool]


def filters(kind: Kind, query: Query) -> list[Filter]:
    """The filters that a query sets on a listing; all have to hold.

    Raises
    ------
    AasParameterError
    """
    chosen: list[Filter] = []
    id_short = single(query, "idShort")
    if id_short is not None:
        chosen.append(lambda tree: tree.get("idShort") == id_short)
    if kind == "shell":
        chosen += _by_assets(query)
    elif kind == "submodel" and (semantic_id := single(query, "semanticId")) is not None:
        chosen.append(_by_reference("semanticId", semantic_id, lambda tree: [tree.get("semanticId")]))
    elif kind == "concept" and (case_of := single(query, "isCaseOf")) is not None:
        chosen.append(_by_reference("isCaseOf", case_of, lambda tree: tree.get("isCaseOf") or ()))
    return chosen


def _by_assets(query: Query) -> list[Filter]:
    values = query.get("assetIds") or ()
    if len(values) > ASSET_IDS_MOST:
        raise AasParameterError(name="assetIds", value=str(len(values)), allowed=f"≤ {ASSET_IDS_MOST}")
    return [_by_asset(value) for value in values]


def _by_asset(value: str) -> Filter:
    wanted = _json("assetIds", value)
    if not (isinstance(wanted, dict) and isinstance(wanted.get("name"), str) and isinstance(wanted.get("value"), str)):
        raise AasParameterError(name="assetIds", value=value[:_SHOWN], allowed='{"name": …, "value": …}')
    name, text, subject = wanted["name"], wanted["value"], wanted.get("externalSubjectId")

    def kept(tree: Mapping[str, Any]) -> bool:
        asset = tree["assetInformation"]
        if name == "globalAssetId":
            return bool(asset.get("globalAssetId") == text)
        return any(
            each["name"] == name
            and each["value"] == text
            and (not isinstance(subject, dict) or same_reference(each.get("externalSubjectId"), subject))
            for each in asset.get("specificAssetIds") or ()
        )

    return kept


def _by_reference(name: str, value: str, of: Callable[[Mapping[str, Any]], Any]) -> Filter:
    """A reference is given as its JSON, or as the bare value of its last key: clients do both."""
    try:
        text = decoded(value)
    except AasIdentifierError:
        raise AasParameterError(name=name, value=value[:_SHOWN], allowed="base64url") from None
    if not text.lstrip().startswith("{"):
        return lambda tree: any(each is not None and each["keys"][-1]["value"] == text for each in of(tree))
    wanted = _json(name, value)
    if not isinstance(wanted, dict) or not _is_list_of_objects(wanted.get("keys")):
        raise AasParameterError(name=name, value=value[:_SHOWN], allowed='{"type": …, "keys": […]}')
    return lambda tree: any(each is not None and same_reference(each, wanted) for each in of(tree))


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _json(name: str, value: str) -> Any:
    try:
        return msgspec.json.decode(decoded(value))
    except (AasIdentifierError, msgspec.DecodeError, RecursionError):
        raise AasParameterError(name=name, value=value[:_SHOWN], allowed="base64url(JSON)") from None
