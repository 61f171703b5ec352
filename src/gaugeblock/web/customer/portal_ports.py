"""What the portal and the customer's pages need from the exchange process, beside the view that the gate gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gaugeblock.exchange.address_guard import AddressGuard
from gaugeblock.exchange.customer_commands import CustomerStep, NewDocument, Posted
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.webhook_dispatch import WebhookDispatcher
from gaugeblock.plant.language import LANGUAGES, Language
from gaugeblock.plant.times import Clock
from gaugeblock.stores.exchange_state import RequestRow
from gaugeblock.stores.webhooks import WebhookStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSettings:
    """What pages say about the plant.

    Parameters
    ----------
    plant_name, plant_name_en
        The enterprise's name; the English one where it has one.
    public_url
        What customers call.
    log_origin, log_key
        The log's name and public key (C2SP vkey), for verifying.
    sandbox_key, sandbox_log_key
        A key that reads the seeded data, and the key of the log it is in; ``None`` where there is no sandbox.
    webhook_key
        Public half of the key of ``v1a`` signatures (``whpk_…``), where the exchange has one.
    languages_of
        By customer: that of the pages they see first.
    """

    plant_name: str
    version: str
    public_url: str
    log_origin: str
    log_key: str
    plant_name_en: str | None = None
    language: Language = "en"
    languages: tuple[Language, ...] = LANGUAGES
    languages_of: Mapping[str, Language] = field(default_factory=dict)
    sandbox_key: str | None = None
    sandbox_log_key: str | None = None
    webhook_key: str | None = None

    @property
    def secure_cookies(self) -> bool:
        """Where customers come by https."""
        return self.public_url.startswith("https://")

    def name(self, language: Language) -> str:
        """The plant's name in a language."""
        return self.plant_name_en or self.plant_name if language == "en" else self.plant_name


class BlobBytes(Protocol):
    """Bytes by digest."""

    def get(self, sha256: str) -> bytes:
        """Raises ``stores.blob_missing``."""
        ...


class SignIn(Protocol):
    """People of customers and their sessions. Calls block (a password hash takes 0.1 s): never on the event loop."""

    def sign_in(self, customer: str, name: str, password: str) -> str:
        """A fresh session token.

        Raises
        ------
        GaugeblockError
            ``stores.login_refused`` or ``stores.login_throttled``.
        """
        ...

    def sign_out(self, token: str) -> None:
        """Ends a session."""
        ...


class RequestLog(Protocol):
    """The customer's own requests, newest first: :class:`gaugeblock.stores.exchange_state.ExchangeState`."""

    def requests(
        self,
        customer: str,
        *,
        text: str = "",
        method: str | None = None,
        status: int | None = None,
        since: str | None = None,
        until: str | None = None,
        before: tuple[int, int] | None = None,
        limit: int = 100,
    ) -> tuple[list[RequestRow], tuple[int, int] | None]:
        """Those that fit, and where the next page begins."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """What a customer says by a form. ``thread`` empty: it opens one."""

    kind: str
    thread: str = ""
    text: str = ""
    order: str | None = None
    lot: str | None = None
    unit: str | None = None
    date: str | None = None
    units: tuple[str, ...] = ()
    quantity: int | None = None
    defect: str | None = None
    severity: str | None = None


class Collaboration(Protocol):
    """What a customer may state, each a record before it returns:
    :class:`gaugeblock.exchange.customer_commands.CustomerCommands`."""

    def say(
        self,
        view: CustomerView,
        credential: str,
        request: str,
        message: NewMessage,
        documents: Sequence[NewDocument] = (),
    ) -> Posted:
        """A message with what goes with it; the thread it is in.

        Raises
        ------
        GaugeblockError
            It is not theirs to say, now.
        """
        ...

    def take_step(
        self, view: CustomerView, credential: str, request: str, contract: str, version: int, step: CustomerStep
    ) -> int:
        """Accept, decline or revoke a version of a contract; the record's index."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalServices:
    """Everything the handlers of the portal and the pages read; in the application's state under ``portal``.

    ``schema`` gives the OpenAPI document, ``workbook`` an order's results as xlsx, ``sandbox_collaboration`` takes what
    is stated in the sandbox. Parts that a process does not have are ``None``, and their pages are not there.
    """

    settings: PortalSettings
    clock: Clock
    blobs: BlobBytes
    people: SignIn
    requests: RequestLog
    collaboration: Collaboration
    webhooks: WebhookStore
    dispatcher: WebhookDispatcher
    guard: AddressGuard
    schema: Callable[[], Mapping[str, Any]]
    workbook: Callable[[CustomerView, str], bytes] | None = None
    sandbox_collaboration: Collaboration | None = None
