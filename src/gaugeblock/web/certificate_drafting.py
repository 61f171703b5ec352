"""From the records of a lot to the material certificate that a named person may issue (EN 10204, type 3.1). Pure.

Chemistry, mechanics and dimensions come from the entered results, the inspection summary from what was last said of
each unit, the delivery from the shipments. Nothing that was recorded of the lot can be left out: who chose among
results would certify what they like. What stands against a certificate, and what it will lack, are **gaps**.

Source: EN 10204:2004, clause 4.1.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from gaugeblock.exchange.material_certificate.certificate import (
    Certificate,
    CertificateOrder,
    CertificateParty,
    CertificateValidator,
    CertifiedProduct,
    Heat,
    InspectionSummary,
    MeasuredValue,
)
from gaugeblock.exchange.material_certificate.conformity import interpretation
from gaugeblock.plant.production_facets import Characteristic
from gaugeblock.production.read_model import Lot, Order, Result, Shipment, UnitVerdict

VALUES_SHOWN = 20
"""Values of one characteristic that are listed one by one; of more the smallest and the largest are."""
RECORDS_SHOWN = 12
"""Records of verdicts that stand at the inspection itself; all stand among the certificate's records."""

Standing = Literal["good", "rejected", "undecided", "uninspected"]
GapKind = Literal[
    "customer",
    "party",
    "delivery",
    "quantity",
    "nothing",
    "undecided",
    "uninspected",
    "rejected_shipped",
    "outside",
    "nonconforming_result",
    "heat",
    "no_chemistry",
    "no_mechanical",
    "no_dimensions",
    "no_inspection",
    "order_cancelled",
    "concession",
]
BLOCKING: frozenset[GapKind] = frozenset(
    {
        "customer",
        "party",
        "delivery",
        "quantity",
        "nothing",
        "undecided",
        "rejected_shipped",
        "outside",
        "nonconforming_result",
        "heat",
        "order_cancelled",
        "concession",
    }
)
"""What no certificate is issued over; the others are only told."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base: immutable."""


class Seen(_Part, frozen=True, kw_only=True):
    """Where and when a verdict was given, with which module."""

    station: str
    at: str
    module_sha256: str | None = None


class Concession(_Part, frozen=True, kw_only=True):
    """A concession that the customer granted for the order: its thread, and the record that grants it."""

    thread: str
    index: int


class Sources(_Part, frozen=True, kw_only=True):
    """What is known of a lot.

    Parameters
    ----------
    verdicts
        What was last said of units of the order; those of other lots are passed over.
    seen
        Of verdicts by their index.
    results
        Of the order, its lots, heats and units; those of other lots are passed over.
    """

    order: Order
    lot: Lot
    verdicts: tuple[UnitVerdict, ...]
    seen: Mapping[int, Seen]
    results: tuple[Result, ...]
    shipments: tuple[Shipment, ...]
    log_origin: str
    concessions: tuple[Concession, ...] = ()


class Given(_Part, frozen=True, kw_only=True):
    """What no record says, and the person who issues adds. Dates ISO 8601; decimal text."""

    number: str
    delivery: str
    quantity: str
    manufacturer: CertificateParty
    customer: CertificateParty
    validator: str
    role: str
    quantity_unit: str = "pcs"
    delivered_on: datetime.date | None = None
    customer_product: str | None = None
    product_name: str = ""
    material: str | None = None
    material_number: str | None = None
    standards: tuple[str, ...] = ()
    delivery_condition: str | None = None
    country_of_origin: str | None = None
    department: str | None = None
    place: str | None = None
    concession: str | None = None


