"""The review reader over the projected tables: what waits for people, and what they have said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from gaugeblock.inspection.defect_catalogue import DEFAULT_KINDS
from gaugeblock.inspection.projection import references, verdicts
from gaugeblock.inspection.review_projection import catalogues, opinions, parts
from gaugeblock.inspection.review_read_model import (
    QUEUE_LIMIT,
    BlindPart,
    Catalogue,
    Disagreement,
    PersonAgreement,
    QueueFilter,
    QueueState,
    ReviewedPart,
    ReviewPart,
)
from gaugeblock.inspection.review_rules import DUES, Due, Opinion, Standing, standing
from gaugeblock.inspection.standing_columns import is_disputed, is_open, wants_second
from gaugeblock.plant.inspection_facets import DefectRegion
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.review_facets import DefectKind, Role
from gaugeblock.stores.database import Database

_PART = (
    verdicts.c.index.label("verdict_index"),
    parts.c.due,
    verdicts.c.station,
    verdicts.c.unit,
    verdicts.c.product,
    verdicts.c.order,
    verdicts.c.verdict,
    verdicts.c.reason,
    verdicts.c.score,
    verdicts.c.threshold,
    verdicts.c.review_from,
    verdicts.c.regions,
    verdicts.c.observed_at,
    verdicts.c.image_sha256,
    verdicts.c.heatmap_sha256,
)
_ROLES: tuple[Role, ...] = ("first", "second", "adjudication")


class Slots(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict as the desk decides on it: whether it can be judged, and what its slots hold."""

    part: ReviewPart
    first: Opinion | None = None
    second: Opinion | None = None
    adjudication: Opinion | None = None
    second_wanted: bool = False
    challenge: bool = False

    @property
    def standing(self) -> Standing:
        """Where the part stands."""
        return standing(self.first, self.second, self.adjudication, second_wanted=self.second_wanted)

    def slot(self, role: Role) -> Opinion | None:
        """What a slot holds."""
        match role:
            case "first":
                return self.first
            case "second":
                return self.second
            case "adjudication":
                return self.adjudication


class ProjectedReviews:
    """Reads the tables of the reviews' and the verdicts' projections.

    Parameters
    ----------
    database
        The database that holds both.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # ── the lists ───────────────────────────────────────────────────────────────────────────────────────

    def state(self, person: str) -> QueueState:
        """How much waits; second opinions and disagreements are those that this person may give."""
        with self._database.reading() as connection:
            counted = select(parts.c.due, func.count()).where(is_open).group_by(parts.c.due)
            by_reason: dict[Due, int] = dict.fromkeys(DUES, 0)
            by_reason.update({row[0]: row[1] for row in connection.execute(counted)})
            oldest = connection.execute(_queue(QueueFilter(limit=1))).first()
            second = connection.execute(select(func.count()).select_from(parts).where(_seconds(person))).scalar_one()
            disputed = connection.execute(select(func.count()).select_from(parts).where(is_disputed)).scalar_one()
            stations = connection.execute(select(parts.c.station).where(is_open).distinct()).scalars()
            products = connection.execute(select(parts.c.product).where(is_open).distinct()).scalars()
            return QueueState(
                waiting=sum(by_reason.values()),
                by_reason=by_reason,
                oldest_at=None if oldest is None else oldest.observed_at,
                second=second,
                disputed=disputed,
                stations=tuple(sorted(name for name in stations if name)),
                products=tuple(sorted(name for name in products if name)),
            )

    def queue(self, wanted: QueueFilter) -> list[ReviewPart]:
        """Parts that nobody has decided on, oldest first."""
        with self._database.reading() as connection:
            return [_part(row) for row in connection.execute(_queue(wanted))]

    def waiting(self, wanted: QueueFilter) -> int:
        """How many there are in the whole queue, whatever ``after`` and ``limit`` say."""
        query = select(func.count()).select_from(parts).where(*_matching(wanted))
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def seconds(self, person: str, wanted: QueueFilter) -> list[BlindPart]:
        """Parts on which this person may give a second opinion, oldest first."""
        query = _parts().where(_seconds(person), parts.c.verdict_index > wanted.after)
        with self._database.reading() as connection:
            rows = connection.execute(_limited(query, wanted)).all()
        return [blind(_part(row)) for row in rows]

    def disagreements(self, wanted: QueueFilter) -> list[Disagreement]:
        """Parts with opinions that differ, oldest first, with all that was said."""
        query = _parts().where(is_disputed, parts.c.verdict_index > wanted.after)
        with self._database.reading() as connection:
            found = [_part(row) for row in connection.execute(_limited(query, wanted))]
            said = _opinions_of(connection, [part.index for part in found])
        return [Disagreement(part=part, opinions=tuple(said.get(part.index, ()))) for part in found]

    # ── one part ────────────────────────────────────────────────────────────────────────────────────────

    def slots(self, verdict_index: int) -> Slots | None:
        """A verdict and what its slots hold; ``None`` where there is no such verdict."""
        query = _parts(outer=True).where(verdicts.c.index == verdict_index)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            said = {opinion.index: opinion for opinion in _opinions_of(connection, [verdict_index])[verdict_index]}
        held = {role: said.get(row._mapping[f"{role}_index"]) for role in _ROLES}
        return Slots(
            part=_part(row),
            first=held["first"],
            second=held["second"],
            adjudication=held["adjudication"],
            second_wanted=bool(row.second_wanted),
            challenge=row.purpose != "production",
        )

    def reviewed(self, verdict_index: int) -> ReviewedPart | None:
        """All that was said of a verdict; ``None`` where nobody has spoken and nobody is asked."""
        held = self.slots(verdict_index)
        if held is None:
            return None
        with self._database.reading() as connection:
            said = tuple(_opinions_of(connection, [verdict_index])[verdict_index])
        if held.part.due is None and not said:
            return None
        return ReviewedPart(verdict_index=verdict_index, standing=held.standing, opinions=said)

    # ── people and the catalogue ────────────────────────────────────────────────────────────────────────

    def agreement(self) -> list[PersonAgreement]:
        """Every reviewer in counts, by name."""
        sums: dict[str, dict[str, int]] = {}
        with self._database.reading() as connection:
            for own, other in (("first", "second"), ("second", "first")):
                for row in connection.execute(_agreement(own, other)).mappings():
                    into = sums.setdefault(row["person"], {})
                    for name, value in row.items():
                        if name != "person":
                            into[name] = into.get(name, 0) + int(value or 0)
        return [PersonAgreement(person=person, **sums[person]) for person in sorted(sums)]

    def catalogue(self, product: str | None = None) -> Catalogue:
        """The kinds for a product: its own list, else the plant's, else the built-in one."""
        wanted = [product or "", ""]
        query = select(catalogues).where(catalogues.c.product.in_(wanted))
        with self._database.reading() as connection:
            rows = {row["product"]: row for row in connection.execute(query).mappings()}
        row = rows.get(product or "") or rows.get("")
        if row is None:
            return Catalogue(product=None, kinds=DEFAULT_KINDS)
        kinds = msgspec.json.decode(row["kinds"], type=tuple[DefectKind, ...])
        return Catalogue(product=row["product"] or None, kinds=kinds, index=row["index"], person=row["person"])


