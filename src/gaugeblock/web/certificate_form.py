"""The form of a certificate: what it begins with, and what it says. Pure.

It begins with the records of the lot, and with what earlier certificates said that holds again.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from gaugeblock.exchange.material_certificate.certificate import CertificateParty
from gaugeblock.exchange.material_certificate.metals_document import MetalsDocument
from gaugeblock.exchange.material_certificate.metals_product import Party
from gaugeblock.web.certificate_drafting import Given, Sources, shipments_of, standing

PARTY_FIELDS = ("name", "street", "postal_code", "city", "country", "email")


def beginnings(sources: Sources) -> dict[str, str]:
    """What the records propose for the form: delivery and quantity."""
    lot = sources.lot
    shipments = shipments_of(sources)
    alone = [one for one in shipments if set(one.lots) <= {lot.lot}]
    good = sum(standing(one) == "good" for one in sources.verdicts if one.unit in set(lot.units))
    quantity = sum(one.quantity for one in alone) or good or lot.quantity or 0
    last = shipments[-1] if shipments else None
    return {
        "delivery": last.shipment if last else "",
        "delivered_on": last.shipped_at[:10] if last else "",
        "quantity": str(quantity) if quantity else "",
        "quantity_unit": "pcs",
        "product_name": lot.product,
        "country_of_origin": "CN",
    }


def remembered(document: MetalsDocument, *, customer: bool, product: bool) -> dict[str, str]:
    """What an earlier certificate says that holds again.

    Parameters
    ----------
    customer, product
        Whether it was for the same customer, and of the same product.
    """
    passport = document.digital_material_passport
    parties, said = passport.transaction_data.parties, passport.product
    found = _party_fields("manufacturer", parties.manufacturer)
    validator = passport.validation.validators[0] if passport.validation.validators else None
    if validator is not None:
        found |= {"role": validator.title, "department": validator.department or ""}
    found["place"] = passport.validation.validation_place or ""
    if customer:
        found |= _party_fields("customer", parties.customer)
    if product:
        designations = said.material_designations or ()
        parts = designations[0] if designations else None
        norms = said.product_norms or ()
        condition = said.delivery_condition
        found |= {
            "product_name": said.name,
            "material": parts.name.value if parts and parts.name else "",
            "material_number": parts.number.value if parts and parts.number else "",
            "standards": ", ".join(f"{n.standard}:{n.year}" if n.year else n.standard for n in norms),
            "delivery_condition": condition.code if condition else "",
            "country_of_origin": said.country_of_origin or "",
            "customer_product": passport.transaction_data.business_transaction.order.customer_product_id or "",
        }
    return found


def _party_fields(which: str, party: Party) -> dict[str, str]:
    return {
        f"{which}_name": party.name,
        f"{which}_street": "\n".join(party.street),
        f"{which}_postal_code": party.zip_code,
        f"{which}_city": party.city,
        f"{which}_country": party.country,
        f"{which}_email": party.email or "",
    }


def given_of(form: Mapping[str, str], validator: str) -> Given:
    """What a form says; an empty field says nothing.

    Raises
    ------
    ValueError
        ``delivered_on`` is no date.
    """

    def text(name: str) -> str:
        return form.get(name, "").strip()

    def party(which: str) -> CertificateParty:
        said = {name: text(f"{which}_{name}") for name in PARTY_FIELDS}
        street = tuple(line.strip() for line in said["street"].splitlines() if line.strip())
        return CertificateParty(
            name=said["name"],
            street=street,
            postal_code=said["postal_code"],
            city=said["city"],
            country=said["country"].upper(),
            email=said["email"] or None,
        )

    standards = text("standards").replace("\n", ",").replace("，", ",").replace("、", ",")
    return Given(
        number=text("number"),
        delivery=text("delivery"),
        quantity=text("quantity"),
        quantity_unit=text("quantity_unit") or "pcs",
        delivered_on=datetime.date.fromisoformat(text("delivered_on")) if text("delivered_on") else None,
        manufacturer=party("manufacturer"),
        customer=party("customer"),
        validator=validator,
        role=text("role"),
        department=text("department") or None,
        customer_product=text("customer_product") or None,
        product_name=text("product_name"),
        material=text("material") or None,
        material_number=text("material_number") or None,
        standards=tuple(part.strip() for part in standards.split(",") if part.strip()),
        delivery_condition=text("delivery_condition") or None,
        country_of_origin=text("country_of_origin").upper() or None,
        place=text("place") or None,
        concession=text("concession") or None,
    )
