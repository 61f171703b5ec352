"""A refusal as a page, where a person asked; the router of all pages uses it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.customer.page_errors import PageSignInError
from gaugeblock.web.customer.problems import named, problem_of
from gaugeblock.web.customer.reading import reader_of
from gaugeblock.web.customer.rendering import page
from gaugeblock.web.words import word

STATUS = {"web.customer_form": 403, "web.customer_missing": 404, "exchange.webhook_missing": 404}
"""Of refusals that only pages have; of the others that of the API."""


def page_answer(request: Request[Any, Any, Any], exception: Exception) -> Response[Any]:
    """The exception handler of the pages."""
    error = named(exception, request)
    if isinstance(error, PageSignInError):
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Redirect(f"/sign-in?next={quote(back, safe='')}", status_code=303)
    reader = reader_of(request)
    problem = problem_of(error, reader.language, request.url.path)
    status = STATUS.get(error.code)
    if status is not None:
        problem = msgspec.structs.replace(problem, status=status, title=word(f"status.{status}", reader.language))
    return page(request, reader, "error.html.j2", problem.status, problem=problem)


PAGE_ANSWERS: dict[int | type[Exception], Any] = {
    Exception: page_answer,
    HTTPException: page_answer,
    GaugeblockError: page_answer,
}
"""For a router. The nearest kind counts before the nearest layer: all kinds that an application names are here."""