def blind(part: ReviewPart) -> BlindPart:
    """The part without anything that was said of it."""
    return BlindPart(
        index=part.index, station=part.station, unit=part.unit, product=part.product, image_sha256=part.image_sha256
    )


def _parts(*, outer: bool = False) -> Select[Any]:
    joined = verdicts.join(parts, verdicts.c.index == parts.c.verdict_index, isouter=outer)
    slots = (parts.c.first_index, parts.c.second_index, parts.c.adjudication_index)
    return select(*_PART, parts.c.second_wanted, verdicts.c.purpose, *slots).select_from(joined)


def _matching(wanted: QueueFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [is_open]
    if wanted.station is not None:
        conditions.append(parts.c.station == wanted.station)
    if wanted.product is not None:
        conditions.append(parts.c.product == wanted.product)
    if wanted.due is not None:
        conditions.append(parts.c.due == wanted.due)
    return conditions


def _queue(wanted: QueueFilter) -> Select[Any]:
    return _limited(_parts().where(*_matching(wanted), parts.c.verdict_index > wanted.after), wanted)


def _limited(query: Select[Any], wanted: QueueFilter) -> Select[Any]:
    return query.order_by(parts.c.verdict_index).limit(max(1, min(wanted.limit, QUEUE_LIMIT)))


def _seconds(person: str) -> ColumnElement[bool]:
    return and_(wants_second, parts.c.first_person != person)


def _part(row: Row[Any]) -> ReviewPart:
    values = row._mapping
    return ReviewPart(
        index=values["verdict_index"],
        due=values["due"],
        station=values["station"],
        unit=values["unit"],
        product=values["product"],
        order=values["order"],
        verdict=Verdict(values["verdict"]),
        reason=values["reason"],
        score=values["score"],
        threshold=values["threshold"],
        review_from=values["review_from"],
        regions=msgspec.json.decode(values["regions"], type=tuple[DefectRegion, ...]),
        observed_at=values["observed_at"],
        image_sha256=values["image_sha256"],
        heatmap_sha256=values["heatmap_sha256"],
    )


def _opinions_of(connection: Connection, indices: Sequence[int]) -> dict[int, list[Opinion]]:
    found: dict[int, list[Opinion]] = {index: [] for index in indices}
    query = select(opinions).where(opinions.c.verdict_index.in_(indices)).order_by(opinions.c.index)
    for row in connection.execute(query).mappings():
        found[row["verdict_index"]].append(
            Opinion(
                index=row["index"],
                person=row["person"],
                role=row["role"],
                decision=row["decision"],
                defects=msgspec.json.decode(row["defects"], type=tuple[str, ...]),
                note=row["note"],
                blind=row["blind"],
                seconds=row["seconds"],
                stated_at=row["stated_at"],
            )
        )
    return found


def _agreement(own: str, other: str) -> Select[Any]:
    decision, theirs = parts.c[f"{own}_decision"], parts.c[f"{other}_decision"]
    judged = decision != "unsure"
    # A second opinion of the first one's author counts for nothing, neither for nor against.
    counted: ColumnElement[bool] = decision.is_not(None)
    if own == "second":
        counted = and_(counted, or_(parts.c.first_person.is_(None), parts.c.second_person != parts.c.first_person))
    compared = and_(judged, theirs.is_not(None), theirs != "unsure", parts.c.first_person != parts.c.second_person)
    adjudicated = parts.c.adjudication_decision.in_(("good", "defective"))
    known = and_(judged, references.c.condition.is_not(None))

    def total(name: str, condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0)).label(name)

    return (
        select(
            parts.c[f"{own}_person"].label("person"),
            func.count().label("decided"),
            total("unsure", decision == "unsure"),
            total("compared", compared),
            total("agreed", and_(compared, decision == theirs)),
            total("overturned", and_(judged, adjudicated, parts.c.adjudication_decision != decision)),
            total("referenced", known),
            total("missed", and_(known, references.c.condition == "defective", decision == "good")),
            total("false_alarms", and_(known, references.c.condition == "good", decision == "defective")),
        )
        .select_from(parts.outerjoin(references, parts.c.unit == references.c.unit))
        .where(counted)
        .group_by(parts.c[f"{own}_person"])
    )