class Gap(_Part, frozen=True, kw_only=True):
    """What stands against it, or what it lacks; ``names`` are the things that it is about."""

    kind: GapKind
    names: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether nothing can be issued."""
        return self.kind in BLOCKING


class Draft(_Part, frozen=True, kw_only=True):
    """The certificate as it would be, and its gaps; ``standings`` by unit."""

    certificate: Certificate
    gaps: tuple[Gap, ...]
    standings: Mapping[str, Standing]

    @property
    def blocked(self) -> bool:
        """Whether a gap stands against it."""
        return any(gap.blocks for gap in self.gaps)


def standing(verdict: UnitVerdict) -> Standing:
    """What was last said of a unit: a person's decision that came after the verdict, or the verdict.

    >>> standing(UnitVerdict(order="A", unit="1", verdict="NOK", verdict_index=3, decision="good", decision_index=5))
    'good'
    """
    before = -1 if verdict.verdict_index is None else verdict.verdict_index
    if verdict.decision_index is not None and verdict.decision_index > before:
        return "good" if verdict.decision == "good" else "rejected"
    if verdict.verdict is None:
        return "uninspected"
    known: dict[str, Standing] = {"OK": "good", "NOK": "rejected"}
    return known.get(verdict.verdict, "undecided")


def draft(sources: Sources, given: Given, today: datetime.date) -> Draft:
    """The certificate of a lot, with everything that is known of it.

    Parameters
    ----------
    today
        By the calendar of the site.

    Raises
    ------
    DecimalTextError, CertificateLimitsError
        A recorded value that a certificate cannot state.
    """
    lot = sources.lot
    results = results_of(sources)
    shipments = shipments_of(sources)
    mine = {one.unit: one for one in sources.verdicts if one.unit in set(lot.units)}
    standings: dict[str, Standing] = {
        unit: standing(mine[unit]) if unit in mine else "uninspected" for unit in lot.units
    }
    concession = next((one for one in sources.concessions if one.thread == given.concession), None)
    values = measured(results, None if concession is None else concession.thread)
    heat_number = lot.heat or next((one.heat for one in results if one.heat), None)
    heat = Heat(number=heat_number or "–", elements=values["chemistry"]) if values["chemistry"] else None
    inspection = _inspection(sources, mine, standings)
    records = {sources.order.index, lot.index}
    records |= {one.index for one in results} | {one.index for one in shipments}
    for one in mine.values():
        records |= {index for index in (one.verdict_index, one.decision_index) if index is not None}
    if concession is not None:
        records.add(concession.index)
    certificate = Certificate(
        number=given.number,
        issued_on=today,
        validated_on=today,
        manufacturer=given.manufacturer,
        customer=given.customer,
        order=CertificateOrder(
            order=sources.order.customer_reference or sources.order.order,
            delivery=given.delivery,
            quantity=given.quantity,
            quantity_unit=given.quantity_unit,
            delivered_on=given.delivered_on,
            customer_product=given.customer_product,
            internal_order=sources.order.order,
        ),
        product=CertifiedProduct(
            name=given.product_name or lot.product,
            lot=lot.lot,
            standards=given.standards,
            material=given.material,
            material_number=given.material_number,
            delivery_condition=given.delivery_condition,
            country_of_origin=given.country_of_origin,
            place=given.place,
        ),
        validators=(CertificateValidator(name=given.validator, role=given.role, department=given.department),),
        log_origin=sources.log_origin,
        records=tuple(sorted(records)),
        heat=heat,
        mechanical=values["mechanical"],
        dimensional=values["dimension"],
        supplementary=values["other"],
        inspections=(inspection,) if inspection is not None else (),
        validation_place=given.place,
    )
    return Draft(
        certificate=certificate,
        gaps=tuple(_gaps(sources, given, certificate, standings, shipments, results, concession, heat_number)),
        standings=standings,
    )


def results_of(sources: Sources) -> tuple[Result, ...]:
    """The results that speak of the lot, oldest first: of the lot, its units, its heat, or of the order as a whole."""
    lot = sources.lot

    def speaks(result: Result) -> bool:
        if result.unit is not None:
            return result.unit in lot.units
        if result.lot is not None:
            return result.lot == lot.lot
        if result.heat is not None:
            return result.heat == lot.heat
        return result.order == sources.order.order

    return tuple(sorted(filter(speaks, sources.results), key=lambda result: result.index))


def shipments_of(sources: Sources) -> tuple[Shipment, ...]:
    """The shipments that the lot, or a unit of it, left with, oldest first."""
    lot = sources.lot
    return tuple(one for one in sources.shipments if lot.lot in one.lots or set(one.units) & set(lot.units))


def measured(results: Iterable[Result], concession: str | None) -> dict[str, tuple[MeasuredValue, ...]]:
    """Values by kind; those of one characteristic under the same limits and method stand together.

    Raises
    ------
    DecimalTextError, CertificateLimitsError
    """
    together: dict[Characteristic, list[str]] = {}
    for result in results:
        for one in result.characteristics:
            key = msgspec.structs.replace(one, value="", equipment="")
            together.setdefault(key, []).append(one.value.removeprefix("+"))
    found: dict[str, list[MeasuredValue]] = {"chemistry": [], "mechanical": [], "dimension": [], "other": []}
    for key, texts in together.items():
        said = [key.location] if key.location else []
        if len(texts) > VALUES_SHOWN:
            said.append(f"smallest and largest of {len(texts)} values")
            texts = [min(texts, key=Decimal), max(texts, key=Decimal)]
        value = MeasuredValue(
            symbol=key.name,
            unit=key.quantity_unit,
            values=tuple(texts),
            minimum=None if key.lower is None else key.lower.removeprefix("+"),
            maximum=None if key.upper is None else key.upper.removeprefix("+"),
            method=key.method or None,
            conditions="; ".join(said) or None,
        )
        if concession is not None and interpretation(value) == "Out of Specification":
            value = msgspec.structs.replace(value, concession=concession)
        found[key.kind].append(value)
    return {kind: tuple(values) for kind, values in found.items()}


def _inspection(
    sources: Sources, mine: Mapping[str, UnitVerdict], standings: Mapping[str, Standing]
) -> InspectionSummary | None:
    """What the verdicts come to; ``None`` where nobody looked."""
    inspected = [unit for unit, said in standings.items() if said != "uninspected"]
    if not inspected:
        return None
    indices = sorted(index for unit in inspected if (index := mine[unit].verdict_index) is not None)
    seen = [sources.seen[index] for index in indices if index in sources.seen]
    times = sorted(one.at for one in seen)
    good = sum(standings[unit] == "good" for unit in inspected)
    return InspectionSummary(
        name="Visual inspection",
        units=len(inspected),
        conforming=good,
        # Undecided ones count as rejected in the draft; nothing is issued over them.
        rejected=len(inspected) - good,
        stations=tuple(sorted({one.station for one in seen})),
        module_sha256=tuple(sorted({one.module_sha256 for one in seen if one.module_sha256})),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
        records=tuple(indices) if len(indices) <= RECORDS_SHOWN else (),
    )


def _gaps(
    sources: Sources,
    given: Given,
    certificate: Certificate,
    standings: Mapping[str, Standing],
    shipments: Sequence[Shipment],
    results: Sequence[Result],
    concession: Concession | None,
    heat_number: str | None,
) -> Iterable[Gap]:
    units_of: dict[Standing, tuple[str, ...]] = {}
    for unit, said in standings.items():
        units_of[said] = (*units_of.get(said, ()), unit)
    if sources.order.customer is None:
        yield Gap(kind="customer")
    lacking = [*_lacking("manufacturer", given.manufacturer), *_lacking("customer", given.customer)]
    lacking += [name for name, value in (("validator", given.validator), ("role", given.role)) if not value]
    if lacking:
        yield Gap(kind="party", names=tuple(lacking))
    if not given.delivery:
        yield Gap(kind="delivery")
    if sources.order.state == "cancelled":
        yield Gap(kind="order_cancelled", names=(sources.order.order,))
    yield from _quantity_gap(given, sources.lot, units_of)
    if given.concession and concession is None:
        yield Gap(kind="concession", names=(given.concession,))
    if units_of.get("undecided"):
        yield Gap(kind="undecided", names=units_of["undecided"])
    left = {unit for one in shipments for unit in one.units} & set(units_of.get("rejected", ()))
    if left:
        yield Gap(kind="rejected_shipped", names=tuple(sorted(left)))
    elements = certificate.heat.elements if certificate.heat else ()
    every = (*elements, *certificate.mechanical, *certificate.dimensional, *certificate.supplementary)
    outside = tuple(value.symbol for value in every if interpretation(value) == "Out of Specification")
    if outside:
        yield Gap(kind="outside", names=outside)
    against = tuple(f"#{one.index}" for one in results if one.conforms is False)
    if against and concession is None:
        yield Gap(kind="nonconforming_result", names=against)
    if elements and heat_number is None:
        yield Gap(kind="heat")
    if not every and not certificate.inspections:
        yield Gap(kind="nothing")
    elif not elements:
        yield Gap(kind="no_chemistry")
    if not certificate.mechanical:
        yield Gap(kind="no_mechanical")
    if not certificate.dimensional:
        yield Gap(kind="no_dimensions")
    if not certificate.inspections:
        yield Gap(kind="no_inspection")
    elif units_of.get("uninspected"):
        yield Gap(kind="uninspected", names=units_of["uninspected"])


def _lacking(which: str, party: CertificateParty) -> Iterable[str]:
    said = {"name": party.name, "street": "".join(party.street), "city": party.city, "country": party.country}
    return (f"{which}_{name}" for name, value in said.items() if not value)


def _quantity_gap(given: Given, lot: Lot, units_of: Mapping[Standing, tuple[str, ...]]) -> Iterable[Gap]:
    """The quantity is a number above nothing, and no more than the lot has good."""
    text = given.quantity
    if not (text.isascii() and text.replace(".", "", 1).isdecimal() and Decimal(text) > 0):
        yield Gap(kind="quantity", names=(text,))
    elif lot.units and given.quantity_unit == "pcs":
        good = len(lot.units) - len(units_of.get("rejected", ()))
        if Decimal(text) > good:
            yield Gap(kind="quantity", names=(f"{text} > {good}",))
