"""What all parts of a Metals certificate share: names in Pascal case, exact numbers, bounds of numbers.

Source: Metals schemas 0.1.1, materialidentity.org (Apache-2.0): a JSON form for certificates by EN 10204 and EN 10168.
"""

from __future__ import annotations

from decimal import Decimal
from re import Pattern
from typing import ClassVar

import msgspec

from gaugeblock.exchange.text_forms import check_forms


class Metals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="pascal"):
    """Base: immutable, absent where ``None``. Subclasses name forms of texts, and numbers above or not below zero."""

    forms: ClassVar[dict[str, Pattern[str]]] = {}
    above_zero: ClassVar[tuple[str, ...]] = ()
    not_below_zero: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Raises ``ValueError``, which msgspec reports with its place."""
        check_forms(self, self.forms)
        for name in self.above_zero:
            number = getattr(self, name)
            if isinstance(number, Decimal) and number <= 0:
                raise ValueError(f"{name} must be above zero")
        for name in self.not_below_zero:
            number = getattr(self, name)
            if isinstance(number, Decimal) and number < 0:
                raise ValueError(f"{name} must not be below zero")
