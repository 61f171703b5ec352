"""The desk of carbon footprints: a person states a product's footprint for a period; nothing is made up.

What can be worked out is worked out: the plant's own part is its electricity for one unit times the factor of its grid,
and what was bought is as its supplier or a data base says. Where both parts are given, the total is their sum; a part
that is missing is not nought. A total that was worked out elsewhere is stated as it is. What was not stated stays open,
and where PACT demands it, the footprint is left out there and the reason is shown
(:func:`~gaugeblock.exchange.pact.from_records.gaps_of`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final, get_args

import msgspec
from sqlalchemy import Row, select

from gaugeblock.exchange.audience import Audience, audiences
from gaugeblock.exchange.contract import SubjectRef
from gaugeblock.exchange.decimal_text import decimal_of, plain
from gaugeblock.exchange.document_errors import DecimalTextError, FootprintInputError
from gaugeblock.exchange.items_projection import items
from gaugeblock.exchange.pact.calculation import Activity, Emissions, emissions_of
from gaugeblock.exchange.pact.footprint import DeclaredUnit, EmissionFactorSource, Region
from gaugeblock.exchange.pact.from_records import gaps_of
from gaugeblock.exchange.ports import Statements
from gaugeblock.exchange.shared_errors import (
    FootprintPartsError,
    FootprintPeriodError,
    FootprintSumError,
    FootprintValueError,
    SharedSubjectError,
)
from gaugeblock.exchange.shared_files_desk import NAME_MAX, check_order
from gaugeblock.exchange.text_forms import moment_of
from gaugeblock.exchange.view_model import FootprintView
from gaugeblock.plant.exchange_facets import FootprintStatement, FootprintSubject
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database

RECORD_TYPE = "exchange.footprint"
LISTED_MOST = 200
LIST_MOST = 8
TEXT_MAX = 200
_PERCENT: Final = (Decimal(0), Decimal(100))
_RANGES: Final[dict[str, tuple[Decimal | None, Decimal | None]]] = {
    "kg_co2e_per_unit": (Decimal(0), None),
    "primary_data_share_percent": _PERCENT,
    "energy_kwh_per_unit": (Decimal(0), None),
    "grid_kg_co2e_per_kwh": (Decimal(0), None),
    "material_kg_co2e_per_unit": (Decimal(0), None),
    "fossil_carbon_content_kg_per_unit": (Decimal(0), None),
    "exempted_emissions_percent": _PERCENT,
    "biogenic_uptake_kg_co2e_per_unit": (None, Decimal(0)),
}
"""Least and greatest; mass and declared amount are above zero."""
_ABOVE_ZERO: Final = ("declared_amount", "mass_kg_per_unit")
_PLACE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_REPORT: Final = re.compile(r"AR[0-9]{1,2}", re.ASCII)


class FootprintDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a person states; fields as those of :class:`~gaugeblock.plant.exchange_facets.FootprintStatement`, but that
    the total and its primary data share follow from the parts where these are given."""

    product: str
    begin: str
    end: str
    order: str | None = None
    kg_co2e_per_unit: str | None = None
    primary_data_share_percent: str | None = None
    declared_unit: str = "piece"
    declared_amount: str = "1"
    energy_kwh_per_unit: str | None = None
    grid_kg_co2e_per_kwh: str | None = None
    grid_factor_source: str | None = None
    grid_factor_version: str | None = None
    material_kg_co2e_per_unit: str | None = None
    material_primary: bool = False
    material_factor_source: str | None = None
    material_factor_version: str | None = None
    mass_kg_per_unit: str | None = None
    fossil_carbon_content_kg_per_unit: str | None = None
    exempted_emissions_percent: str | None = None
    biogenic_uptake_kg_co2e_per_unit: str | None = None
    methods: tuple[str, ...] = ()
    characterization: tuple[str, ...] = ()
    geography: str = "CN"


