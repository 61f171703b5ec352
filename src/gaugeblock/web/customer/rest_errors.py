"""What the customer's API refuses, each by name. The HTTP status of every code is in ``problems.py``."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class CursorFormError(GaugeblockError):
    """A cursor that was not made here for this list and these filters."""

    code = "web.cursor_form"


class VersionUnknownError(GaugeblockError):
    """A dated version of the API that there is none of. Facts: ``value``, ``known``."""

    code = "web.version_unknown"


class PreconditionMissingError(GaugeblockError):
    """A change without the state it was decided on. Facts: ``path`` to read it."""

    code = "web.precondition_missing"


class PreconditionFailedError(GaugeblockError):
    """What was decided on has changed. Facts: ``path``."""

    code = "web.precondition_failed"


class IdempotencyMissingError(GaugeblockError):
    """An action without an Idempotency-Key, or with a malformed one."""

    code = "web.idempotency_missing"


class IdempotencyConflictError(GaugeblockError):
    """A key that was used for another request."""

    code = "web.idempotency_conflict"


class IdempotencyRunningError(GaugeblockError):
    """The first request with this key is still running."""

    code = "web.idempotency_running"


class QueryUnknownError(GaugeblockError):
    """A query parameter that the operation does not have. Facts: ``name``, ``known``."""

    code = "web.query_unknown"


class BodyMediaTypeError(GaugeblockError):
    """A body that is not said to be JSON."""

    code = "web.body_media_type"


class ExportTooLargeError(LimitError):
    """More rows than one export takes. Facts: ``limit``."""

    code = "web.export_too_large"
