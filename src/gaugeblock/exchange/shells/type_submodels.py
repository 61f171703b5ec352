"""Submodels of a product as a type: Technical Data (IDTA 02003), Handover Documentation (02004), Carbon Footprint
(02023)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from gaugeblock.exchange.pact.from_records import STANDARDS
from gaugeblock.exchange.shells.naming import property_name
from gaugeblock.exchange.shells.reading import Built, Reading, built, held_file
from gaugeblock.exchange.shells.texts import both, maybe, moment, number, plain
from gaugeblock.exchange.submodels import carbon_footprint, handover, technical_data
from gaugeblock.exchange.submodels.carbon_footprint import CarbonFootprint, Footprint
from gaugeblock.exchange.submodels.documents import DocumentId, VdiClass
from gaugeblock.exchange.submodels.handover import Document, DocumentVersion, HandoverDocumentation
from gaugeblock.exchange.submodels.technical_data import Characteristic, TechnicalData
from gaugeblock.exchange.view_model import CharacteristicView, DocumentView, FootprintView

PHASE = "A1-A3 (cradle to gate)"
"""What footprint records are of; the phases of EN 15804."""
FOOTPRINTS_MOST = 24
DOCUMENTS_MOST = 500

_VDI: dict[str, VdiClass] = {
    "drawing": "02-02",
    "report": "03-04",
    "manual": "03-02",
    "golden_sample": "02-01",
    "photograph": "02-01",
}
_VDI_OTHERWISE: VdiClass = "02-01"


# ── technical data ──────────────────────────────────────────────────────────────────────────────────────────────


def technical_data_of(reading: Reading, identifier: str, product: str) -> Built:
    """Who makes it and what it is called; limits as the newest results state them, and mass as a footprint does."""
    sources: list[int] = []
    sections = {
        "Limits": tuple(_limits(reading, product, sources)),
        "Mass": tuple(_mass(reading, product, sources)),
    }
    given = TechnicalData(
        manufacturer_name=reading.maker.plain_name,
        product_designation=reading.maker.designation(product),
        article_number=plain(product),
        order_code=plain(product),
        sections=sections,
    )
    return built(technical_data.build(identifier, given), *sources)


def _limits(reading: Reading, product: str, sources: list[int]) -> Iterable[Characteristic]:
    taken: set[str] = set()
    seen: set[tuple[str, str | None, str]] = set()
    for result in reading.results_of_products.get(product, ()):
        for each in result.characteristics:
            # Newest first: of what is stated again the newest counts.
            key = (each.name or "", each.quantity_unit, each.kind or "")
            if each.name is None or key in seen:
                continue
            seen.add(key)
            made = _limit(each, taken)
            if made is not None:
                sources.append(result.record_index)
                yield made


def _limit(each: CharacteristicView, taken: set[str]) -> Characteristic | None:
    lower, upper = number(each.lower), number(each.upper)
    unit = (each.quantity_unit,) if each.quantity_unit else ()
    name = each.name or ""
    value: Decimal | tuple[Decimal, Decimal]
    if lower is not None and upper is not None:
        if lower > upper:
            return None
        value, words = (lower, upper), (name, *unit)
    elif lower is not None:
        value, words = lower, (name, "least", *unit)
    elif upper is not None:
        value, words = upper, (name, "most", *unit)
    else:
        return None
    return Characteristic(name=property_name(taken, *words), value=value)


def _mass(reading: Reading, product: str, sources: list[int]) -> Iterable[Characteristic]:
    for footprint in reading.view.footprints(product, limit=1).items:
        mass = number(footprint.mass_kg_per_unit)
        if mass is not None:
            sources.append(footprint.record_index)
            yield Characteristic(name="Mass_kg", value=mass)


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────


def handover_of(reading: Reading, identifier: str, documents: list[DocumentView]) -> Built:
    """Documents that the plant shares, with their files."""
    shown = documents[:DOCUMENTS_MOST]
    given = HandoverDocumentation(documents=tuple(_document(reading, each) for each in shown))
    return built(handover.build(identifier, given), *(each.record_index for each in shown))


def _document(reading: Reading, given: DocumentView) -> Document:
    name = maybe(given.name) or given.sha256
    title = both(given.title_zh, given.title_en, name)
    stated = moment(given.stated_at)
    assert stated is not None, "records state when"
    languages = tuple(language for language, text in (("zh", given.title_zh), ("en", given.title_en)) if maybe(text))
    version = DocumentVersion(
        languages=languages or ("en",),
        version=given.sha256[:12],
        title=title,
        description=title,
        status_set=stated.date(),
        organization_short_name=reading.maker.plain_name,
        organization_official_name=reading.maker.plain_name,
        files=(held_file(given.sha256, given.media_type),),
    )
    return Document(
        ids=(DocumentId(domain=reading.names.root, identifier=given.sha256, primary=True),),
        vdi_class=_VDI.get(given.kind or "", _VDI_OTHERWISE),
        versions=(version,),
    )


# ── carbon footprint ────────────────────────────────────────────────────────────────────────────────────────────


def can_say_footprints(reading: Reading) -> bool:
    """Whether the contract permits what the template demands: the amount and what it is of."""
    return all(
        reading.may_see("exchange.footprint", "statement", field)
        for field in ("kg_co2e_per_unit", "declared_unit", "declared_amount", "methods")
    )


def footprints_of(reading: Reading, product: str) -> list[FootprintView]:
    """Those that can be said, newest first."""
    if not can_say_footprints(reading):
        return []
    found = reading.view.footprints(product, limit=FOOTPRINTS_MOST).items
    return [each for each in found if number(each.kg_co2e_per_unit) is not None]


def carbon_footprint_of(identifier: str, footprints: list[FootprintView]) -> Built:
    """The footprints of a product, newest first."""
    given = CarbonFootprint(footprints=tuple(_footprint(each) for each in footprints))
    return built(carbon_footprint.build(identifier, given), *(each.record_index for each in footprints))


def _footprint(given: FootprintView) -> Footprint:
    amount, published = number(given.kg_co2e_per_unit), moment(given.stated_at)
    assert amount is not None, "footprints_of has looked"
    assert published is not None, "records state when"
    return Footprint(
        method=plain(", ".join(given.methods or STANDARDS)),
        co2eq_kg=amount,
        unit=plain(given.declared_unit or "piece"),
        quantity=number(given.declared_amount) or Decimal(1),
        phase=PHASE,
        published=published,
    )
