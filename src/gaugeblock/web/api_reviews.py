"""Reviews as JSON: what waits, a decision, its undo, labels for training, the catalogue of defects."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from gaugeblock.inspection.review import Answer, Decided, ReviewDesk
from gaugeblock.inspection.review_errors import ReviewUnknownError
from gaugeblock.inspection.review_read_model import (
    LABELS_LIMIT,
    QUEUE_LIMIT,
    BlindPart,
    Catalogue,
    Contradiction,
    Disagreement,
    Label,
    PersonAgreement,
    QueueFilter,
    QueueState,
    ReviewedPart,
    ReviewPart,
)
from gaugeblock.inspection.review_rules import Due
from gaugeblock.plant.review_facets import DefectKind
from gaugeblock.web.access import needs
from gaugeblock.web.api_inspections import TEXT_LIMIT, blob_address
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import SignInRequiredError
from gaugeblock.web.problems import may_answer
from gaugeblock.web.reader import Reader

Text = Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)]
After = Annotated[int, QueryParameter(ge=-1, description="Only verdicts with a larger index; from `next`.")]
Limit = Annotated[int, QueryParameter(ge=1, le=QUEUE_LIMIT)]


class ReviewPartOut(ReviewPart, frozen=True, kw_only=True):
    """A part with the addresses of its image and heat-map."""

    image: str | None = None
    heatmap: str | None = None


class BlindPartOut(BlindPart, frozen=True, kw_only=True):
    """A part for a blind second opinion, with the address of its image."""

    image: str | None = None


class QueueOut(msgspec.Struct, frozen=True):
    """What waits, in sums, and one page of it, oldest first; ``next`` is ``null`` at the end."""

    state: QueueState
    parts: list[ReviewPartOut]
    next: int | None


class SecondOut(msgspec.Struct, frozen=True):
    """One page of parts for this person's second opinion."""

    parts: list[BlindPartOut]
    next: int | None


class DisagreementsOut(msgspec.Struct, frozen=True):
    """One page of parts on which opinions differ."""

    disagreements: list[Disagreement]
    next: int | None


class DecidedOut(Decided, frozen=True, kw_only=True):
    """The decision's record; how many parts are left in the list it was given in, and wait for a first opinion."""

    left: int
    by_reason: dict[Due, int]


class LabelsOut(msgspec.Struct, frozen=True):
    """One page of training labels; ``next`` is ``null`` at the end."""

    labels: list[Label]
    next: int | None


class ContradictionsOut(msgspec.Struct, frozen=True):
    """Labels that contradict each other."""

    contradictions: list[Contradiction]


class AgreementOut(msgspec.Struct, frozen=True):
    """Every reviewer in counts."""

    people: list[PersonAgreement]


class CatalogueIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole list. ``seen`` is the ``index`` of the list it changes."""

    kinds: list[DefectKind]
    seen: int | None = None
    product: str | None = None


def author_of(reader: Reader) -> str:
    """The author of what this reader states."""
    if reader.account is None:
        raise SignInRequiredError
    return f"person:{reader.account.name}"


def is_admin(reader: Reader) -> bool:
    """Whether this reader may judge between two opinions of which one is their own."""
    return reader.account is not None and reader.account.role == "admin"


def part_out(part: ReviewPart) -> ReviewPartOut:
    """With addresses."""
    return ReviewPartOut(
        **msgspec.structs.asdict(part), image=blob_address(part.image_sha256), heatmap=blob_address(part.heatmap_sha256)
    )


def blind_out(part: BlindPart) -> BlindPartOut:
    """With the image's address."""
    return BlindPartOut(**msgspec.structs.asdict(part), image=blob_address(part.image_sha256))


def for_this_reader(reviewed: ReviewedPart, author: str) -> ReviewedPart:
    """While a second opinion is wanted, nobody is shown what another has said."""
    if reviewed.standing.stage != "second":
        return reviewed
    own = tuple(opinion for opinion in reviewed.opinions if opinion.person == author)
    return msgspec.structs.replace(reviewed, opinions=own)


def _decided_out(desk: ReviewDesk, author: str, decided: Decided, asked: str) -> DecidedOut:
    state = desk.reader.state(author)
    left = {"second": state.second, "adjudication": state.disputed}.get(asked, state.waiting)
    return DecidedOut(**msgspec.structs.asdict(decided), left=left, by_reason=state.by_reason)


def _next(indices: list[int], limit: int) -> int | None:
    return indices[-1] if len(indices) == limit else None


@get(
    "/reviews",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Parts that wait for a first opinion",
    responses=may_answer(401),
)
def review_queue(
    services: GivenServices,
    reader: GivenReader,
    station: Text = None,
    product: Text = None,
    due: Annotated[Due | None, QueryParameter()] = None,
    after: After = -1,
    limit: Limit = 20,
) -> QueueOut:
    """Oldest first: all in the review zone, UNDECIDED with an image, and seeded shares of NOK and OK."""
    desk = services.desks.reviews
    parts = desk.reader.queue(QueueFilter(station=station, product=product, due=due, after=after, limit=limit))
    return QueueOut(
        desk.reader.state(author_of(reader)),
        [part_out(part) for part in parts],
        _next([part.index for part in parts], limit),
    )


