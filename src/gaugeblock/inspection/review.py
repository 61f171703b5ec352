"""The review desk: people decide on parts, take it back, judge disagreements, and keep the catalogue of defects.

One desk works in the plant process. Decisions are taken one at a time, and each sees those before it; so of two
people who decide on the same part at once, the later gives the second opinion.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Literal

import msgspec

from gaugeblock.inspection.defect_catalogue import check_kinds
from gaugeblock.inspection.labels import LabelReader
from gaugeblock.inspection.ports import Statements
from gaugeblock.inspection.review_errors import (
    CatalogueChangedError,
    ReviewDecidedError,
    ReviewDefectsError,
    ReviewNotBegunError,
    ReviewNoteError,
    ReviewOwnError,
    ReviewUnknownError,
)
from gaugeblock.inspection.review_queries import ProjectedReviews, Slots
from gaugeblock.inspection.review_read_model import QUEUE_LIMIT, Catalogue, QueueFilter, ReviewPart
from gaugeblock.inspection.review_rules import Opinion, Standing, may_adjudicate
from gaugeblock.plant.review_facets import (
    CatalogueStatement,
    CatalogueSubject,
    Decision,
    DefectKind,
    ReviewInputs,
    ReviewProcess,
    ReviewStatement,
    ReviewSubject,
    Role,
)
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.database import Database

NOTE_MOST = 500
DEFECTS_MOST = 8
SECONDS_MOST = 3600.0
HELD_S = 90.0

Asked = Literal["first", "second", "adjudication", "overrule"]
"""In which list a person decided; ``overrule`` is the part's own page."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decision as it comes from a page or the API.

    Parameters
    ----------
    asked
        The list it was given in. The record's role follows from what the slots hold by then.
    seconds
        How long the part was on the screen.
    """

    decision: Literal["good", "defective", "unsure"]
    asked: Asked = "first"
    defects: tuple[str, ...] = ()
    note: str = ""
    seconds: float | None = None


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The record that was stated, the role it has, and where that leaves the part."""

    index: int
    verdict_index: int
    role: Role
    standing: Standing


class ReviewDesk:
    """Commands and readers of the reviews.

    Parameters
    ----------
    statements
        What it has stated, the tables in ``database`` show when it returns.
    database
        Holds the tables of the verdicts' and the reviews' projections.
    clock
        For the time a part is held for the person who sees it.
    products
        The plant's products: each may have a catalogue of its own.
    """

    def __init__(self, statements: Statements, database: Database, clock: Clock, products: Sequence[str] = ()) -> None:
        self.products = tuple(products)
        self.reader = ProjectedReviews(database)
        self.labels = LabelReader(database)
        self._statements, self._clock = statements, clock
        self._deciding = threading.Lock()
        self._held: dict[int, tuple[str, int]] = {}

    # ── decisions ───────────────────────────────────────────────────────────────────────────────────────

    def hand_out(self, person: str, wanted: QueueFilter, count: int = 2) -> list[ReviewPart]:
        """The next parts for this person, oldest first; for a while others are handed the ones after them.

        A person who is shown what another sees is a nuisance and no harm: see :meth:`decide`.
        """
        waiting = self.reader.queue(msgspec.structs.replace(wanted, limit=QUEUE_LIMIT))
        now_ns = self._clock.monotonic_ns()
        with self._deciding:
            self._held = {index: held for index, held in self._held.items() if held[1] > now_ns}
            free = [part for part in waiting if self._held.get(part.index, (person, 0))[0] == person]
            chosen = (free or waiting)[:count]
            until_ns = now_ns + int(HELD_S * 1e9)
            self._held.update({part.index: (person, until_ns) for part in chosen if part in free})
        return chosen

    def decide(self, person: str, verdict_index: int, answer: Answer, *, admin: bool = False) -> Decided:
        """Record a decision; the same one again changes nothing.

        Parameters
        ----------
        person
            As an author of records: ``person:<name>``.
        admin
            Administrators may judge disagreements in which they have a part.

        Raises
        ------
        ReviewUnknownError, ReviewDecidedError, ReviewOwnError, ReviewNotBegunError, ReviewDefectsError, ReviewNoteError
        GaugeblockError
            What stating a record refuses.
        """
        if len(answer.note) > NOTE_MOST:
            raise ReviewNoteError(found=len(answer.note), limit=NOTE_MOST)
        with self._deciding:
            held = self._judged(verdict_index, answer)
            self._check_defects(answer, held.part.product)
            role = _role(held, person, answer.asked, admin=admin)
            slot = held.slot(role)
            again = slot is not None and slot.person == person and _same(slot, answer)
            if slot is not None and again:
                return Decided(index=slot.index, verdict_index=verdict_index, role=role, standing=held.standing)
            index = self._state(person, held.part, role, answer)
            self._held.pop(verdict_index, None)
            return self._decided(index, verdict_index, role)

    def withdraw(self, person: str, verdict_index: int) -> Decided:
        """Take back this person's last decision on a part, while nobody has built on it.

        Raises
        ------
        ReviewUnknownError, ReviewNotBegunError, ReviewDecidedError
        """
        with self._deciding:
            held = self.reader.slots(verdict_index)
            if held is None:
                raise ReviewUnknownError(index=verdict_index)
            own = [slot for slot in (held.first, held.second, held.adjudication) if slot and slot.person == person]
            if not own:
                raise ReviewNotBegunError(index=verdict_index)
            last = max(own, key=lambda slot: slot.index)
            _refuse_built_on(held, last.role, person)
            index = self._state(person, held.part, last.role, None)
            return self._decided(index, verdict_index, last.role)

    def _judged(self, verdict_index: int, answer: Answer) -> Slots:
        held = self.reader.slots(verdict_index)
        # Who overrules may have the part itself in hand; whoever works off a list sees its image only.
        if held is None or held.challenge or (held.part.image_sha256 is None and answer.asked != "overrule"):
            raise ReviewUnknownError(index=verdict_index)
        return held

    def _check_defects(self, answer: Answer, product: str | None) -> None:
        if answer.decision != "defective":
            if answer.defects:
                raise ReviewDefectsError(found=", ".join(answer.defects)[:80])
            return
        offered = {kind.code for kind in self.reader.catalogue(product).offered}
        unknown = [code for code in answer.defects if code not in offered]
        if unknown or not answer.defects or len(set(answer.defects)) != len(answer.defects) > 0:
            raise ReviewDefectsError(found=", ".join(unknown or answer.defects)[:80] or "–")
        if len(answer.defects) > DEFECTS_MOST:
            raise ReviewDefectsError(found=str(len(answer.defects)))

    def _state(self, person: str, part: ReviewPart, role: Role, answer: Answer | None) -> int:
        decision: Decision = "withdrawn" if answer is None else answer.decision
        given = answer or Answer(decision="unsure")
        seconds = None if given.seconds is None else round(min(max(given.seconds, 0.0), SECONDS_MOST), 2)
        # Taken one at a time, so that the moment makes each decision of a person its own.
        moment = to_rfc3339(self._clock.now())
        return self._statements.state(
            person,
            "inspection.review",
            f"review/{part.index}/{role}/{decision}/{moment}",
            {
                "subject": ReviewSubject(
                    station=part.station,
                    verdict_index=part.index,
                    unit=part.unit,
                    product=part.product,
                    order=part.order,
                ),
                "statement": ReviewStatement(
                    decision=decision, role=role, defects=given.defects, note=given.note.strip()
                ),
                "process": ReviewProcess(blind=given.asked == "second", seconds=seconds),
                "inputs": ReviewInputs(image_sha256=part.image_sha256),
            },
        )

    def _decided(self, index: int, verdict_index: int, role: Role) -> Decided:
        now = self.reader.slots(verdict_index)
        where = now.standing if now is not None else Standing(stage="open")
        return Decided(index=index, verdict_index=verdict_index, role=role, standing=where)

    # ── the catalogue of defects ────────────────────────────────────────────────────────────────────────

    def catalogue(self, product: str | None = None) -> Catalogue:
        """The kinds of defect for a product."""
        return self.reader.catalogue(product)

    def save_catalogue(
        self, person: str, product: str | None, kinds: Sequence[DefectKind], seen_index: int | None
    ) -> Catalogue:
        """Record the whole list anew.

        Parameters
        ----------
        seen_index
            :attr:`Catalogue.index` of the list that was changed; a list saved since is not overwritten.

        Raises
        ------
        CatalogueChangedError, CatalogueCodeError, CatalogueNameError, CatalogueLimitError, CatalogueDroppedError
        """
        with self._deciding:
            before = self.reader.catalogue(product)
            if before.index != seen_index:
                raise CatalogueChangedError(person=(before.person or "").removeprefix("person:"))
            whole = check_kinds(kinds, before.kinds)
            if whole == before.kinds and before.product == product:
                return before
            moment = to_rfc3339(self._clock.now())
            self._statements.state(
                person,
                "inspection.catalogue",
                f"catalogue/{product or ''}/{moment}",
                {"subject": CatalogueSubject(product=product), "statement": CatalogueStatement(kinds=whole)},
            )
            return self.reader.catalogue(product)


