"""What can go wrong with a webhook, by name. The words are in the catalogue under ``exchange.error.webhook_*``."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class WebhookError(GaugeblockError):
    """Base of what is refused of a webhook."""


class WebhookUrlError(WebhookError):
    """An address that is not called: its form, its scheme, its port. Facts: ``url``, ``detail``."""

    code = "exchange.webhook_url"


class WebhookAddressError(WebhookError):
    """The name leads into a network that is not called. Facts: ``host``, ``address``."""

    code = "exchange.webhook_address"


class WebhookNameError(WebhookError):
    """The name does not resolve. Facts: ``host``."""

    code = "exchange.webhook_name"


class WebhookNetworkError(WebhookError):
    """A network in ``webhook_private_networks`` that is none. Facts: ``network``."""

    code = "exchange.webhook_network"


class WebhookSecretError(WebhookError):
    """Not a ``whsec_`` secret of 24 to 64 bytes."""

    code = "exchange.webhook_secret"


class WebhookSignatureError(WebhookError):
    """None of the signatures fits the secret, or the time is too far off."""

    code = "exchange.webhook_signature"


class WebhookEventTypeError(WebhookError):
    """No such event type. Facts: ``event_type``."""

    code = "exchange.webhook_event_type"


class WebhookLimitError(WebhookError):
    """A customer has as many endpoints as allowed. Facts: ``limit``."""

    code = "exchange.webhook_limit"


class WebhookMissingError(WebhookError):
    """No such endpoint or delivery of this customer. Facts: ``id``."""

    code = "exchange.webhook_missing"


class WebhookDisabledError(WebhookError):
    """The endpoint is switched off; enable it before firing at it. Facts: ``id``."""

    code = "exchange.webhook_disabled"
