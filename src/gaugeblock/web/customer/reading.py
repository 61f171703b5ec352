"""Who reads a page of the exchange: language, appearance, the gate's view, and the token that proves a form is ours."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers.base import BaseRouteHandler

from gaugeblock.exchange.credentials import Caller
from gaugeblock.exchange.view import CustomerView
from gaugeblock.plant.language import Language, language_of
from gaugeblock.web.customer.gate import SESSION_COOKIE, csrf_of
from gaugeblock.web.customer.page_errors import PageFormError, PageSignInError
from gaugeblock.web.customer.portal_ports import PortalServices

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)
LANGUAGE_COOKIE = "gaugeblock_language"
THEME_COOKIE = "gaugeblock_theme"
PREFERENCE_AGE_S = 365 * 24 * 3600
COOKIE_LENGTH_LIMIT = 256

Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class PageReader:
    """The person at the other end. ``caller`` and ``view`` are ``None`` on open pages without a session."""

    language: Language
    theme: Theme
    caller: Caller | None
    view: CustomerView | None
    csrf: str = ""

    @property
    def customer(self) -> str:
        """Whose pages these are.

        Raises
        ------
        PageSignInError
        """
        if self.caller is None:
            raise PageSignInError
        return self.caller.customer

    @property
    def seen(self) -> CustomerView:
        """What may be seen.

        Raises
        ------
        PageSignInError
        """
        if self.view is None:
            raise PageSignInError
        return self.view


def services_of(connection: Connection) -> PortalServices:
    """The portal's services."""
    return cast("PortalServices", connection.app.state.portal)


def reader_of(connection: Connection) -> PageReader:
    """The request's reader, from what the gate has left in the scope."""
    settings = services_of(connection).settings
    left = connection.scope.get("state") or {}
    caller = cast("Caller | None", left.get("caller"))
    view = cast("CustomerView | None", left.get("view"))
    chosen = connection.cookies.get(LANGUAGE_COOKIE) or connection.headers.get("accept-language")
    default = settings.languages_of.get(caller.customer, settings.language) if caller else settings.language
    language = language_of(chosen, default)
    theme = connection.cookies.get(THEME_COOKIE, "auto")
    token = connection.cookies.get(SESSION_COOKIE, "")
    return PageReader(
        language if language in settings.languages else settings.language,
        theme if theme in THEMES else "auto",
        caller,
        view,
        csrf_of(token) if 16 <= len(token) <= COOKIE_LENGTH_LIMIT else "",
    )


def derived(connection: Connection, *indices: int | None) -> None:
    """Tell the gate from which records the answer was derived."""
    left = connection.scope.setdefault("state", {})
    left.setdefault("derived_from", []).extend(index for index in indices if index is not None)


def request_id(connection: Connection) -> str:
    """The id that the gate gave the request."""
    left = connection.scope.get("state") or {}
    return str(left.get("request_id", ""))


async def signed_in(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard: somebody of a customer is here."""
    reader = reader_of(connection)
    if reader.caller is None or reader.view is None:
        raise PageSignInError


async def own_form(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard of forms: a session, and the session's own token in the form."""
    reader = reader_of(connection)
    if reader.caller is None or reader.view is None:
        raise PageSignInError
    if isinstance(connection, Request):
        field = (await connection.form()).get("csrf")
        given = field if isinstance(field, str) else ""
        if not reader.csrf or not hmac.compare_digest(given.encode(), reader.csrf.encode()):
            raise PageFormError


async def same_origin(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard of the one form that has no session yet: another site's page may not sign a browser in here."""
    origin = connection.headers.get("origin")
    fetch_site = connection.headers.get("sec-fetch-site")
    own = {services_of(connection).settings.public_url, str(connection.base_url).rstrip("/")}
    if (origin is not None and origin != "null" and origin not in own) or fetch_site == "cross-site":
        raise PageFormError


def private_cookie(value: str, *, secure: bool, ends: bool = False) -> Cookie:
    """The session's cookie, which scripts cannot read and other sites' forms do not send."""
    return Cookie(
        key=SESSION_COOKIE,
        value=value,
        httponly=True,
        samesite="lax",
        secure=secure,
        path="/",
        max_age=0 if ends else None,
    )


def preference_cookie(name: str, value: str, *, secure: bool) -> Cookie:
    """Language or appearance, kept for a year."""
    return Cookie(key=name, value=value, samesite="lax", secure=secure, path="/", max_age=PREFERENCE_AGE_S)


def local(target: str | None, default: str = "/") -> str:
    """A path on this server to go back to; anything that could lead elsewhere becomes the default.

    >>> local("/my/orders"), local("//evil.example"), local("https://evil.example"), local("/\\\\evil.example")
    ('/my/orders', '/', '/', '/')
    """
    if not target or not target.startswith("/") or target.startswith("//") or len(target) > 500:
        return default
    return default if any(ord(character) < 33 or character == "\\" for character in target) else target
