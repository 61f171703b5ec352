"""What every handler of the customer's API does the same way: read the view, say what an answer was derived from, page,
and answer with a validator (ETag) that a later request can name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.params import PathParameter, QueryParameter
from litestar.routes import HTTPRoute

from gaugeblock.exchange.access_errors import SignInNeededError
from gaugeblock.exchange.credentials import Caller
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import Page
from gaugeblock.web.customer.paging import Cursors
from gaugeblock.web.customer.rest_errors import PreconditionFailedError, PreconditionMissingError, QueryUnknownError
from gaugeblock.web.customer.rest_ports import RestServices
from gaugeblock.web.customer.versions import HEADER, version_headers, version_of
from gaugeblock.web.errors import BadRequestError, NotFoundError

Req = Request[Any, Any, Any]
_T = TypeVar("_T")

JSON = "application/json"
CURSOR = "cursor"
REVALIDATE = "private, no-cache"
INDEX_NAMES = frozenset(
    {
        "record_index",
        "last_index",
        "verdict_index",
        "review_index",
        "module_index",
        "released_index",
        "study_index",
        "step_index",
    }
)

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="How many at most.")]
Text = Annotated[str | None, QueryParameter(min_length=1, max_length=200)]
Moment = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$"
        r"|^(19|20)[0-9]{2}-(01|0[3-9]|1[0-2])-(29|30)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$"
        r"|^(19|20)[0-9]{2}-(0[13578]|1[02])-31T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$",
        description="RFC 3339, UTC.",
    ),
]
Index = Annotated[int, PathParameter(ge=0, le=2**53, description="The record's index in the log.")]
Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", description="SHA-256 in lower-case hex.")]
Number = Annotated[str, PathParameter(min_length=1, max_length=200)]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list. ``next`` is the address of the following page, ``null`` at the end: follow it as it is."""

    next: str | None


def services_of(request: Req) -> RestServices:
    """The services of the process."""
    return cast("RestServices", request.app.state.rest)


def state_of(request: Req) -> dict[str, Any]:
    """What the gate has left for this request."""
    return request.scope.setdefault("state", {})


def view_of(request: Req) -> CustomerView:
    """What the caller may see: one snapshot for the whole request.

    Raises
    ------
    SignInNeededError
        The gate let nobody in.
    """
    view = state_of(request).get("view")
    if view is None:
        raise SignInNeededError
    return cast("CustomerView", view)


def caller_of(request: Req) -> Caller:
    """Who asks.

    Raises
    ------
    SignInNeededError
    """
    caller = state_of(request).get("caller")
    if caller is None:
        raise SignInNeededError
    return cast("Caller", caller)


def request_id_of(request: Req) -> str:
    """The id that the answer carries."""
    return str(state_of(request).get("request_id", ""))


def found(request: Req, value: _T | None) -> _T:
    """The value, or the one 404 for what is not there and what is another's.

    Raises
    ------
    NotFoundError
    """
    if value is None:
        raise NotFoundError(path=request.url.path[:200])
    return value


# ── what an answer was derived from ─────────────────────────────────────────────────────────────────────────


def derive(request: Req, *values: object) -> None:
    """Leave the indices of the records in ``values`` for the gate."""
    into = state_of(request).setdefault("derived_from", [])
    for value in values:
        collect(value, into)


def collect(value: object, into: list[int]) -> None:
    """All indices of records that a read model names, however deep.

    >>> from gaugeblock.exchange.view_model import Promise
    >>> found: list[int] = []
    >>> collect([Promise(record_index=7, stated_at=""), 9], found)
    >>> found
    [7, 9]
    """
    if isinstance(value, int):
        into.append(value)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            part = getattr(value, name)
            if name in INDEX_NAMES:
                if part is not None:
                    into.append(part)
            elif name == "record_indices":
                into.extend(part)
            elif isinstance(part, msgspec.Struct):
                collect(part, into)
            elif isinstance(part, tuple | list) and part and isinstance(part[0], msgspec.Struct):
                for one in part:
                    collect(one, into)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        for one in value:
            collect(one, into)


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────


def etag_of(body: bytes) -> str:
    """The validator of a representation: its digest.

    >>> etag_of(b"{}")
    '"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e83"'
    """
    return f'"{hashlib.sha256(body).hexdigest()[:48]}"'


def answered(
    request: Req,
    body: bytes,
    media_type: str = JSON,
    *,
    name: str | None = None,
    cache: str = REVALIDATE,
    headers: Mapping[str, str] | None = None,
) -> Response[Any]:
    """A representation with its ETag; 304 where the caller has it already.

    Parameters
    ----------
    name
        Of the file, where the answer is to be kept and not to be shown.
    """
    etag = etag_of(body)
    given = {"ETag": etag, "Cache-Control": cache, **(headers or {}), **_version(request)}
    wanted = request.headers.get("if-none-match")
    if wanted is not None and names(wanted, etag):
        state_of(request)["representation"] = (hashlib.sha256(body).hexdigest(), len(body))
        return Response(b"", status_code=304, media_type=media_type, headers=given)
    if name is not None:
        given["Content-Disposition"] = f'attachment; filename="{_plain(name)}"'
    return Response(body, status_code=200, media_type=media_type, headers=given)


