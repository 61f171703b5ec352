"""What the pages and the HTTP API refuse, each by name. The HTTP status of every code is in ``problems.py``."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class SignInRequiredError(GaugeblockError):
    """Nobody is signed in."""

    code = "web.sign_in_required"


class RoleRequiredError(GaugeblockError):
    """Somebody is signed in whose role does not reach. Facts: ``role``, ``needed``."""

    code = "web.role_required"


class ThrottledError(GaugeblockError):
    """Too many failed sign-ins from one address or for one name. Facts: ``seconds``."""

    code = "web.throttled"


class CsrfError(GaugeblockError):
    """A form or an unsafe call by session without the session's own token."""

    code = "web.csrf"


class PasswordRepeatError(GaugeblockError):
    """The new password was not typed the same way twice."""

    code = "web.password_repeat"


class NotFoundError(GaugeblockError):
    """Nothing is at this address. Facts: ``path``."""

    code = "web.not_found"


class RecordNotFoundError(GaugeblockError):
    """The log has no such record. Facts: ``index``, ``log_size``."""

    code = "web.record_not_found"


class InspectionNotFoundError(GaugeblockError):
    """The record is not a verdict, or is not yet projected. Facts: ``index``."""

    code = "web.inspection_not_found"


class UnitNotFoundError(GaugeblockError):
    """No record speaks of this unit. Facts: ``unit``."""

    code = "web.unit_not_found"


class TileNotFoundError(GaugeblockError):
    """The log has no such tile, or has not grown so far. Facts: ``path``."""

    code = "web.tile_not_found"


class CosignatureNotFoundError(GaugeblockError):
    """No witness has cosigned a checkpoint of this log yet."""

    code = "web.cosignature_not_found"


class BodyTooLargeError(GaugeblockError):
    """The request's body exceeds its limit. Facts: ``limit_bytes``."""

    code = "web.body_too_large"


class TooManyRecordsError(GaugeblockError):
    """More records in one request than allowed. Facts: ``count``, ``limit``."""

    code = "web.too_many_records"


class BadRequestError(GaugeblockError):
    """The request does not have its documented shape. Facts: ``detail``."""

    code = "web.bad_request"


class KeyHeaderError(GaugeblockError):
    """``Authorization: Gaugeblock-Key`` is missing or malformed. Facts: ``detail``."""

    code = "web.key_header"


class KeyRefusedError(GaugeblockError):
    """The header's key is unknown or revoked, or its signature is wrong. Facts: ``kid``."""

    code = "web.key_refused"


class KeyTimeError(GaugeblockError):
    """The header's time is too far from ours. Facts: ``skew_s``, ``limit_s``."""

    code = "web.key_time"


class DigestMismatchError(GaugeblockError):
    """The bytes received do not have the digest in the address. Facts: ``sha256``, ``actual``."""

    code = "web.digest_mismatch"


class TooManyListenersError(GaugeblockError):
    """All places at the event stream are taken. Facts: ``limit``."""

    code = "web.too_many_listeners"


class BusyError(GaugeblockError):
    """The log's queue did not answer in time; what was sent may be sent again. Facts: ``seconds``."""

    code = "web.busy"


class MethodNotAllowedError(GaugeblockError):
    """The address exists, but not for this method. Facts: ``method``."""

    code = "web.method_not_allowed"


class ConfirmationMissingError(GaugeblockError):
    """A decision was sent without its confirmation ticked."""

    code = "web.confirmation_missing"


class CostsNumberError(GaugeblockError):
    """Costs or defect rate are not numbers."""

    code = "web.costs_number"
