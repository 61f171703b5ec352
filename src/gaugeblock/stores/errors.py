"""What can go wrong with a store, by name. The words are in the catalogue under ``stores.error.*``."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError


class StoreError(GaugeblockError):
    """Base of the stores' errors."""


class StoreUnavailableError(StoreError):
    """The database does not answer, or answered with a fault. Facts: ``store``, ``detail``."""

    code = "stores.unavailable"


class StoreFullError(StoreError):
    """No space left for what was to be written; nothing acknowledged is touched. Facts: ``store``, ``detail``."""

    code = "stores.full"


class StoreBusyError(StoreError):
    """Another process held the database longer than the wait limit. Facts: ``store``."""

    code = "stores.busy"


class StoreDamagedError(StoreError):
    """The database file itself is not readable as one. Facts: ``store``, ``detail``."""

    code = "stores.damaged"


class StoreUrlError(StoreError):
    """The database URL is neither SQLite nor PostgreSQL. Facts: ``url``."""

    code = "stores.url"


class StoreNewerError(StoreError):
    """A newer program wrote this database. Facts: ``family``, ``found``, ``known``."""

    code = "stores.newer"


class StoreOlderError(StoreError):
    """A reader met a database that its owner has not upgraded yet. Facts: ``family``, ``found``, ``known``."""

    code = "stores.older"


class StoreMissingError(StoreError):
    """There is no such store here. Facts: ``family``, ``store``."""

    code = "stores.missing"


class LogLockedError(StoreError):
    """Another process is this log's writer. Facts: ``store``."""

    code = "stores.log_locked"


class LogExistsError(StoreError):
    """A log was to be created where one is. Facts: ``store``, ``size``."""

    code = "stores.log_exists"


class LogOriginError(StoreError):
    """The stored log, or its signing key, is another one. Facts: ``expected``, ``found``."""

    code = "stores.log_origin"


class LogDamagedError(StoreError):
    """A stored part of the log is not what it was. Facts: ``part``, ``position``, ``detail``.

    ``part`` is one of ``record``, ``disclosure``, ``tile``, ``checkpoint``, ``key_index``, ``database``;
    ``position`` is the record's index, ``level/number`` of the tile, or the checkpoint's size.
    """

    code = "stores.log_damaged"


class LogShortenedError(StoreError):
    """The log holds fewer records than a checkpoint that it signed. Facts: ``size``, ``checkpoint_size``."""

    code = "stores.log_shortened"


class LogClosedError(StoreError):
    """The log, or its writer, was closed. No facts."""

    code = "stores.log_closed"


class IdentityConflictError(StoreError):
    """Same author and identity, other bytes. Facts: ``author``, ``identity``, ``index``."""

    code = "stores.identity_conflict"


class QueueFullError(StoreError):
    """More submissions wait than the writer's bound; send again later. Facts: ``limit``."""

    code = "stores.queue_full"


class RecordMissingError(StoreError):
    """There is no record at this index. Facts: ``index``, ``size``."""

    code = "stores.record_missing"


class TileMissingError(StoreError):
    """There is no such tile, or its width is beyond the log. Facts: ``path``."""

    code = "stores.tile_missing"


class CheckpointPendingError(StoreError):
    """The record is stored but no signed checkpoint covers it yet. Facts: ``index``, ``checkpoint_size``."""

    code = "stores.checkpoint_pending"


class ProjectionGapError(StoreError):
    """A projection stands beyond the log, or the log has no record where one must be.

    Facts: ``projection``, ``position``, ``size``.
    """

    code = "stores.projection_gap"


class ProjectionForeignError(StoreError):
    """A projection was built from another log. Facts: ``projection``, ``position``."""

    code = "stores.projection_foreign"


class ProjectionChangeError(StoreError):
    """A projection gave a change that its tables cannot take. Facts: ``projection``, ``index``, ``detail``."""

    code = "stores.projection_change"


class ProjectionUnknownError(StoreError):
    """There is no projection of this name. Facts: ``projection``."""

    code = "stores.projection_unknown"


class SnapshotDamagedError(StoreError):
    """A snapshot file is not what was written. Facts: ``path``, ``detail``."""

    code = "stores.snapshot_damaged"


class BlobMissingError(StoreError):
    """No blob with this digest. Facts: ``sha256``."""

    code = "stores.blob_missing"


class BlobCorruptError(StoreError):
    """A stored blob's bytes do not match its digest. Facts: ``sha256``."""

    code = "stores.blob_corrupt"