class WorkedSum(msgspec.Struct, frozen=True, kw_only=True):
    """How a total comes about, in decimal text.

    Parameters
    ----------
    parts_kg
        The sum of the parts that are stated.
    complete
        Both are, so that the total is their sum.
    agrees
        The total that is stated is that sum, or at least as much where a part is missing.
    """

    energy_kwh: str | None
    grid_factor: str | None
    energy_kg: str | None
    material_kg: str | None
    parts_kg: str
    primary_share_percent: str
    complete: bool
    agrees: bool


class StatedFootprint(msgspec.Struct, frozen=True, kw_only=True):
    """A footprint by its record.

    Parameters
    ----------
    worked
        ``None`` where it states no parts.
    gaps
        Why PACT cannot say it.
    """

    index: int
    author: str
    stated_at: str
    subject: FootprintSubject
    statement: FootprintStatement
    worked: WorkedSum | None
    gaps: tuple[str, ...]
    audience: tuple[Audience, ...] = ()


def worked_sum(statement: FootprintStatement) -> WorkedSum | None:
    """The sum of the parts that a statement holds; ``None`` where it holds none that can be summed.

    Examples
    --------
    >>> found = worked_sum(FootprintStatement("4.8", energy_kwh_per_unit="2.4", grid_kg_co2e_per_kwh="0.5",
    ...     material_kg_co2e_per_unit="3.6", material_primary=True))
    >>> found.energy_kg, found.parts_kg, found.primary_share_percent, found.agrees
    ('1.2', '4.8', '75.0', True)
    """
    activities: list[Activity] = []
    energy, factor = statement.energy_kwh_per_unit, statement.grid_kg_co2e_per_kwh
    if energy is not None and factor is not None:
        source = _source(statement.grid_factor_source, statement.grid_factor_version)
        activities.append(
            Activity(name="energy_kwh_per_unit", amount=energy, unit="kWh", factor_kg_co2e=factor, source=source)
        )
    material = statement.material_kg_co2e_per_unit
    if material is not None:
        activities.append(
            Activity(
                name="material_kg_co2e_per_unit",
                amount="1",
                unit=statement.declared_unit,
                factor_kg_co2e=material,
                primary=statement.material_primary,
                source=_source(statement.material_factor_source, statement.material_factor_version),
            )
        )
    if not activities:
        return None
    found = _emissions(activities)
    if found is None:
        return None
    kg = dict(zip([one.name for one in activities], found.of_activities, strict=True))
    own = kg.get("energy_kwh_per_unit")
    complete = len(kg) == 2
    try:
        total = decimal_of(statement.kg_co2e_per_unit, "kg_co2e_per_unit")
        agrees = total == found.fossil or (not complete and total > found.fossil)
    except DecimalTextError:
        agrees = False
    return WorkedSum(
        energy_kwh=energy if own is not None else None,
        grid_factor=factor if own is not None else None,
        energy_kg=None if own is None else _short(own),
        material_kg=material,
        parts_kg=_short(found.fossil),
        primary_share_percent=found.primary_share_percent,
        complete=complete,
        agrees=agrees,
    )


def _emissions(activities: list[Activity]) -> Emissions | None:
    try:
        return emissions_of(activities)
    except (DecimalTextError, FootprintInputError):
        # A record of another author, whose parts cannot be summed: it is shown as it is stated.
        return None


_UNNAMED = EmissionFactorSource(name="–", version="–")


def _source(name: str | None, version: str | None) -> EmissionFactorSource:
    return EmissionFactorSource(name=name, version=version) if name and version else _UNNAMED


def _short(number: Decimal) -> str:
    """Without noughts at the end that say nothing; a sum is exact."""
    text = plain(number)
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


