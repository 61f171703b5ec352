"""References (IDTA-01001, 'Reference'): where something is, in this shell (model) or outside it (external)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Tree = dict[str, Any]
"""A JSON object of the metamodel."""


def external_reference(*values: str) -> Tree:
    """A reference to something outside: a concept of ECLASS or IEC CDD, an address.

    >>> external_reference("0173-1#02-AAO677#004")["keys"]
    [{'type': 'GlobalReference', 'value': '0173-1#02-AAO677#004'}]
    """
    return {
        "type": "ExternalReference",
        "keys": [{"type": "GlobalReference", "value": value} for value in values],
    }


def model_reference(*keys: tuple[str, str]) -> Tree:
    """A reference to an object of a shell, key by key from the identifiable inward.

    >>> model_reference(("Submodel", "urn:s"), ("Property", "Speed"))["keys"][1]
    {'type': 'Property', 'value': 'Speed'}
    """
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value} for kind, value in keys]}


def reference_value(reference: Mapping[str, Any]) -> Tree:
    """A reference in the ValueOnly serialisation: its type and keys alone."""
    return {"type": reference["type"], "keys": reference["keys"]}


def same_reference(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether two references name the same thing: equal keys, whatever else they carry."""
    return one is not None and _pairs(one) == _pairs(other)


def _pairs(reference: Mapping[str, Any]) -> Sequence[tuple[Any, Any]]:
    return [(key.get("type"), key.get("value")) for key in reference.get("keys", ())]
