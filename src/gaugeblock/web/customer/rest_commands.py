"""Whose commands a request's are: the plant's, or those of the sandbox for a test key."""

from __future__ import annotations

from gaugeblock.exchange.access_errors import ScopeNeededError
from gaugeblock.exchange.customer_commands import CustomerCommands
from gaugeblock.web.customer.rest_common import Req, caller_of, services_of


def commands_of(request: Req) -> CustomerCommands:
    """The commands that this caller's requests become.

    Raises
    ------
    ScopeNeededError
        A test key where there is no sandbox to state in.
    """
    services = services_of(request)
    if not caller_of(request).test:
        return services.commands
    if services.sandbox_commands is None:
        raise ScopeNeededError(scope="message")
    return services.sandbox_commands