def _role(held: Slots, person: str, asked: Asked, *, admin: bool) -> Role:
    """Which slot a decision goes to, given what the slots hold by now."""
    first, second = held.first, held.second
    earlier = [slot.person for slot in (first, second) if slot is not None]
    match asked:
        case "first" | "overrule" if first is None or (first.person == person and second is None):
            role: Role = "first"
        case "first" if first is not None and first.person != person and second is None:
            role = "second"
        case "second":
            if first is None:
                raise ReviewNotBegunError(index=held.part.index)
            if first.person == person:
                raise ReviewOwnError(index=held.part.index)
            role = "second"
        case "adjudication" | "overrule":
            if first is None:
                raise ReviewNotBegunError(index=held.part.index)
            if not may_adjudicate(person, earlier, admin=admin):
                raise ReviewOwnError(index=held.part.index)
            role = "adjudication"
        case _:
            # Asked for a first opinion where two others, or a second after one's own, have settled the matter.
            raise _decided_by(held, (second or first or held.adjudication))
    _refuse_built_on(held, role, person, overrule=asked == "overrule" or admin)
    return role


def _refuse_built_on(held: Slots, role: Role, person: str, *, overrule: bool = False) -> None:
    """A slot that another fills is not overwritten, nor one's own once somebody has spoken after it."""
    slot = held.slot(role)
    replaceable = role == "adjudication" and (overrule or (slot is not None and slot.decision == "unsure"))
    if slot is not None and slot.person != person and not replaceable:
        raise _decided_by(held, slot)
    later = {"first": (held.second, held.adjudication), "second": (held.adjudication,), "adjudication": ()}[role]
    spoken = next((after for after in later if after is not None and after.person != person), None)
    if spoken is not None:
        raise _decided_by(held, spoken)


def _decided_by(held: Slots, slot: Opinion | None) -> ReviewDecidedError:
    return ReviewDecidedError(
        index=held.part.index, person=(slot.person if slot is not None else "").removeprefix("person:")
    )


def _same(slot: Opinion, answer: Answer) -> bool:
    return (slot.decision, slot.defects, slot.note) == (answer.decision, answer.defects, answer.note.strip())
