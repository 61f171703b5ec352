"""The customer's API: all operations, and the application that answers them behind the gate.

:data:`HANDLERS` stand under ``/api/v1``. Whoever composes an application of its own gives it the state ``rest``
(:class:`~gaugeblock.web.customer.rest_ports.RestServices`),
:class:`~gaugeblock.web.customer.openapi.DescriptionPlugin` as the renderer of its description, and
:func:`~gaugeblock.web.customer.problems.answer` as the handler of exceptions.
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme, Server, Tag

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.customer import (
    epcis,
    pact,
    rest_contracts,
    rest_documents,
    rest_exports,
    rest_inspections,
    rest_orders,
    rest_records,
    rest_threads,
)
from gaugeblock.web.customer.openapi import DescriptionPlugin, operation_id
from gaugeblock.web.customer.problems import answer
from gaugeblock.web.customer.rest_common import check_request
from gaugeblock.web.customer.rest_ports import RestServices
from gaugeblock.web.customer.versions import VERSIONS

BODY_BYTES = 64 * 1024
PREFIX = "/api/v1"

_OPERATIONS: list[Any] = [
    *rest_records.HANDLERS,
    *rest_orders.HANDLERS,
    *rest_inspections.HANDLERS,
    *rest_documents.HANDLERS,
    *rest_contracts.HANDLERS,
    *rest_threads.HANDLERS,
    *rest_exports.HANDLERS,
    Router("", route_handlers=rest_threads.WRITES, request_max_body_size=rest_threads.BODY_BYTES),
]


def rest_router() -> Router:
    """All operations under their prefix, each checked for its version and parameters first."""
    return Router(
        PREFIX,
        route_handlers=_OPERATIONS,
        before_request=check_request,
        request_max_body_size=BODY_BYTES,
        exception_handlers={Exception: answer, HTTPException: answer, GaugeblockError: answer},
    )


HANDLERS: list[Any] = [rest_router(), *epcis.HANDLERS, *pact.HANDLERS]
"""With their whole addresses, for the exchange's application."""


def rest_state(services: RestServices) -> dict[str, Any]:
    """What the handlers find in the application's state."""
    return {"rest": services}


def rest_openapi(version: str, public_url: str | None = None) -> OpenAPIConfig:
    """The description of the API (OpenAPI 3.1), at ``/api/v1/openapi.json``."""
    return OpenAPIConfig(
        title="Gaugeblock exchange",
        version=f"{VERSIONS[-1].name}+{version}",
        summary="Orders, dates, inspections, certificates and their evidence, as your contract permits.",
        description=(
            "Every answer names the records it was derived from, and every record has evidence that verifies offline. "
            "What your contract does not permit is absent; what is another's, and what does not exist, is 404. "
            "Lists carry `next`, an address to be followed as it is. Send `If-None-Match` with the ETag you have. "
            f"Name a version with `Gaugeblock-Version: {VERSIONS[-1].name}`; without it the newest answers. "
            "Refusals are problem details (RFC 9457): `code` names the error, `remedy` says what to do."
        ),
        path=PREFIX,
        render_plugins=[DescriptionPlugin()],
        operation_id_creator=operation_id,
        use_handler_docstrings=True,
        security=[{"bearer": []}],
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url=public_url or "/")],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="An API key (`gbk_…`), or an access token of the token endpoint (OAuth 2.1).",
                )
            }
        ),
        tags=[
            Tag(name="records", description="You, records, evidence, changes."),
            Tag(name="orders", description="Orders, dates, lots, units, results, shipments."),
            Tag(name="inspections", description="Verdicts, photographs, stations, nonconformities."),
            Tag(name="documents", description="Certificates, documents, footprints."),
            Tag(name="messages", description="What you and the plant say to each other."),
            Tag(name="contracts", description="What you may see, and what you were given."),
            Tag(name="exports", description="Files for people."),
        ],
    )


def rest_app(services: RestServices, version: str, public_url: str | None = None) -> Litestar:
    """The API alone, as an application. It trusts the gate in front of it."""
    return Litestar(
        route_handlers=HANDLERS,
        state=State(rest_state(services)),
        exception_handlers={Exception: answer, HTTPException: answer, GaugeblockError: answer},
        request_max_body_size=BODY_BYTES,
        openapi_config=rest_openapi(version, public_url),
        logging_config=None,
        debug=False,
    )
