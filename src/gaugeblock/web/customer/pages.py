"""All pages: the open portal, and those of the customer's people, where a refusal is a page; and webhooks' API."""

from __future__ import annotations

from typing import Any

from litestar import Router

from gaugeblock.web.customer import pages_console, pages_orders, pages_talk, portal, rest_webhooks
from gaugeblock.web.customer.page_answers import PAGE_ANSWERS

FORM_BYTES = 64 * 1024

HANDLERS: list[Any] = [
    Router(
        "",
        route_handlers=[*pages_orders.HANDLERS, *pages_talk.HANDLERS, *pages_console.HANDLERS],
        exception_handlers=PAGE_ANSWERS,
        request_max_body_size=FORM_BYTES,
        include_in_schema=False,
    ),
    *portal.HANDLERS,
    *rest_webhooks.HANDLERS,
]
