"""Quality Control for Machining (IDTA 02049) of a unit or lot: what stations judged, and dimensions that were measured.

A verdict is a result for an attributive feature of its station. A person's decision takes the verdict's place. What is
undecided is no result yet: the template knows in and out of specification only. A dimension is a linear feature, whose
nominal value is the middle of its limits, or the one limit there is; one without limits cannot be judged and is left
out. Records do not state what a device could measure, so its range is the span of the limits and values here; a
station's answer is 1 for good and 0 for not.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from gaugeblock.exchange.shells.naming import Kind
from gaugeblock.exchange.shells.reading import Built, Reading, built
from gaugeblock.exchange.shells.texts import maybe, moment, number, plain
from gaugeblock.exchange.submodels import machining_quality
from gaugeblock.exchange.submodels.machining_quality import (
    AttributiveFeature,
    Feature,
    LinearFeature,
    MachiningQuality,
    MeasuringDevice,
    MeasuringJob,
    Result,
)
from gaugeblock.exchange.view_model import CharacteristicView, InspectionView

RUNS_MOST = 50
FEATURES_MOST = 500
GOOD, NOT_GOOD = "OK", "NOK"
_GOOD_DECISIONS = frozenset({"good"})
_BAD_DECISIONS = frozenset({"defective"})
VERDICT, RESULT = "inspection.verdict", "production.result"


def judged(inspection: InspectionView) -> bool | None:
    """Whether what was inspected is good; None while nobody has decided.

    >>> judged(InspectionView(record_index=1, stated_at="", verdict="NOK", decision="good"))
    True
    >>> judged(InspectionView(record_index=1, stated_at="", verdict="UNDECIDED")) is None
    True
    """
    if inspection.decision in _GOOD_DECISIONS:
        return True
    if inspection.decision in _BAD_DECISIONS:
        return False
    return {GOOD: True, NOT_GOOD: False}.get(inspection.verdict or "")


def can_be_judged(each: CharacteristicView) -> bool:
    """Whether it is a dimension with a value and a limit."""
    limits = (number(each.lower), number(each.upper))
    said = each.kind == "dimension" and bool(each.name) and number(each.value) is not None
    return said and limits != (None, None)


def quality_records(reading: Reading, indices: Sequence[int]) -> list[int]:
    """Those of a unit's or lot's records that give results, newest first, 50 at most."""
    found: list[int] = []
    for index in reversed(indices):
        if len(found) >= RUNS_MOST:
            break
        record_type, verdict = reading.view.headline(index) or ("", None)
        if record_type == VERDICT:
            # Only what nobody decided by machine has to be opened for a person's decision.
            inspection = reading.view.inspection(index) if verdict not in (GOOD, NOT_GOOD) else None
            if verdict in (GOOD, NOT_GOOD) or (inspection is not None and judged(inspection) is not None):
                found.append(index)
        elif record_type == RESULT and any(map(can_be_judged, characteristics(reading, index))):
            found.append(index)
    return found


def characteristics(reading: Reading, index: int) -> tuple[CharacteristicView, ...]:
    """What a result states."""
    record = reading.view.record(index)
    stated: Any = record.facets.get("statement", {}).get("characteristics", ()) if record is not None else ()
    return msgspec.convert(stated, tuple[CharacteristicView, ...])


class _Sheet:
    """Features and devices as they come up."""

    def __init__(self) -> None:
        self.attributive: list[AttributiveFeature] = []
        self.linear: list[LinearFeature] = []
        self.devices: list[tuple[str, str, str, list[Decimal]]] = []
        self._features: dict[tuple[object, ...], int] = {}
        self._devices: dict[tuple[str, str, str], int] = {}

    def device(self, name: str, measures: str, unit: str, *values: Decimal | None) -> int:
        place = self._devices.setdefault((name, measures, unit), len(self.devices))
        if place == len(self.devices):
            self.devices.append((name, measures, unit, []))
        self.devices[place][3].extend(value for value in values if value is not None)
        return place

    def judged_at(self, station: str) -> int:
        place = self._features.setdefault(("at", station), len(self.attributive))
        if place == len(self.attributive):
            feature = Feature(name=f"Appearance at {station}", procedure="AI visual inspection")
            self.attributive.append(AttributiveFeature(feature=feature, ok=(GOOD,), nok=(NOT_GOOD,)))
        return place

    def dimension(
        self, given: CharacteristicView, lower: Decimal | None, upper: Decimal | None, nominal: Decimal
    ) -> int | None:
        key = ("of", given.name, given.quantity_unit, lower, upper, given.method, given.location)
        place = self._features.get(key)
        if place is None:
            if len(self.linear) >= FEATURES_MOST:
                return None
            place = self._features[key] = len(self.linear)
            feature = Feature(
                name=plain(given.name or ""),
                procedure=maybe(given.method) or "not stated",
                description=maybe(given.location),
            )
            self.linear.append(
                LinearFeature(
                    feature=feature,
                    nominal=nominal,
                    unit=plain(given.quantity_unit or "1"),
                    upper_tolerance=None if upper is None else upper - nominal,
                    lower_tolerance=None if lower is None else lower - nominal,
                )
            )
        return place


def quality_of(reading: Reading, identifier: str, kind: Kind, name: str, lot: str | None, records: list[int]) -> Built:
    """A run for each record, newest first.

    Parameters
    ----------
    name
        The unit's or lot's number.
    records
        Of :func:`quality_records`: at least one.
    """
    sheet = _Sheet()
    sources = list(records)
    runs: list[MeasuringJob] = []
    orders: list[str] = []
    for index in records:
        inspection = reading.view.inspection(index)
        if inspection is not None:
            results = [_appearance(inspection, sheet)]
            stated, order = inspection.stated_at, inspection.order
            if inspection.review_index is not None:
                sources.append(inspection.review_index)
        else:
            record = reading.view.record(index)
            assert record is not None, "quality_records has seen it"
            stated, order = record.stated_at, record.facets.get("subject", {}).get("order")
            results = [found for each in characteristics(reading, index) if (found := _dimension(each, sheet))]
        start = moment(stated)
        assert start is not None, "records state when"
        if order is not None:
            orders.append(order)
        if results:
            # The template demands a number of the job: the order's; without one, the lot's or the unit's own.
            job = plain(order or lot or name)
            runs.append(MeasuringJob(start=start, order_numbers=(job,), results=tuple(results)))
    given = MachiningQuality(
        part_identifier=reading.names.asset(kind, name),
        devices=tuple(_device(*each) for each in sheet.devices),
        runs=tuple(runs),
        linear=tuple(sheet.linear),
        attributive=tuple(sheet.attributive),
        order_number=plain(orders[0]) if orders else None,
        lot_number=maybe(lot),
    )
    return built(machining_quality.build(identifier, given), *sources)


def _appearance(inspection: InspectionView, sheet: _Sheet) -> Result:
    station = plain(inspection.station or "", "?")
    good = judged(inspection)
    assert good is not None, "quality_records has looked"
    return Result(
        kind="attributive",
        place=sheet.judged_at(station),
        in_spec=good,
        device=sheet.device(station, "appearance, good 1 or not 0", "1", Decimal(0), Decimal(1)),
        attributes=(GOOD if good else NOT_GOOD,),
        description="decided by a person" if inspection.decision is not None else None,
    )


def _dimension(given: CharacteristicView, sheet: _Sheet) -> Result | None:
    if not can_be_judged(given):
        return None
    value, lower, upper = number(given.value), number(given.lower), number(given.upper)
    assert value is not None, "can_be_judged has looked"
    if lower is not None and upper is not None:
        nominal = (lower + upper) / 2
    else:
        nominal = lower if lower is not None else upper if upper is not None else value
    place = sheet.dimension(given, lower, upper, nominal)
    if place is None:
        return None
    unit = plain(given.quantity_unit or "1")
    device = sheet.device(maybe(given.equipment) or "not stated", "length", unit, value, lower, upper)
    return Result(
        kind="linear",
        place=place,
        in_spec=(lower is None or value >= lower) and (upper is None or value <= upper),
        device=device,
        values=(float(value),),
        unit=unit,
        deviation=float(value - nominal),
    )


def _device(name: str, measures: str, unit: str, values: list[Decimal]) -> MeasuringDevice:
    span = (float(min(values)), float(max(values)))
    return MeasuringDevice(name=name, measures=measures, unit=unit, range=span)
