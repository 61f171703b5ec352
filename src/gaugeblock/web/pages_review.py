"""The review pages: one part at a time, blind second opinions, disagreements, and the catalogue of defects.

They work as plain forms; ``static/review.js`` makes the next part appear at once.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.inspection.review import NOTE_MOST, Answer, ReviewDesk
from gaugeblock.inspection.review_read_model import QueueFilter
from gaugeblock.inspection.review_rules import DUES
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.review_facets import DefectKind
from gaugeblock.web.access import needs
from gaugeblock.web.api_inspections import TEXT_LIMIT
from gaugeblock.web.api_reviews import author_of, blind_out, is_admin, part_out
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import local, page
from gaugeblock.web.part_reviews import may_decide, names_of
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

SEVERITIES = ("critical", "major", "minor")
DISAGREEMENTS_SHOWN = 10
NEW_KINDS = 2

Text = Annotated[str, QueryParameter(max_length=TEXT_LIMIT)]
DueText = Annotated[str, QueryParameter(pattern="^(|zone|undecided|nok|ok)$")]
After = Annotated[int, QueryParameter(ge=-1)]
Done = Annotated[int | None, QueryParameter(ge=0)]
Form = URLEncodedBody[dict[str, str]]


# ── the queue ───────────────────────────────────────────────────────────────────────────────────────────


def _first(services: Services, reader: Reader, wanted: QueueFilter, index: int | None) -> dict[str, Any]:
    desk, author = services.desks.reviews, author_of(reader)
    if index is not None:
        held = desk.reader.slots(index)
        parts = [held.part] if held is not None else []
    elif may_decide(reader):
        parts = desk.hand_out(author, wanted, 1)
    else:
        parts = desk.reader.queue(msgspec.structs.replace(wanted, limit=1))
    part = parts[0] if parts else None
    kinds = desk.catalogue(part.product if part else None).offered
    return {
        "asked": "first",
        "part": part_out(part) if part else None,
        "kinds": kinds,
        "names": names_of(kinds, reader.language),
        "may_decide": may_decide(reader),
        "back": "/review?" + urlencode(_kept(wanted)),
        "skip": "/review?" + urlencode({**_kept(wanted), "after": part.index}) if part else "",
        "skipped": wanted.after >= 0,
    }


def _kept(wanted: QueueFilter) -> dict[str, str]:
    kept = {"station": wanted.station, "product": wanted.product, "due": wanted.due}
    return {name: value for name, value in kept.items() if value}


def _wanted(station: str, product: str, due: str, after: int) -> QueueFilter:
    return QueueFilter(
        station=station or None,
        product=product or None,
        due=due or None,  # type: ignore[arg-type]  # the parameter's pattern names them
        after=after,
    )


@get("/review", guards=[needs("viewer")], include_in_schema=False)
async def review(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    station: Text = "",
    product: Text = "",
    due: DueText = "",
    after: After = -1,
    done: Done = None,
) -> Response[str]:
    """The queue, one part at a time, oldest first."""
    wanted = _wanted(station, product, due, after)

    def read() -> dict[str, Any]:
        desk = services.desks.reviews
        context = _first(services, reader, wanted, None)
        return {**context, "state": desk.reader.state(author_of(reader)), "left": desk.reader.waiting(wanted)}

    context = await anyio.to_thread.run_sync(read)
    addresses = {why: "/review?" + urlencode({**_kept(wanted), "due": why}) for why in DUES}
    everything = {name: value for name, value in _kept(wanted).items() if name != "due"}
    return page(
        request,
        reader,
        "review.html.j2",
        here_nav="review",
        wanted=wanted,
        dues=addresses,
        all_url="/review?" + urlencode(everything),
        fragment="/fragments/review?" + urlencode(_kept(wanted)),
        done=done,
        **context,
    )


@get("/fragments/review", guards=[needs("viewer")], include_in_schema=False)
async def review_fragment(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    station: Text = "",
    product: Text = "",
    due: DueText = "",
    after: After = -1,
    index: Done = None,
) -> Response[str]:
    """The next part after ``after``; or the one with ``index``, whatever was said of it."""
    wanted = _wanted(station, product, due, after)
    context = await anyio.to_thread.run_sync(_first, services, reader, wanted, index)
    return page(request, reader, "_review_part.html.j2", **context)


# ── second opinions ─────────────────────────────────────────────────────────────────────────────────────


def _second(services: Services, reader: Reader, after: int, index: int | None) -> dict[str, Any]:
    desk, author = services.desks.reviews, author_of(reader)
    # Also after an undo only what this person may judge blind comes back.
    wanted = QueueFilter(after=after if index is None else index - 1, limit=1)
    parts = desk.reader.seconds(author, wanted)
    part = parts[0] if parts and index in {None, parts[0].index} else None
    kinds = desk.catalogue(part.product if part else None).offered
    return {
        "asked": "second",
        "part": blind_out(part) if part else None,
        "kinds": kinds,
        "names": names_of(kinds, reader.language),
        "may_decide": may_decide(reader),
        "back": "/review/second",
        "skip": f"/review/second?after={part.index}" if part else "",
        "skipped": after >= 0,
    }


@get("/review/second", guards=[needs("viewer")], include_in_schema=False)
async def review_second(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    after: After = -1,
    done: Done = None,
) -> Response[str]:
    """Blind: the image and nothing that anybody has said of it."""

    def read() -> dict[str, Any]:
        context = _second(services, reader, after, None)
        return {**context, "left": services.desks.reviews.reader.state(author_of(reader)).second}

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "review_second.html.j2",
        here_nav="review",
        fragment="/fragments/review/second",
        done=done,
        **context,
    )


@get("/fragments/review/second", guards=[needs("viewer")], include_in_schema=False)
async def second_fragment(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    after: After = -1,
    index: Done = None,
) -> Response[str]:
    """The next part for a blind opinion."""
    context = await anyio.to_thread.run_sync(_second, services, reader, after, index)
    return page(request, reader, "_review_part.html.j2", **context)


# ── decisions as forms ──────────────────────────────────────────────────────────────────────────────────


@post("/review/{index:int}", guards=[needs("quality")], include_in_schema=False)
async def decide(services: GivenServices, reader: GivenReader, index: FromPath[int], data: Form) -> Redirect:
    """A decision from a form without scripts; a pressed kind of defect says defective by itself."""
    defect, decision = data.get("defect"), data.get("decision", "")
    given = {
        "decision": "defective" if defect else decision,
        "asked": data.get("asked", "first"),
        "defects": [defect] if defect else [],
        "note": data.get("note", "")[: NOTE_MOST + 1],
    }
    try:
        answer = msgspec.convert(given, Answer)
    except msgspec.ValidationError as error:
        raise BadRequestError(detail=str(error)[:200]) from error
    desk, author = services.desks.reviews, author_of(reader)
    await anyio.to_thread.run_sync(lambda: desk.decide(author, index, answer, admin=is_admin(reader)))
    return Redirect(_with_done(data.get("back"), index, answer.asked), status_code=303)


@post("/review/{index:int}/undo", guards=[needs("quality")], include_in_schema=False)
async def undo(services: GivenServices, reader: GivenReader, index: FromPath[int], data: Form) -> Redirect:
    """Takes the last decision back."""
    await anyio.to_thread.run_sync(services.desks.reviews.withdraw, author_of(reader), index)
    return Redirect(local(data.get("back")), status_code=303)


def _with_done(back: str | None, index: int, asked: str) -> str:
    address = local(back)
    if asked == "overrule" or address == "/":
        return address
    return f"{address}{'&' if '?' in address else '?'}done={index}"


# ── disagreements ───────────────────────────────────────────────────────────────────────────────────────


@get("/review/disagreements", guards=[needs("viewer")], include_in_schema=False)
async def disagreements(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    after: After = -1,
    done: Done = None,
) -> Response[str]:
    """Parts on which opinions differ, with everything that is known; and how far people agree."""

    def read() -> dict[str, Any]:
        desk, author = services.desks.reviews, author_of(reader)
        found = desk.reader.disagreements(QueueFilter(after=after, limit=DISAGREEMENTS_SHOWN))
        shown = []
        for each in found:
            catalogue = desk.catalogue(each.part.product)
            earlier = {opinion.person for opinion in each.opinions if opinion.role != "adjudication"}
            shown.append(
                {
                    "part": part_out(each.part),
                    "opinions": each.opinions,
                    "kinds": catalogue.offered,
                    "names": names_of(catalogue.kinds, reader.language),
                    "may_decide": may_decide(reader) and (is_admin(reader) or author not in earlier),
                }
            )
        more = found[-1].part.index if len(found) == DISAGREEMENTS_SHOWN else None
        return {
            "disagreements": shown,
            "more": more,
            "people": desk.reader.agreement(),
        }

    context = await anyio.to_thread.run_sync(read)
    return page(request, reader, "review_disagreements.html.j2", here_nav="review", after=after, done=done, **context)


# ── the catalogue of defects ────────────────────────────────────────────────────────────────────────────


def _catalogue_page(
    request: Request[Any, Any, Any],
    reader: Reader,
    desk: ReviewDesk,
    product: str,
    refusal: Problem | None = None,
    given: list[DefectKind] | None = None,
    *,
    saved: bool = False,
) -> Response[str]:
    catalogue = desk.catalogue(product or None)
    return page(
        request,
        reader,
        "review_catalogue.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="review",
        catalogue=catalogue,
        kinds=list(catalogue.kinds) if given is None else given,
        known={kind.code for kind in catalogue.kinds},
        product=product,
        products=desk.products,
        severities=SEVERITIES,
        new_kinds=NEW_KINDS,
        may_decide=may_decide(reader),
        refusal=refusal,
        saved=saved,
    )


@get("/review/catalogue", guards=[needs("viewer")], include_in_schema=False)
async def catalogue(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    product: Text = "",
    saved: Annotated[bool, QueryParameter()] = False,
) -> Response[str]:
    """The kinds of defect as a list to change."""
    desk = services.desks.reviews
    return await anyio.to_thread.run_sync(lambda: _catalogue_page(request, reader, desk, product, saved=saved))


@post("/review/catalogue", guards=[needs("quality")], include_in_schema=False)
async def save_catalogue(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, data: Form
) -> Response[Any]:
    """Records the whole list, or shows it again with what is wrong with it."""
    desk, product = services.desks.reviews, data.get("product", "")[:TEXT_LIMIT]
    kinds = kinds_of(data)
    seen = data.get("seen", "")

    def save() -> Response[Any]:
        try:
            desk.save_catalogue(author_of(reader), product or None, kinds, int(seen) if seen.isdecimal() else None)
        except GaugeblockError as error:
            if not error.code.startswith("inspection.catalogue_"):
                raise
            problem = problem_of(error, reader.language, "/review/catalogue")
            return _catalogue_page(request, reader, desk, product, problem, kinds)
        query = {"product": product, "saved": "true"} if product else {"saved": "true"}
        return Redirect("/review/catalogue?" + urlencode(query), status_code=303)

    return await anyio.to_thread.run_sync(save)


def kinds_of(form: dict[str, str]) -> list[DefectKind]:
    """The kinds that a form lists, in the order that its numbers say; rows without code and names are left out.

    >>> form = {"code.0": "b", "zh.0": "乙", "en.0": "b", "order.0": "2", "code.2": ""}
    >>> form |= {"code.1": "a", "zh.1": "甲", "en.1": "a", "order.1": "1", "active.1": "on"}
    >>> [(kind.code, kind.active) for kind in kinds_of(form)]
    [('a', True), ('b', False)]
    """
    listed: list[tuple[float, int, DefectKind]] = []
    rows = sorted({int(name[5:]) for name in form if name.startswith("code.") and name[5:].isdecimal()})
    for row in rows:
        code, zh, en = (form.get(f"{name}.{row}", "").strip()[:80] for name in ("code", "zh", "en"))
        if not (code or zh or en):
            continue
        severity = form.get(f"severity.{row}", "major")
        order = form.get(f"order.{row}", "")
        kind = DefectKind(
            code=code,
            zh=zh,
            en=en,
            severity=severity if severity in SEVERITIES else "major",  # type: ignore[arg-type]  # mypy widens to str
            active=f"active.{row}" in form,
        )
        listed.append((float(order) if order.isdecimal() else float("inf"), row, kind))
    return [kind for _, _, kind in sorted(listed, key=lambda each: each[:2])]


HANDLERS = [
    review,
    review_fragment,
    review_second,
    second_fragment,
    decide,
    undo,
    disagreements,
    catalogue,
    save_catalogue,
]