@get(
    "/reviews/second",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Parts that wait for a second opinion",
    responses=may_answer(401),
)
def review_second(services: GivenServices, reader: GivenReader, after: After = -1, limit: Limit = 20) -> SecondOut:
    """Blind: no verdict, no score, no heat-map, nothing that another person said; never one's own parts."""
    parts = services.desks.reviews.reader.seconds(author_of(reader), QueueFilter(after=after, limit=limit))
    return SecondOut([blind_out(part) for part in parts], _next([part.index for part in parts], limit))


@get(
    "/reviews/disagreements",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Parts on which opinions differ",
    responses=may_answer(401),
)
def review_disagreements(services: GivenServices, after: After = -1, limit: Limit = 20) -> DisagreementsOut:
    """Oldest first, with all opinions: for a third person or an administrator."""
    found = services.desks.reviews.reader.disagreements(QueueFilter(after=after, limit=limit))
    return DisagreementsOut(found, _next([each.part.index for each in found], limit))


@get(
    "/reviews/labels",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Training labels",
    responses=may_answer(401),
)
def review_labels(
    services: GivenServices,
    product: Text = None,
    station: Text = None,
    after: After = -1,
    limit: Annotated[int, QueryParameter(ge=1, le=LABELS_LIMIT)] = 1000,
) -> LabelsOut:
    """Images of units whose condition a reference, or else settled reviews, have told; each names its record."""
    labels = services.desks.reviews.labels.labels(product, station, after=after, limit=limit)
    return LabelsOut(labels, _next([label.verdict_index for label in labels], limit))


@get(
    "/reviews/contradictions",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Labels that contradict each other",
    responses=may_answer(401),
)
def review_contradictions(services: GivenServices, product: Text = None, station: Text = None) -> ContradictionsOut:
    """The same image, or the same unit, labelled both good and defective."""
    return ContradictionsOut(services.desks.reviews.labels.contradictions(product, station))


@get(
    "/reviews/agreement",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="How far reviewers agree",
    responses=may_answer(401),
)
def review_agreement(services: GivenServices) -> AgreementOut:
    """Counts for each person: compared with others, with adjudications, with references."""
    return AgreementOut(services.desks.reviews.reader.agreement())


@get(
    "/reviews/catalogue",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="The catalogue of defects",
    responses=may_answer(401),
)
def review_catalogue(services: GivenServices, product: Text = None) -> Catalogue:
    """A product's own list, else the plant's, else the built-in one."""
    return services.desks.reviews.catalogue(product)


@put(
    "/reviews/catalogue",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Record the catalogue of defects anew",
    responses=may_answer(401, 403, 409, 422),
)
def save_catalogue(services: GivenServices, reader: GivenReader, data: JSONBody[CatalogueIn]) -> Catalogue:
    """The whole list. Kinds are taken out of use, never dropped."""
    return services.desks.reviews.save_catalogue(author_of(reader), data.product, data.kinds, data.seen)


@get(
    "/reviews/{index:int}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="What was said of a part",
    responses=may_answer(401, 404),
)
def review_of(services: GivenServices, reader: GivenReader, index: FromPath[int]) -> ReviewedPart:
    """By the index of its verdict. While a second opinion is wanted, only one's own."""
    reviewed = services.desks.reviews.reader.reviewed(index)
    if reviewed is None:
        raise ReviewUnknownError(index=index)
    return for_this_reader(reviewed, author_of(reader))


@post(
    "/reviews/{index:int}",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Decide on a part",
    status_code=201,
    responses=may_answer(401, 403, 404, 409, 422),
)
def decide(services: GivenServices, reader: GivenReader, index: FromPath[int], data: JSONBody[Answer]) -> DecidedOut:
    """Durable when it is answered. Of two people who decide at once, the later has given the second opinion: `role`."""
    desk, author = services.desks.reviews, author_of(reader)
    decided = desk.decide(author, index, data, admin=is_admin(reader))
    return _decided_out(desk, author, decided, data.asked)


Asked = Annotated[Literal["first", "second", "adjudication", "overrule"], QueryParameter()]


@post(
    "/reviews/{index:int}/undo",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["reviews"],
    summary="Take back one's last decision on a part",
    status_code=201,
    responses=may_answer(401, 403, 404, 409),
)
def undo(services: GivenServices, reader: GivenReader, index: FromPath[int], asked: Asked = "first") -> DecidedOut:
    """A new record that supersedes it. Not after another has decided on the part."""
    desk, author = services.desks.reviews, author_of(reader)
    return _decided_out(desk, author, desk.withdraw(author, index), asked)


HANDLERS = [
    review_queue,
    review_second,
    review_disagreements,
    review_labels,
    review_contradictions,
    review_agreement,
    review_catalogue,
    save_catalogue,
    review_of,
    decide,
    undo,
]
