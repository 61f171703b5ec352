"""The page of one's own account: the password, changed by whoever knows the present one."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.users import PASSWORD_LEAST
from gaugeblock.web.access import needs
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import PasswordRepeatError, SignInRequiredError
from gaugeblock.web.pages import PASSWORD_LIMIT, page
from gaugeblock.web.ports import Accounts
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import SESSION_COOKIE, Reader, private_cookie

SHOWN = frozenset({"web.password_repeat", "stores.password_weak", "stores.login_refused", "stores.login_throttled"})
"""Refusals that the person at the form can do something about."""


def _account(
    request: Request[Any, Any, Any], reader: Reader, refusal: Problem | None = None, *, changed: bool = False
) -> Response[str]:
    status = 200 if refusal is None else refusal.status
    return page(
        request,
        reader,
        "account.html.j2",
        status,
        here_nav="account",
        refusal=refusal,
        changed=changed,
        least=PASSWORD_LEAST,
    )


@get("/account", guards=[needs("viewer")], include_in_schema=False)
async def account(
    request: Request[Any, Any, Any], reader: GivenReader, changed: FromQuery[bool] = False
) -> Response[str]:
    """Who is signed in, and the form for a new password."""
    return _account(request, reader, changed=changed)


@post("/account/password", guards=[needs("viewer")], include_in_schema=False)
async def change_password(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Changes the password and goes on in a fresh session: all sessions that were open end."""
    if reader.account is None:
        raise SignInRequiredError
    old, new, again = (data.get(name, "")[: PASSWORD_LIMIT + 1] for name in ("old", "new", "again"))
    try:
        if new != again:
            raise PasswordRepeatError
        token = await anyio.to_thread.run_sync(
            _change, services.accounts, reader.account.name, old, new, limiter=request.app.state.hashing
        )
    except GaugeblockError as error:
        if error.code not in SHOWN:
            raise
        return _account(request, reader, problem_of(error, reader.language, "/account/password"))
    response = Redirect("/account?changed=true", status_code=303)
    response.set_cookie(private_cookie(SESSION_COOKIE, token, services.settings))
    return response


def _change(accounts: Accounts, name: str, old: str, new: str) -> str:
    accounts.change_password(name, old, new)
    return accounts.login(name, new)


HANDLERS = [account, change_password]
