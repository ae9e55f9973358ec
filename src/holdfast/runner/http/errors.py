"""The errors of requests that do not become a call."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class NotAuthorised(HoldfastError):
    """Raised when the request does not carry the service token."""

    code = "unauthorized"
    status = 401


class UnsupportedBody(HoldfastError):
    """Raised when a request does not declare the content type that the operation needs."""

    code = "unsupported_media_type"
    status = 415


class BodyTooLarge(HoldfastError):
    """Raised when a request body is larger than the limit."""

    code = "body_too_large"
    status = 413


class BodyTooSlow(HoldfastError):
    """Raised when a request body does not arrive in time."""

    code = "request_timeout"
    status = 408


class MalformedBody(HoldfastError):
    """Raised when a body is not JSON."""

    code = "malformed_json"
    status = 400


class WrongShape(HoldfastError):
    """Raised when a body is JSON without the required fields and types."""

    code = "invalid_request"
    status = 422


class WarmupIncomplete(HoldfastError):
    """Raised when a warm-up does not name tenant, extension and content hash."""

    code = "warmup_incomplete"
    status = 400


class InvalidIdempotencyKey(HoldfastError):
    """Raised when an idempotency key is too long."""

    code = "invalid_idempotency_key"
    status = 400


class InvalidUiHash(HoldfastError):
    """Raised when the address of a page does not contain `sha256:` and 64 hexadecimal digits."""

    code = "invalid_content_hash"
    status = 400


class InvalidUiPath(HoldfastError):
    """Raised when the path of a page leaves the page's folder, has hidden parts, or names a type of file that is not served."""

    code = "invalid_path"
    status = 400


class UiNotFound(HoldfastError):
    """Raised when a page does not exist, or not for this caller; the message does not say which of the two."""

    code = "not_found"
    status = 404


class AssetTooLarge(HoldfastError):
    """Raised when a file of a page is larger than EXT_STATIC_MAX_FILE_BYTES."""

    code = "asset_too_large"
    status = 413


class Stopping(HoldfastError):
    """Raised when the runner ends before a request gets its response."""

    code = "stopping"
    status = 503


class ServiceTokenUnusable(HoldfastError):
    """Raised at start when RUNNER_SERVICE_TOKEN is missing or a well-known default."""

    code = "service_token_unusable"