class BlobTooLargeError(StoreError):
    """A blob exceeds the bound. Facts: ``size_bytes``, ``limit_bytes``."""

    code = "stores.blob_too_large"


class BlobDigestError(StoreError):
    """Not a SHA-256 in lower-case hex, or not the one announced. Facts: ``value``."""

    code = "stores.blob_digest"


class JobUnknownError(StoreError):
    """No such job. Facts: ``job``."""

    code = "stores.job_unknown"


class JobKindError(StoreError):
    """No function is registered for this kind of job. Facts: ``kind``."""

    code = "stores.job_kind"


class JobTooLargeError(StoreError):
    """Arguments, result or saved state exceed the bound. Facts: ``what``, ``size_bytes``, ``limit_bytes``."""

    code = "stores.job_too_large"


class JobQueueFullError(StoreError):
    """Too many jobs wait. Facts: ``limit``."""

    code = "stores.job_queue_full"


class JobCancelledError(StoreError):
    """The job was cancelled; raised in the job function by :meth:`JobContext.raise_if_cancelled`. Facts: ``job``."""

    code = "stores.job_cancelled"


class JobLostError(StoreError):
    """The worker lost its job to another attempt; raised in a job function that lives too long. Facts: ``job``."""

    code = "stores.job_lost"


class JobTimeoutError(StoreError):
    """The job ran longer than its limit and was stopped. Facts: ``job``, ``timeout_s``."""

    code = "stores.job_timeout"


class JobWorkerDiedError(StoreError):
    """The worker process died in every attempt. Facts: ``job``, ``attempts``, ``exit_code``."""

    code = "stores.job_worker_died"


class JobFaultError(StoreError):
    """The job function raised something that is not a named error. Facts: ``job``, ``detail``."""

    code = "stores.job_fault"


class UserExistsError(StoreError):
    """The user name is taken. Facts: ``name``."""

    code = "stores.user_exists"


class UserUnknownError(StoreError):
    """No such user. Facts: ``name``."""

    code = "stores.user_unknown"


class UserNameError(StoreError):
    """The user name has characters or a length that is not allowed. Facts: ``name``."""

    code = "stores.user_name"


class PasswordWeakError(StoreError):
    """The password is too short or too long. Facts: ``least``, ``most``."""

    code = "stores.password_weak"


class LoginRefusedError(StoreError):
    """Wrong name or password; deliberately does not say which. No facts."""

    code = "stores.login_refused"


class LoginThrottledError(StoreError):
    """Too many failed logins. Facts: ``wait_s``."""

    code = "stores.login_throttled"


class SessionInvalidError(StoreError):
    """The session is unknown, expired or revoked. No facts."""

    code = "stores.session_invalid"


class LastAdminError(StoreError):
    """The change would leave no administrator. Facts: ``name``."""

    code = "stores.last_admin"


class KeyFileOpenError(StoreError):
    """Others may read a private key file or its directory. Facts: ``path``, ``mode``."""

    code = "stores.key_file_open"


class KeyFileMissingError(StoreError):
    """No key file for this entity. Facts: ``entity``, ``path``."""

    code = "stores.key_file_missing"


class KeyFileExistsError(StoreError):
    """A key file for this entity is there and is not overwritten. Facts: ``entity``, ``path``."""

    code = "stores.key_file_exists"


class KeyFileDamagedError(StoreError):
    """The key file does not hold an Ed25519 private key. Facts: ``path``."""

    code = "stores.key_file_damaged"


class EntityNameError(StoreError):
    """Not an entity name like ``station:L1-ST10``. Facts: ``entity``."""

    code = "stores.entity_name"


class ModuleFileMissingError(StoreError):
    """No file of this module is kept. Facts: ``sha256``, ``file``."""

    code = "stores.module_file_missing"


class ModuleFileDamagedError(StoreError):
    """A module's file does not have the digest of its name. Facts: ``sha256``, ``file``."""

    code = "stores.module_file_damaged"


class ModuleFileTooLargeError(StoreError):
    """A module above the size limit. Facts: ``size_bytes``, ``limit_bytes``."""

    code = "stores.module_file_too_large"


class CheckpointUnknownError(GaugeblockError):
    """A cosigned note is no checkpoint of this log. Facts: ``size``."""

    code = "stores.checkpoint_unknown"


class WitnessUnknownError(GaugeblockError):
    """A cosigned checkpoint carries no line of a witness named in ``plant.toml``. Facts: ``known``."""

    code = "stores.witness_unknown"
