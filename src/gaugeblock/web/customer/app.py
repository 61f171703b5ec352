"""The exchange's application: the gate around all faces; the AAS face beside Litestar, not behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from litestar import Litestar, Response, get
from litestar.datastructures import CacheControlHeader, State
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router

from gaugeblock.exchange.aas.view import AasView
from gaugeblock.exchange.view import CustomerView
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.customer import log_window, oauth, pages, rest
from gaugeblock.web.customer.aas import AasFace
from gaugeblock.web.customer.gate import App, Gate, Receive, Scope, Send
from gaugeblock.web.customer.log_window import LogWindow
from gaugeblock.web.customer.oauth import OAuthServices
from gaugeblock.web.customer.openapi import described
from gaugeblock.web.customer.portal_ports import PortalServices
from gaugeblock.web.customer.problems import answer
from gaugeblock.web.customer.rest_ports import RestServices
from gaugeblock.web.templating import STATIC, static_prefix

AAS_PREFIX = "/aas"
BODY_BYTES_MOST = 32 * 1024 * 1024


class Schema:
    """The API's description, once the application is made: its portal shows it."""

    def __init__(self) -> None:
        self._of: Callable[[], dict[str, Any]] | None = None

    def come_from(self, of: Callable[[], dict[str, Any]]) -> None:
        """Where it comes from."""
        self._of = of

    def __call__(self) -> dict[str, Any]:
        """The document, OpenAPI 3.1."""
        assert self._of is not None, "asked for before the application is made"
        return self._of()


@dataclass(frozen=True, kw_only=True)
class ExchangeServices:
    """What the exchange's application needs.

    Parameters
    ----------
    gate
        Puts the gate around the faces.
    aas_view_of
        A customer's view as the AAS face reads it.
    oauth, rest, portal
        Of these faces.
    log_key
        The log's public key, as text.
    log_window
        The log as witnesses see it.
    more
        Further entries of the application's state.
    """

    gate: Callable[[App], Gate]
    aas_view_of: Callable[[CustomerView], AasView]
    oauth: OAuthServices
    rest: RestServices
    portal: PortalServices
    log_key: str
    log_window: LogWindow
    version: str
    schema: Schema
    more: Mapping[str, Any] = field(default_factory=dict)


@get("/healthz", sync_to_thread=False, include_in_schema=False)
def healthz() -> dict[str, str]:
    """That the process answers."""
    return {"status": "ok"}


@get("/log.key", sync_to_thread=False, include_in_schema=False, media_type="text/plain")
def log_key(state: State) -> Response[str]:
    """By this key evidence is verified. Compare it once with what the plant told you another way."""
    return Response(str(state.log_key) + "\n", media_type="text/plain; charset=utf-8")


def handlers() -> list[Any]:
    """All of Litestar's handlers."""
    return [healthz, log_key, *log_window.HANDLERS, *oauth.HANDLERS, *rest.HANDLERS, *pages.HANDLERS]


class Faces:
    """Sends what is under ``/aas`` to the AAS face, and everything else to Litestar."""

    def __init__(self, aas: App, rest: App) -> None:
        self._aas, self._rest = aas, rest

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """As ASGI."""
        path = scope.get("path", "")
        at_aas = scope["type"] == "http" and (path.startswith(AAS_PREFIX + "/") or path == AAS_PREFIX)
        return self._aas(scope, receive, send) if at_aas else self._rest(scope, receive, send)


def create_exchange_app(services: ExchangeServices, more_handlers: Sequence[Any] = ()) -> Gate:
    """The application; granian serves it with ``interface="asgi"``."""
    static = create_static_files_router(
        path=static_prefix(),
        directories=[STATIC],
        include_in_schema=False,
        cache_control=CacheControlHeader(public=True, max_age=31536000, immutable=True),
    )
    litestar = Litestar(
        route_handlers=[*handlers(), *more_handlers, static],
        state=State(
            {
                **services.more,
                "oauth": services.oauth,
                "rest": services.rest,
                "portal": services.portal,
                "log_key": services.log_key,
                "log_window": services.log_window,
            }
        ),
        exception_handlers={Exception: answer, HTTPException: answer, GaugeblockError: answer},
        request_max_body_size=BODY_BYTES_MOST,
        openapi_config=rest.rest_openapi(services.version, services.oauth.public_url),
        logging_config=None,
        debug=False,
    )
    services.schema.come_from(lambda: described(litestar))
    aas = AasFace(lambda scope: services.aas_view_of(scope["state"]["view"]), AAS_PREFIX)
    return services.gate(Faces(aas, cast("App", litestar)))
