"""What a customer does with webhooks: endpoints made, tried, exchanged, replayed, switched and removed.

Pages and API are two ways to the same desk. Endpoints of the sandbox (``test``) point to a sink: nothing is sent, the
console shows what would have been.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from gaugeblock.exchange.address_guard import AddressGuard
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.webhook_dispatch import WebhookDispatcher
from gaugeblock.exchange.webhook_errors import WebhookDisabledError, WebhookLimitError, WebhookMissingError
from gaugeblock.exchange.webhooks import ROTATION_OVERLAP_S, check_event_types, new_secret
from gaugeblock.plant.times import Clock
from gaugeblock.stores.webhooks import ENDPOINTS_PER_CUSTOMER, Delivery, Endpoint, WebhookStore

SINK_URL = "https://sandbox.invalid/sink"
DESCRIPTION_MAX = 200


class WebhookDesk:
    """One customer's endpoints, of the plant or of the sandbox.

    Parameters
    ----------
    store, dispatcher, guard, clock
        Parts of the process.
    customer, test
        Whose.
    view
        What they see now.
    """

    def __init__(
        self,
        store: WebhookStore,
        dispatcher: WebhookDispatcher,
        guard: AddressGuard,
        clock: Clock,
        customer: str,
        view: CustomerView,
        *,
        test: bool,
    ) -> None:
        self._store, self._dispatcher, self._guard, self._clock = store, dispatcher, guard, clock
        self._customer, self._view, self._test = customer, view, test

    def endpoints(self) -> list[Endpoint]:
        """All, oldest first."""
        return self._store.endpoints(self._customer, test=self._test)

    def endpoint(self, name: str) -> Endpoint:
        """One.

        Raises
        ------
        WebhookMissingError
            For another's as for one that is not there.
        """
        found = self._store.endpoint(self._customer, name, test=self._test)
        if found is None:
            raise WebhookMissingError(id=name[:60])
        return found

    def add(self, url: str, event_types: Sequence[str] = (), description: str = "") -> tuple[Endpoint, str]:
        """A new endpoint that is sent what happens from now on, and its secret, which is shown once.

        Raises
        ------
        WebhookUrlError, WebhookAddressError, WebhookNameError, WebhookEventTypeError, WebhookLimitError
        """
        wanted = check_event_types(event_types)
        if self._test:
            url = SINK_URL
        else:
            self._guard.pin(url)
        secret = new_secret(secrets.token_bytes)
        made = self._store.add(
            self._customer,
            url,
            secret,
            event_types=wanted,
            description=description[:DESCRIPTION_MAX],
            cursor=self._view.log_size - 1,
            test=self._test,
        )
        if made is None:
            raise WebhookLimitError(limit=ENDPOINTS_PER_CUSTOMER)
        return made, secret

    def fire_test(self, name: str) -> str:
        """Queue a test message; its id.

        Raises
        ------
        WebhookMissingError, WebhookDisabledError
        """
        endpoint = self.endpoint(name)
        if not endpoint.enabled:
            raise WebhookDisabledError(id=endpoint.id)
        message = self._dispatcher.fire_test(endpoint, secrets.token_hex(12))
        self._sink(endpoint)
        return message

    def rotate(self, name: str) -> str:
        """A new secret; the one before signs too for a day.

        Raises
        ------
        WebhookMissingError
        """
        endpoint, secret = self.endpoint(name), new_secret(secrets.token_bytes)
        self._store.rotate(endpoint.id, secret, self._now_s() + ROTATION_OVERLAP_S)
        return secret

    def replay(self, name: str, *, message: str | None = None, since: str | None = None) -> int:
        """Send again: one message, or all made since a time (RFC 3339); how many.

        Raises
        ------
        WebhookMissingError
        """
        endpoint = self.endpoint(name)
        if message is not None and self._store.delivery(endpoint.id, message) is None:
            raise WebhookMissingError(id=message[:60])
        count = self._store.replay(endpoint.id, message=message, since=since, now_s=self._now_s())
        self._sink(endpoint)
        return count

    def switch(self, name: str, *, on: bool) -> Endpoint:
        """On again, when it is sent what it missed; or off.

        Raises
        ------
        WebhookMissingError
        """
        endpoint = self.endpoint(name)
        if on:
            self._store.enable(endpoint.id)
        else:
            self._store.disable(endpoint.id, "owner")
        return self.endpoint(name)

    def remove(self, name: str) -> None:
        """The endpoint with its deliveries.

        Raises
        ------
        WebhookMissingError
        """
        self._store.remove(self.endpoint(name).id)

    def deliveries(
        self, name: str, state: str | None = None, before: tuple[str, str] | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Of an endpoint, newest first; ``before`` is (created_at, id) of the last one of the page before.

        Raises
        ------
        WebhookMissingError
        """
        endpoint = self.endpoint(name)
        self._sink(endpoint)
        return self._store.listed(endpoint.id, state=state, before=before, limit=limit)

    def delivery(self, name: str, message: str) -> Delivery:
        """One.

        Raises
        ------
        WebhookMissingError
        """
        found = self._store.delivery(self.endpoint(name).id, message)
        if found is None:
            raise WebhookMissingError(id=message[:60])
        return found

    def _sink(self, endpoint: Endpoint) -> None:
        # Nobody waits for it: it is time enough when somebody looks.
        if endpoint.test and endpoint.enabled:
            self._dispatcher.sink(endpoint, self._view)

    def _now_s(self) -> float:
        return self._clock.now().timestamp()
