"""Who reads: language, theme, account and the token that proves a form is ours. One value a request."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import anyio.to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language, language_of
from gaugeblock.web.ports import Account, Services, WebSettings

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)

SESSION_COOKIE = "gaugeblock_session"
GUEST_COOKIE = "gaugeblock_guest"
LANGUAGE_COOKIE = "gaugeblock_language"
THEME_COOKIE = "gaugeblock_theme"
PREFERENCE_AGE_S = 365 * 24 * 3600
COOKIE_LENGTH_LIMIT = 256
SCOPE_KEY = "gaugeblock.reader"

Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """The person, or the machine, at the other end of a request.

    ``token`` is the session's; for a guest it is a random value of its own, so that the sign-in form too has
    a CSRF token. ``fresh_guest`` asks the answer to set the guest cookie.
    """

    language: Language
    theme: Theme
    account: Account | None
    token: str | None
    fresh_guest: bool = False

    @property
    def csrf(self) -> str:
        """What every form of this reader carries: derived from the secret cookie, of no use without it."""
        return csrf_of(self.token) if self.token else ""


def csrf_of(token: str) -> str:
    """The CSRF token that belongs to a session or guest token (SHA-256 with a label of its own).

    >>> csrf_of("a") == csrf_of("a"), csrf_of("a") == csrf_of("b")
    (True, False)
    """
    digest = hashlib.sha256(b"gaugeblock csrf 1\x00" + token.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def preferred_language(connection: Connection, settings: WebSettings) -> Language:
    """Cookie before Accept-Language before the plant's own, within what the plant offers."""
    chosen = connection.cookies.get(LANGUAGE_COOKIE)
    language = language_of(chosen or connection.headers.get("accept-language"), settings.language)
    return language if language in settings.languages else settings.language


def preferred_theme(connection: Connection) -> Theme:
    """The theme cookie, where it holds one of ours."""
    chosen = connection.cookies.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


async def reader_of(connection: Connection) -> Reader:
    """The request's reader; the session is looked up once a request, off the event loop."""
    scope = cast("dict[str, Any]", connection.scope)  # the scope is this request's alone; its "state" may be shared
    known: Reader | None = scope.get(SCOPE_KEY)
    if known is None:
        known = scope[SCOPE_KEY] = await _look_up(connection)
    return known


async def _look_up(connection: Connection) -> Reader:
    services: Services = connection.app.state.services
    language, theme = preferred_language(connection, services.settings), preferred_theme(connection)
    token = connection.cookies.get(SESSION_COOKIE)
    if token and len(token) <= COOKIE_LENGTH_LIMIT:
        account = await anyio.to_thread.run_sync(account_of, services, token)
        if account is not None:
            return Reader(language, theme, account, token)
    guest = connection.cookies.get(GUEST_COOKIE)
    if guest and 16 <= len(guest) <= COOKIE_LENGTH_LIMIT:
        return Reader(language, theme, None, guest)
    return Reader(language, theme, None, secrets.token_urlsafe(24), fresh_guest=True)


def account_of(services: Services, token: str) -> Account | None:
    """Whose session this is; nobody's where it has ended. Blocks."""
    try:
        return services.accounts.user_of(token)
    except GaugeblockError as error:
        if error.code == "stores.session_invalid":
            return None
        raise


def private_cookie(name: str, value: str, settings: WebSettings, *, ends: bool = False) -> Cookie:
    """A cookie that scripts cannot read and that other sites' forms do not send."""
    return Cookie(
        key=name,
        value=value,
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
        path="/",
        max_age=0 if ends else None,
    )


def preference_cookie(name: str, value: str, settings: WebSettings) -> Cookie:
    """Language or theme, kept for a year."""
    return Cookie(
        key=name, value=value, samesite="lax", secure=settings.secure_cookies, path="/", max_age=PREFERENCE_AGE_S
    )
