"""What all facets of records share: closed, immutable structs; and the three answers of an inspection."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """The three answers of an inspection. UNDECIDED routes as reject."""

    OK = "OK"
    NOK = "NOK"
    UNDECIDED = "UNDECIDED"


class Facet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all facets: closed, immutable, defaults left out of the bytes."""
