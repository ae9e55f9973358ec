"""The errors of extension storage. Their codes are upper case, because the contract of the internal API has them so."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError


class StorageError(CodedError):
    """Raised when extension storage rejects a request."""

    STATUSES: ClassVar = {
        # One value, its metadata, its time to live or a batch is larger than allowed.
        "LIMIT_EXCEEDED": 400,
        # The record is missing or has expired.
        "NOT_FOUND": 404,
        # The install would hold more bytes, keys or namespaces than allowed; `details` is `{limit, attempted}`.
        "QUOTA_EXCEEDED": 429,
        # The record is not at the revision that the caller expects.
        "REVISION_MISMATCH": 409,
        # A version of a schema exists with another document.
        "SCHEMA_EXISTS": 409,
        # A namespace, key, cursor, metadata or schema is invalid, or a value does not satisfy the schema of its namespace.
        "VALIDATION_FAILED": 400,
    }
