"""Who makes what the shells are of, as ``plant.toml`` says it: no record states it, and every answer shows it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gaugeblock.exchange.aas.elements import Texts
from gaugeblock.exchange.shells.texts import both, plain
from gaugeblock.exchange.submodels.address import Address


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """The enterprise, and what its products are called.

    Parameters
    ----------
    address
        Street, postal code, city and country, which a nameplate needs: without it there are no nameplates.
    products
        Name in Chinese and English by product; shown only of products that the customer may see.
    """

    name: str
    name_en: str | None = None
    address: Address | None = None
    products: Mapping[str, tuple[str | None, str | None]] = {}

    @property
    def names(self) -> Texts:
        """In both languages, where there are two."""
        return both(self.name, self.name_en, self.name)

    @property
    def plain_name(self) -> str:
        """Where a template takes one text: in English, if there is one."""
        return plain(self.name_en or self.name)

    def designation(self, product: str) -> Texts:
        """What a product is called; its number, where it has no name."""
        zh, en = self.products.get(product, (None, None))
        return both(zh, en, product)
