"""The errors of extension storage. Their codes are upper case, because the contract of the internal API has them so."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class StorageError(HoldfastError):
    """The base of the errors of extension storage."""


class ValidationFailed(StorageError):
    """Raised when a namespace, key, cursor or metadata is invalid."""

    code = "VALIDATION_FAILED"
    status = 400


class LimitExceeded(StorageError):
    """Raised when one value, metadata, time to live or batch is larger than allowed."""

    code = "LIMIT_EXCEEDED"
    status = 400


class RecordNotFound(StorageError):
    """Raised when a record is missing or has expired."""

    code = "NOT_FOUND"
    status = 404


class RevisionMismatch(StorageError):
    """Raised when a record is not at the revision the caller expects."""

    code = "REVISION_MISMATCH"
    status = 409


class QuotaExceeded(StorageError):
    """Raised when an install would hold more bytes, keys or namespaces than allowed. `details` is `{limit, attempted}`."""

    code = "QUOTA_EXCEEDED"
    status = 429
