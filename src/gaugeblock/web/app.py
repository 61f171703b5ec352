"""The web application of the plant process: pages, API, event stream and log tiles on one Litestar app."""

from __future__ import annotations

import secrets

import anyio
from litestar import Litestar, Router
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.static_files import create_static_files_router

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web import (
    api_blobs,
    api_contracts,
    api_inspections,
    api_line,
    api_log,
    api_modules,
    api_nonconformities,
    api_orders,
    api_records,
    api_reviews,
    api_sampling,
    api_studies,
    pages,
    pages_account,
    pages_certificates,
    pages_challenges,
    pages_contracts,
    pages_customers,
    pages_line,
    pages_messages,
    pages_modules,
    pages_nonconformities,
    pages_orders,
    pages_retention,
    pages_review,
    pages_sampling,
    pages_shared,
    pages_studies,
    pages_transfers,
    pages_watch,
)
from gaugeblock.web.access import SignInBrake
from gaugeblock.web.dependencies import give_hub, give_metrics, give_reader, give_services
from gaugeblock.web.events import EventHub
from gaugeblock.web.follower import Follower, following
from gaugeblock.web.headers import add_headers
from gaugeblock.web.metrics import Metrics
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import answer
from gaugeblock.web.reader import SESSION_COOKIE
from gaugeblock.web.templating import STATIC, static_prefix
from gaugeblock.web.thumbnails import Thumbnails

FORM_BYTES = 64 * 1024
PASSWORD_HASHES_AT_ONCE = 2
"""64 MiB each: a crowd at the door must not take the machine's memory."""


def create_app(services: Services) -> Litestar:
    """The application over its services; granian serves it with ``interface="asgi"``.

    Parameters
    ----------
    services
        Ports and settings. Their methods are called from worker threads.
    """
    hub = EventHub(secrets.token_hex(4), listeners=services.settings.listeners)
    metrics = Metrics(services)
    follower = Follower(services, hub, metrics)
    settings = services.settings
    records = Router("", route_handlers=api_records.HANDLERS, request_max_body_size=settings.records_body_bytes)
    blobs = Router("", route_handlers=api_blobs.HANDLERS, request_max_body_size=settings.blob_bytes)
    api = Router(
        "/api/v1",
        route_handlers=[
            *api_inspections.HANDLERS,
            *api_line.HANDLERS,
            *api_log.API_HANDLERS,
            *api_modules.HANDLERS,
            *api_reviews.HANDLERS,
            *api_nonconformities.HANDLERS,
            *api_orders.HANDLERS,
            *api_sampling.HANDLERS,
            *api_studies.HANDLERS,
            *api_contracts.HANDLERS,
            records,
            blobs,
        ],
    )
    static = create_static_files_router(
        path=static_prefix(),
        directories=[STATIC],
        include_in_schema=False,
        cache_control=CacheControlHeader(public=True, max_age=31536000, immutable=True),
    )
    return Litestar(
        route_handlers=[
            api,
            *api_log.ROOT_HANDLERS,
            *pages.HANDLERS,
            *pages_account.HANDLERS,
            *pages_line.HANDLERS,
            *pages_modules.HANDLERS,
            *pages_watch.HANDLERS,
            *pages_challenges.HANDLERS,
            *pages_review.HANDLERS,
            *pages_retention.HANDLERS,
            *pages_nonconformities.HANDLERS,
            *pages_orders.HANDLERS,
            *pages_certificates.HANDLERS,
            *pages_messages.HANDLERS,
            *pages_sampling.HANDLERS,
            *pages_studies.HANDLERS,
            *pages_contracts.HANDLERS,
            *pages_customers.HANDLERS,
            *pages_shared.HANDLERS,
            *pages_transfers.HANDLERS,
            static,
        ],
        state=State(
            {
                "services": services,
                "hub": hub,
                "metrics": metrics,
                "brake": SignInBrake(),
                "thumbnails": Thumbnails(),
                "hashing": anyio.CapacityLimiter(PASSWORD_HASHES_AT_ONCE),
            }
        ),
        dependencies={
            "services": Provide(give_services, sync_to_thread=False),
            "hub": Provide(give_hub, sync_to_thread=False),
            "metrics": Provide(give_metrics, sync_to_thread=False),
            "reader": Provide(give_reader),
        },
        lifespan=[lambda _app: following(follower)],
        before_send=[add_headers],
        exception_handlers={Exception: answer, HTTPException: answer, GaugeblockError: answer},
        request_max_body_size=FORM_BYTES,
        openapi_config=_openapi(services),
        logging_config=None,
        debug=False,
    )


def close_streams(app: Litestar) -> None:
    """End the open event streams, and those that are opened from now on; their pages connect again by themselves.

    To be called on the application's event loop before its server is stopped: a server waits for open answers, and
    tells the application that it ends only when there are none.
    """
    hub: EventHub = app.state.hub
    hub.close()


def _openapi(services: Services) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Gaugeblock",
        version=services.settings.version,
        summary="Every AI verdict of a factory is a signed record that an outsider can verify.",
        # Litestar's own pages and its HTML answer to unknown paths stay out of the API: see ``api_log.description``.
        path="/api/v1/schema",
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        security=[{"session": []}],
        components=Components(
            security_schemes={
                "session": SecurityScheme(
                    type="apiKey",
                    name=SESSION_COOKIE,
                    security_scheme_in="cookie",
                    description="Set by signing in. Unsafe calls also carry the header X-CSRF-Token.",
                ),
                "station_key": SecurityScheme(
                    type="http",
                    scheme="Gaugeblock-Key",
                    description="`<kid> <unix_s> <signature>`: Ed25519, base64url, over `PUT\\n<sha256>\\n<unix_s>`.",
                ),
            }
        ),
        tags=[
            Tag(name="inspection", description="Verdicts and what they sum to."),
            Tag(name="quality", description="Nonconformities, acceptance sampling, measurement studies."),
            Tag(name="records", description="Signed records, their evidence, and the images they name."),
            Tag(name="reviews", description="What people say of parts, and the labels that follow from it."),
            Tag(name="orders", description="Orders, lots, genealogy, results, shipments, certificates."),
            Tag(name="line", description="The line: live state, figures, bottleneck, forecasts, what-if questions."),
            Tag(name="modules", description="Inspection modules: service, candidates, comparisons, trainings."),
            Tag(name="exchange", description="Contracts with customers, and what left the plant under them."),
            Tag(name="log", description="The transparency log and news from it."),
        ],
    )