class FootprintDesk:
    """Commands of people, and what they led to.

    Parameters
    ----------
    statements
        What it has stated, the tables show when it returns.
    database
        Holds the tables of :class:`~gaugeblock.exchange.items_projection.ItemsProjection` and of the contracts.
    clock
        For what is in force.
    products
        Ids of ``plant.toml``; a plant that lists no products takes any.
    """

    def __init__(
        self, statements: Statements, database: Database, clock: Clock, products: Collection[str] = ()
    ) -> None:
        self.products = tuple(products)
        self._statements, self._database, self._clock = statements, database, clock

    def listed(self) -> list[StatedFootprint]:
        """What was stated, the newest first, with who sees it."""
        query = select(items).where(items.c.record_type == RECORD_TYPE).order_by(items.c.record_index.desc())
        with self._database.reading() as connection:
            found = [_stated(row) for row in connection.execute(query.limit(LISTED_MOST))]
        refs = [
            SubjectRef(
                record_type=RECORD_TYPE,
                orders=frozenset() if one.subject.order is None else frozenset({one.subject.order}),
                product=one.subject.product,
            )
            for one in found
        ]
        seen = audiences(self._database, refs, self._clock.now())
        return [msgspec.structs.replace(one, audience=own) for one, own in zip(found, seen, strict=True)]

    def work_out(self, draft: FootprintDraft) -> FootprintStatement:
        """What a draft comes to. States nothing.

        Raises
        ------
        DecimalTextError, FootprintValueError, FootprintPeriodError, FootprintPartsError, FootprintSumError,
        SharedSubjectError
        """
        self._check(draft)
        bare = FootprintStatement(
            kg_co2e_per_unit=draft.kg_co2e_per_unit or "",
            **{name: getattr(draft, name) for name in _COPIED},
        )
        worked, total, share = worked_sum(bare), draft.kg_co2e_per_unit, draft.primary_data_share_percent
        if worked is not None and total is not None and not worked.agrees:
            raise FootprintSumError(stated=total, found=worked.parts_kg)
        if worked is None or not worked.complete:
            if total is None:
                raise FootprintPartsError(given="–", missing="kg_co2e_per_unit")
            if share is None:
                raise FootprintPartsError(given="kg_co2e_per_unit", missing="primary_data_share_percent")
            return msgspec.structs.replace(bare, primary_data_share_percent=share)
        own = worked.primary_share_percent
        if share is not None and decimal_of(share, "primary_data_share_percent") != Decimal(own):
            raise FootprintSumError(stated=f"{share} %", found=f"{own} %")
        return msgspec.structs.replace(bare, kg_co2e_per_unit=worked.parts_kg, primary_data_share_percent=own)

    def state(self, author: str, token: str, draft: FootprintDraft) -> int:
        """State a draft; the record's index. The same ``token`` again states nothing twice.

        Raises
        ------
        As :meth:`work_out`.
        """
        statement = self.work_out(draft)
        subject = FootprintSubject(draft.product, draft.begin, draft.end, draft.order)
        facets = {"subject": subject, "statement": statement}
        return self._statements.state(author, RECORD_TYPE, f"footprint/{draft.product}/{token}", facets)

    def _check(self, draft: FootprintDraft) -> None:
        known = not self.products or draft.product in self.products
        if not 0 < len(draft.product) <= NAME_MAX or not draft.product.isprintable() or not known:
            raise SharedSubjectError(noun="product", id=draft.product[:80] or "–")
        check_order(self._database, draft.order)
        _check_period(draft)
        for name, (least, most) in _RANGES.items():
            number = _decimal(draft, name)
            if number is not None and ((least is not None and number < least) or (most is not None and number > most)):
                raise FootprintValueError(field=name, value=getattr(draft, name))
        for name in _ABOVE_ZERO:
            number = _decimal(draft, name)
            if number is not None and number <= 0:
                raise FootprintValueError(field=name, value=getattr(draft, name))
        mass, carbon = _decimal(draft, "mass_kg_per_unit"), _decimal(draft, "fossil_carbon_content_kg_per_unit")
        if mass is not None and carbon is not None and carbon > mass:
            raise FootprintValueError(
                field="fossil_carbon_content_kg_per_unit", value=str(draft.fossil_carbon_content_kg_per_unit)
            )
        _check_words(draft)
        _check_parts(draft)


