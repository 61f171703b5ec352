"""What the customer's pages refuse, each by name."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class PageSignInError(GaugeblockError):
    """Nobody of a customer is signed in."""

    code = "web.customer_sign_in"


class PageFormError(GaugeblockError):
    """A form without the session's own token, or from another site."""

    code = "web.customer_form"


class PageMissingError(GaugeblockError):
    """Nothing is here, or nothing for this customer: the same words for both."""

    code = "web.customer_missing"


class PageInputError(GaugeblockError):
    """A form was filled in another way than it asks for. Facts: ``field``."""

    code = "web.customer_input"
