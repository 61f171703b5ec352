"""Who may what: guards by role, the CSRF check of session calls, and the brake on failed sign-ins."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.handlers.base import BaseRouteHandler

from gaugeblock.web.errors import CsrfError, RoleRequiredError, SignInRequiredError, ThrottledError
from gaugeblock.web.ports import ROLES, Role, Services
from gaugeblock.web.reader import Connection, reader_of

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


def needs(role: Role) -> Guard:
    """A guard that lets sessions of this role or a higher one pass, and checks CSRF where the method is unsafe."""

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        reader = await reader_of(connection)
        if reader.account is None:
            raise SignInRequiredError
        if _rank(reader.account.role) < _rank(role):
            raise RoleRequiredError(role=reader.account.role, needed=role)
        if isinstance(connection, Request) and connection.method not in SAFE_METHODS:
            await _check_csrf(connection)

    return guard


def _rank(role: str) -> int:
    return ROLES.index(role) if role in ROLES else -1


async def own_form(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard for forms that need no account (sign-in, preferences): the CSRF token alone."""
    if isinstance(connection, Request) and connection.method not in SAFE_METHODS:
        await _check_csrf(connection)


async def log_readable(connection: Connection, handler: BaseRouteHandler) -> None:
    """Checkpoint and tiles: open where the settings say so, otherwise for those who are signed in."""
    services: Services = connection.app.state.services
    if not services.settings.public_log:
        await needs("viewer")(connection, handler)


async def _check_csrf(request: Request[Any, Any, Any]) -> None:
    reader = await reader_of(request)
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.content_type[0] in {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }:
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    if reader.fresh_guest or not given or not hmac.compare_digest(given.encode(), reader.csrf.encode()):
        raise CsrfError


class SignInBrake:
    """Slows guessing from one address: after ``free`` failures it waits, twice as long each time.

    The store of users does the same for one name.

    Parameters
    ----------
    free
        Failures without a wait.
    first_wait_s, longest_wait_s
        The wait after the next failure, and the longest.
    keys
        How many addresses are remembered; the one longest unused is forgotten first.

    Examples
    --------
    >>> brake = SignInBrake(free=1)
    >>> brake.failed("192.0.2.7", now_s=0.0)
    >>> brake.failed("192.0.2.7", now_s=1.0)
    >>> brake.check("192.0.2.7", now_s=2.0)
    Traceback (most recent call last):
    gaugeblock.web.errors.ThrottledError: ...
    """

    def __init__(
        self, free: int = 5, first_wait_s: float = 4.0, longest_wait_s: float = 900.0, keys: int = 10_000
    ) -> None:
        self._free, self._first_wait_s, self._longest_wait_s, self._keys = free, first_wait_s, longest_wait_s, keys
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, key: str, now_s: float) -> None:
        """Raises :class:`ThrottledError` while the key has to wait."""
        _, until_s = self._known.get(key, (0, 0.0))
        if now_s < until_s:
            raise ThrottledError(seconds=int(until_s - now_s) + 1)

    def failed(self, key: str, now_s: float) -> None:
        """Counts a failure."""
        count = self._known.pop(key, (0, 0.0))[0] + 1
        over = count - self._free
        wait_s = min(self._first_wait_s * 2.0 ** min(over - 1, 20), self._longest_wait_s) if over > 0 else 0.0
        self._known[key] = (count, now_s + wait_s)
        while len(self._known) > self._keys:
            self._known.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forgets the key's failures."""
        self._known.pop(key, None)