_COPIED: Final = tuple(
    name
    for name in FootprintStatement.__struct_fields__
    if name not in {"kg_co2e_per_unit", "primary_data_share_percent"}
)


def _decimal(draft: FootprintDraft, name: str) -> Decimal | None:
    text = getattr(draft, name)
    return None if text is None else decimal_of(text, name)


def _check_period(draft: FootprintDraft) -> None:
    try:
        whole = moment_of(draft.begin) < moment_of(draft.end)
    except ValueError:
        whole = False
    if not whole:
        raise FootprintPeriodError(begin=draft.begin[:40] or "–", end=draft.end[:40] or "–")


def _check_words(draft: FootprintDraft) -> None:
    if draft.declared_unit not in get_args(DeclaredUnit):
        raise FootprintValueError(field="declared_unit", value=draft.declared_unit[:40])
    if draft.geography not in get_args(Region) and _PLACE.fullmatch(draft.geography) is None:
        raise FootprintValueError(field="geography", value=draft.geography[:40] or "–")
    for report in draft.characterization:
        if _REPORT.fullmatch(report) is None:
            raise FootprintValueError(field="characterization", value=report[:40])
    for name in ("methods", "characterization"):
        values = getattr(draft, name)
        if len(values) > LIST_MOST or len(set(values)) != len(values):
            raise FootprintValueError(field=name, value=", ".join(values)[:80])
    sources = ("grid_factor_source", "grid_factor_version", "material_factor_source", "material_factor_version")
    texts = [("methods", method) for method in draft.methods] + [(name, getattr(draft, name)) for name in sources]
    for name, text in texts:
        if text is not None and (not 0 < len(text) <= TEXT_MAX or not text.isprintable()):
            raise FootprintValueError(field=name, value=text[:40] or "–")


def _check_parts(draft: FootprintDraft) -> None:
    """Electricity and its factor go together, and a factor that was looked up names where."""
    pairs = [
        ("energy_kwh_per_unit", "grid_kg_co2e_per_kwh"),
        ("grid_kg_co2e_per_kwh", "energy_kwh_per_unit"),
        ("grid_kg_co2e_per_kwh", "grid_factor_source"),
        ("grid_factor_source", "grid_factor_version"),
        ("grid_factor_source", "grid_kg_co2e_per_kwh"),
        ("grid_factor_version", "grid_factor_source"),
        ("material_factor_source", "material_factor_version"),
        ("material_factor_source", "material_kg_co2e_per_unit"),
        ("material_factor_version", "material_factor_source"),
    ]
    if not draft.material_primary:
        pairs.append(("material_kg_co2e_per_unit", "material_factor_source"))
    for given, missing in pairs:
        if getattr(draft, given) is not None and getattr(draft, missing) is None:
            raise FootprintPartsError(given=given, missing=missing)
    if draft.material_primary and draft.material_kg_co2e_per_unit is None:
        raise FootprintPartsError(given="material_primary", missing="material_kg_co2e_per_unit")


def _stated(row: Row[Any]) -> StatedFootprint:
    facets = msgspec.json.decode(row.facets)
    statement = msgspec.convert(facets["statement"], FootprintStatement)
    view = msgspec.convert(
        {"record_index": row.record_index, "stated_at": row.stated_at, **facets["subject"], **facets["statement"]},
        FootprintView,
    )
    return StatedFootprint(
        index=row.record_index,
        author=row.author,
        stated_at=row.stated_at,
        subject=msgspec.convert(facets["subject"], FootprintSubject),
        statement=statement,
        worked=worked_sum(statement),
        gaps=gaps_of(view),
    )