def names(header: str, etag: str) -> bool:
    """Whether ``If-None-Match`` names this validator (RFC 9110, 13.1.2: weak comparison).

    >>> names('W/"a", "b"', '"b"'), names("*", '"b"'), names('"a"', '"b"')
    (True, True, False)
    """
    if header.strip() == "*":
        return True
    return etag in [part.strip().removeprefix("W/") for part in header.split(",")]


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)[:120] or "file"


def _version(request: Req) -> dict[str, str]:
    return version_headers(version_of(request.headers.get(HEADER)))


def shown(request: Req, value: msgspec.Struct, **more: str) -> Response[Any]:
    """One thing as JSON."""
    derive(request, value)
    return answered(request, msgspec.json.encode(value), headers=more)


def created(request: Req, value: msgspec.Struct) -> tuple[int, bytes]:
    """Status and body of an action that stated a record."""
    derive(request, value)
    return 201, msgspec.json.encode(value)


def check_match(header: str | None, body: bytes, path: str) -> None:
    """Whether the caller decided on what is there now.

    Parameters
    ----------
    header
        ``If-Match``.
    body
        What a GET of ``path`` would answer.

    Raises
    ------
    PreconditionMissingError, PreconditionFailedError
    """
    if header is None:
        raise PreconditionMissingError(path=path)
    if header.strip() == "*":
        return
    # Strong comparison: a weak validator never matches (RFC 9110, 13.1.1).
    if etag_of(body) not in [part.strip() for part in header.split(",")]:
        raise PreconditionFailedError(path=path)


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────


def after_of(request: Req, listing: str, filters: Mapping[str, object]) -> int | str | None:
    """Where the page begins: what the cursor says, ``None`` for the first.

    Raises
    ------
    CursorFormError
    """
    given = request.query_params.get(CURSOR)
    if given is None:
        return None
    cursors = Cursors(services_of(request).cursor_key)
    return cursors.read(view_of(request).customer, listing, filter_text(filters), given)


def text_after(request: Req, listing: str, filters: Mapping[str, object]) -> str | None:
    """See :func:`after_of`, of lists by id."""
    after = after_of(request, listing, filters)
    return after if after is None else str(after)


def index_before(request: Req, listing: str, filters: Mapping[str, object]) -> int | None:
    """See :func:`after_of`, of lists by record."""
    before = after_of(request, listing, filters)
    return before if before is None else int(before)


def filter_text(filters: Mapping[str, object]) -> str:
    """Filters as one text, in an order of their own.

    >>> filter_text({"b": 1, "a": None, "c": "x"})
    'b=1&c=x'
    """
    return urlencode(sorted((name, str(value)) for name, value in filters.items() if value is not None))


def following(
    request: Req, page: Page[Any], listing: str, filters: Mapping[str, object], limit: int | None = None
) -> str | None:
    """Address of the next page."""
    if page.next is None:
        return None
    services, view = services_of(request), view_of(request)
    text = filter_text(filters)
    cursor = Cursors(services.cursor_key).write(view.customer, listing, text, page.next)
    query = [*([text] if text else []), *([f"limit={limit}"] if limit is not None else []), f"{CURSOR}={cursor}"]
    return f"{request.url.path}?{'&'.join(query)}"


def listed(request: Req, out: Listing) -> Response[Any]:
    """A page as JSON; the next one is a link, too (RFC 8288)."""
    more = {"Link": f'<{out.next}>; rel="next"'} if out.next is not None else {}
    return shown(request, out, **more)


# ── before every operation ──────────────────────────────────────────────────────────────────────────────────


async def check_request(request: Req) -> Response[bytes] | None:
    """Litestar's ``before_request``: the version is one there is, and no parameter is misspelt.

    OPTIONS is answered here: Litestar's own answer knows only the methods that were registered first.

    Raises
    ------
    VersionUnknownError, QueryUnknownError
    """
    version_of(request.headers.get(HEADER))
    if request.method == "OPTIONS":
        return Response(b"", status_code=204, headers={"Allow": ", ".join(_methods(request))})
    known = _parameters(request)
    for name, values in request.query_params.dict().items():
        if name not in known:
            raise QueryUnknownError(name=name[:80], known=", ".join(sorted(known)) or "–")
        if len(values) > 1:
            # Of two values each reader takes another one: what was meant is not guessed.
            raise BadRequestError(detail=f"{name}: twice")
    return None


def _methods(request: Req) -> list[str]:
    template = request.scope["path_template"]
    routes = [route for route in request.app.routes if isinstance(route, HTTPRoute) and route.path_format == template]
    return sorted({str(method) for route in routes for method in route.methods})


_KNOWN: dict[int, tuple[object, frozenset[str]]] = {}
"""By handler; it is kept beside, for the id of one that is gone may be another's."""


def _parameters(request: Req) -> frozenset[str]:
    handler = request.route_handler
    kept = _KNOWN.get(id(handler))
    if kept is None:
        fields = handler.parsed_fn_signature.parameters.values()
        queries = {field.name for field in fields if isinstance(field.kwarg_definition, QueryParameter)}
        kept = _KNOWN[id(handler)] = handler, frozenset({*queries, CURSOR} if handler.opt.get("paged") else queries)
    return kept[1]
