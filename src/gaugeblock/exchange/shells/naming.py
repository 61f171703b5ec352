"""Identifiers of generated shells and submodels: they follow from the log's origin, a kind and a number.

::

    https://{origin}/aas/unit/SN-1                              a shell
    https://{origin}/aas/unit/SN-1/Nameplate                    a submodel
    https://{origin}/asset/unit/SN-1                            the asset of the shell

Numbers are percent-encoded, so that a slash in a serial number is no part of an address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast, get_args
from urllib.parse import quote, unquote

import msgspec

from gaugeblock.exchange.aas.view import KEYS_OF_ENVIRONMENT
from gaugeblock.exchange.shells.errors import AasIdentifierTakenError

Kind = Literal["product", "unit", "lot", "module", "order", "certificate"]
"""Products, units, lots and modules have shells; orders and certificates have submodels, which those shells name."""

_WORDS: dict[Kind, str] = {
    "product": "Product",
    "unit": "Unit",
    "lot": "Lot",
    "module": "Module",
    "order": "Order",
    "certificate": "Certificate",
}
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
ID_SHORT_MOST = 100
NUMBER_MOST = 600
"""Bytes of a number; more would make an identifier longer than the metamodel has room for."""


class Named(msgspec.Struct, frozen=True):
    """What an identifier names; ``submodel`` is None for a shell."""

    kind: Kind
    number: str
    submodel: str | None = None


class Naming:
    """Names below one origin.

    Examples
    --------
    >>> names = Naming("plant.example/log")
    >>> names.shell("unit", "SN/1")
    'https://plant.example/log/aas/unit/SN%2F1'
    >>> names.read(names.submodel("unit", "SN/1", "Nameplate"))
    Named(kind='unit', number='SN/1', submodel='Nameplate')
    >>> names.read("https://plant.example/log/aas/unit/SN/1/2") is None
    True
    """

    def __init__(self, origin: str) -> None:
        self.root = "https://" + quote(origin, safe="/.-_~:")
        self.base = self.root + "/aas/"

    def shell(self, kind: Kind, number: str) -> str:
        """The identifier of a shell."""
        return f"{self.base}{kind}/{quote(number, safe='')}"

    def submodel(self, kind: Kind, number: str, name: str) -> str:
        """The identifier of a submodel."""
        return f"{self.base}{kind}/{quote(number, safe='')}/{name}"

    def asset(self, kind: Kind, number: str) -> str:
        """The identifier of the asset that a shell is of."""
        return f"{self.root}/asset/{kind}/{quote(number, safe='')}"

    def read(self, identifier: str) -> Named | None:
        """What an identifier names; None where it is none of ours, or not written as ours are."""
        if not identifier.startswith(self.base):
            return None
        kind, *rest = identifier[len(self.base) :].split("/")
        if kind not in get_args(Kind) or not 1 <= len(rest) <= 2:
            return None
        named = Named(cast(Kind, kind), unquote(rest[0]), rest[1] if len(rest) == 2 else None)
        again = self.shell(named.kind, named.number) + (f"/{named.submodel}" if named.submodel is not None else "")
        return named if again == identifier else None

    def check_foreign(self, environment: Mapping[str, Any]) -> None:
        """That a document of others names nothing as generated objects are named: nobody else's shell can stand where
        one of the plant's would.

        Raises
        ------
        AasIdentifierTakenError

        Examples
        --------
        >>> Naming("a.example").check_foreign({"submodels": [{"id": "urn:theirs"}]})
        """
        for identifier in _identifiers(environment):
            if identifier.startswith(self.base) or identifier == self.base.rstrip("/"):
                raise AasIdentifierTakenError(identifier=identifier[:200], base=self.base)


def _identifiers(environment: Mapping[str, Any]) -> Iterator[str]:
    for key in KEYS_OF_ENVIRONMENT.values():
        for tree in environment.get(key) or ():
            yield str(tree["id"])


def can_be_named(number: str) -> bool:
    """Whether a number has room in an identifier; no record of a plant states a longer one."""
    return 0 < len(number.encode("utf-8", "replace")) <= NUMBER_MOST and number not in {".", ".."}


def id_short(kind: Kind, number: str) -> str:
    """The short name of a shell: readable where the number is, and never the same for two numbers.

    >>> id_short("unit", "SN1"), id_short("unit", "SN-1")
    ('Unit_SN1', 'Unit_SN_1_13289933')
    """
    plain = _NOT_IN_A_NAME.sub("_", number)
    if plain == number and len(number) <= ID_SHORT_MOST:
        return f"{_WORDS[kind]}_{plain}"
    told = hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_WORDS[kind]}_{plain[:ID_SHORT_MOST]}_{told}"


def property_name(taken: set[str], *parts: str) -> str:
    """A name for a property that records name in any way; added to ``taken``, which ignores case.

    >>> taken = set()
    >>> property_name(taken, "Rp0.2", "MPa"), property_name(taken, "rp0 2", "MPa"), property_name(taken, "直径")
    ('Rp0_2_MPa', 'rp0_2_MPa_2', 'Value')
    """
    joined = "_".join(_NOT_IN_A_NAME.sub("_", part.replace("%", "percent")).strip("_") for part in parts).strip("_")
    name = joined[:ID_SHORT_MOST] or "Value"
    if not name[0].isalpha():
        name = "N_" + name
    chosen, place = name, 1
    while chosen.lower() in taken:
        place += 1
        chosen = f"{name}_{place}"
    taken.add(chosen.lower())
    return chosen
