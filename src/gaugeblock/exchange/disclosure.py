"""What of a record leaves: its permitted facets and fields, and which facets evidence may open. Pure.

Evidence opens facets whole, so a facet of which only fields are permitted is never opened: such a record can be read,
not proven. What evidence cannot hide is the record's signed part: author, identity, times. Therefore

* there is evidence only where the ``statement`` may be seen whole, for an identity may hint at what is stated;
* records of people are proven only under a contract that permits personal information.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gaugeblock.plant.exchange_facets import Permission

PERSON = "person"


def whole_facets(permission: Permission) -> tuple[str, ...]:
    """Permitted facets of which no single fields are named.

    >>> whole_facets(Permission("inspection.verdict", ("subject", "measurement"), ("measurement.score",)))
    ('subject',)
    """
    parts = {path.partition(".")[0] for path in permission.fields}
    return tuple(name for name in permission.facets if name not in parts)


def disclose(facets: Mapping[str, Mapping[str, Any]], permission: Permission) -> dict[str, dict[str, Any]]:
    """The permitted part of a record's facets (plain JSON values).

    Parameters
    ----------
    facets
        As they are kept; those that were erased are missing.

    Examples
    --------
    >>> given = Permission("inspection.verdict", ("statement", "measurement"), ("measurement.score",))
    >>> disclose({"statement": {"verdict": "OK"}, "measurement": {"score": 0.4, "threshold": 1.0}}, given)
    {'statement': {'verdict': 'OK'}, 'measurement': {'score': 0.4}}
    """
    named: dict[str, set[str]] = {}
    for path in permission.fields:
        facet, _, name = path.partition(".")
        named.setdefault(facet, set()).add(name)
    seen: dict[str, dict[str, Any]] = {}
    for name in permission.facets:
        values = facets.get(name)
        if values is None:
            continue
        wanted = named.get(name)
        seen[name] = dict(values) if wanted is None else {key: values[key] for key in values if key in wanted}
    return seen


def proven_facets(
    permission: Permission, kept: Collection[str], author: str, *, personal_information: bool
) -> tuple[str, ...]:
    """The facets that evidence of a record opens; empty: there is no evidence of it for this customer.

    Parameters
    ----------
    kept
        The record's facets whose disclosures are still kept.
    author
        As an entity; ``person:…`` is personal information.

    >>> proven_facets(Permission("t", ("subject", "statement")), {"subject", "statement"}, "person:li",
    ...     personal_information=False)
    ()
    """
    whole = whole_facets(permission)
    if "statement" not in whole or (author.partition(":")[0] == PERSON and not personal_information):
        return ()
    return tuple(name for name in whole if name in kept)
