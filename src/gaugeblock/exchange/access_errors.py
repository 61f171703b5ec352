"""What can go wrong with access to the exchange, by name. The words are in the catalogue under ``exchange.error.*``."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class AccessError(GaugeblockError):
    """Base of the errors of access."""


class CustomerUnknownError(AccessError):
    """``plant.toml`` has no such customer. Facts: ``customer``, ``known``."""

    code = "exchange.customer_unknown"


class ScopeUnknownError(AccessError):
    """No such scope, or none at all. Facts: ``scope``, ``known``."""

    code = "exchange.scope_unknown"


class CredentialNameError(AccessError):
    """The name of a credential is too long or cannot be printed. Facts: ``limit``."""

    code = "exchange.credential_name"


class CredentialLimitError(LimitError):
    """The customer has as many credentials in force as may be. Facts: ``customer``, ``limit``."""

    code = "exchange.credential_limit"


class CredentialMissingError(AccessError):
    """No such credential, or none in force. Facts: ``credential``."""

    code = "exchange.credential_missing"


class ClientKeyError(AccessError):
    """Not a public key that a client may have. Facts: ``detail``."""

    code = "exchange.client_key"


class SignInNeededError(AccessError):
    """No credential, or none that is in force."""

    code = "exchange.sign_in_needed"


class ScopeNeededError(AccessError):
    """The credential is good, but not for this. Facts: ``scope``."""

    code = "exchange.scope_needed"


class CrossSiteError(AccessError):
    """A request that another site made in the person's browser, or without the token of our own form."""

    code = "exchange.cross_site"


class TooFastError(AccessError):
    """More answers a second than agreed. Facts: ``seconds``."""

    code = "exchange.too_fast"


class QuotaSpentError(AccessError):
    """All answers of the day are spent. Facts: ``quota``, ``seconds``."""

    code = "exchange.quota_spent"


class NotRecordedError(AccessError):
    """The transfer could not be recorded in time, so nothing is served. Facts: ``detail``."""

    code = "exchange.not_recorded"


class ContractEndedError(AccessError):
    """The contract version ended while the answer was made. Nothing is served."""

    code = "exchange.contract_ended"


class AnswerTooLargeError(LimitError):
    """An answer beyond what is held in memory, and of no known digest. Facts: ``limit_bytes``."""

    code = "exchange.answer_too_large"


class RecorderFullError(LimitError):
    """Too many answers wait for their record. Facts: ``limit``."""

    code = "exchange.recorder_full"


class RequestTooLongError(LimitError):
    """Path, query or headers of the request are too long. Facts: ``what``, ``limit``."""

    code = "exchange.request_too_long"


class AssertionRefusedError(AccessError):
    """A client's assertion is not accepted. Facts: ``reason``: what of it, in protocol terms."""

    code = "exchange.assertion_refused"


class TransferRefusedError(AccessError):
    """The plant does not admit a transfer: the contract version that it names is not in force.

    Facts: ``contract``, ``version``.
    """

    code = "exchange.transfer_refused"
