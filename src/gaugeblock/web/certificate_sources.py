"""What a certificate's draft is made of, read in the plant: the lot's records, plant.toml, earlier certificates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from gaugeblock.exchange.material_certificate.metals_document import MetalsDocument
from gaugeblock.exchange.material_certificate.metals_json import read_metals
from gaugeblock.inspection.part_groups import site_zone
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.production.errors import LotOrderError
from gaugeblock.production.read_model import Certificate, Lot, OrderCase, Result
from gaugeblock.web.certificate_drafting import Concession, Seen, Sources, standing
from gaugeblock.web.certificate_form import beginnings, remembered
from gaugeblock.web.ports import Services

REMEMBERED_OF = 12
"""How many of the newest certificates are looked at for what holds again."""


def today(services: Services) -> date:
    """The date at the first site."""
    return services.clock.now().astimezone(site_zone(services.production.settings)).date()


def sources_of(services: Services, order: str, lot: str) -> Sources:
    """Everything that is known of a lot of an order.

    Raises
    ------
    OrderMissingError, LotMissingError, LotOrderError
    """
    reader = services.production.orders.reader
    case, known = reader.case(order), reader.lot(lot)
    if known.order != order:
        raise LotOrderError(lot=lot[:80], order=known.order or "–")
    verdicts = tuple(one for one in case.units if one.unit in set(known.units))
    told = {one.unit for one in verdicts}
    # An order's page reads a thousand units; those of a larger order are read one by one.
    verdicts += tuple(
        one for unit in known.units if unit not in told for one in reader.verdicts_of(unit) if one.order == order
    )
    return Sources(
        order=case.head,
        lot=known,
        verdicts=verdicts,
        seen=dict(_seen(services, [one.verdict_index for one in verdicts if standing(one) != "uninspected"])),
        results=(*case.results, *_results_of_units(services, known, {one.index for one in case.results})),
        shipments=case.shipments,
        log_origin=services.settings.origin,
        concessions=_concessions(services, case),
    )


def _results_of_units(services: Services, lot: Lot, known: set[int]) -> Iterable[Result]:
    """Results that name a unit of the lot, and neither order nor lot."""
    for unit in lot.units:
        for result in services.production.orders.reader.results_of(unit=unit):
            if result.index not in known:
                known.add(result.index)
                yield result


def _seen(services: Services, indices: Iterable[int | None]) -> Iterable[tuple[int, Seen]]:
    for index in indices:
        row = services.inspections.verdict(index) if index is not None else None
        if row is not None:
            yield row.index, Seen(station=row.station, at=row.observed_at, module_sha256=row.module_sha256)


def _concessions(services: Services, case: OrderCase) -> tuple[Concession, ...]:
    """What the customer has granted for the order."""
    customer = case.head.customer
    if customer is None:
        return ()
    return tuple(
        Concession(thread=thread.thread, index=message.index)
        for thread in services.exchange.messages.listed(customer=customer)
        if thread.order == case.head.order
        for message in thread.messages[-1:]
        if message.statement.kind == "concession_granted" and message.by == "customer"
    )


def proposed(services: Services, sources: Sources) -> dict[str, str]:
    """What the form begins with: plant.toml, earlier certificates, the records; the later goes before the earlier."""
    owner = services.production.settings
    enterprise, site = owner.enterprise, owner.sites[0] if owner.sites else None
    name = f"{enterprise.name} {enterprise.name_en}" if enterprise.name_en else enterprise.name
    found = {
        "manufacturer_name": name[:100],
        "manufacturer_country": "CN",
        "place": (site.name_en or site.name) if site is not None else "",
    }
    if (at := enterprise.address) is not None:
        found |= {
            "manufacturer_street": at.street,
            "manufacturer_postal_code": at.postal_code,
            "manufacturer_city": at.city,
            "manufacturer_country": at.country,
        }
    buyer = next((one for one in owner.customers if one.id == sources.order.customer), None)
    if buyer is not None:
        found |= {"customer_name": buyer.name[:100], "customer_country": buyer.country or ""}
    found |= beginnings(sources)
    product = next((one for one in owner.products if one.id == sources.lot.product), None)
    if product is not None and (product.name_en or product.name):
        found["product_name"] = product.name_en or product.name
    for known, document in _earlier(services):
        same_customer, same_product = known.customer == sources.order.customer, known.product == sources.lot.product
        found |= remembered(document, customer=same_customer, product=same_product)
    return {**found, "number": _free_number(services, f"MC-{sources.lot.lot}"[:60])}


def _earlier(services: Services) -> list[tuple[Certificate, MetalsDocument]]:
    """Certificates that were issued here, oldest of the newest first; what is no Metals is passed over."""
    found = []
    for known in services.production.orders.reader.certificates_listed(limit=REMEMBERED_OF):
        try:
            found.append((known, read_metals(services.blobs.get(known.json_sha256)).document))
        except GaugeblockError:
            continue
    return found[::-1]


def _free_number(services: Services, stem: str) -> str:
    reader = services.production.orders.reader
    for number in (stem, *(f"{stem}-{at}" for at in range(2, 100))):
        if not reader.has_certificate(number):
            return number
    return ""
