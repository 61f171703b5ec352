"""Digital nameplates (IDTA 02006) of products, units and lots."""

from __future__ import annotations

from gaugeblock.exchange.shells.naming import Kind
from gaugeblock.exchange.shells.reading import Built, Reading, built
from gaugeblock.exchange.shells.texts import plain
from gaugeblock.exchange.submodels import nameplate
from gaugeblock.exchange.submodels.nameplate import Nameplate


def nameplate_of(
    reading: Reading, identifier: str, kind: Kind, number: str, product: str, sources: tuple[int, ...]
) -> Built:
    """A nameplate with the enterprise's address: to be asked for only where there is one.

    Parameters
    ----------
    product
        What it is, whose number is the order code.
    sources
        The records by which the customer knows of it.
    """
    maker = reading.maker
    assert maker.address is not None, "a nameplate says where the maker is"
    given = Nameplate(
        uri_of_the_product=reading.names.asset(kind, number),
        manufacturer_name=maker.names,
        product_designation=maker.designation(product),
        address=maker.address,
        order_code=plain(product),
        product_type=plain(product),
        serial_number=plain(number) if kind == "unit" else None,
        country_of_origin=plain(maker.address.country),
    )
    return built(nameplate.build(identifier, given), *sources)
