"""The errors of the gateway, each with the stable code and status that clients know."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from holdfast.errors import CodedError, HoldfastError
from holdfast.http.token_bucket import Decision

Code = Literal[
    "access_policy_unavailable",
    "already_developed",
    "development_only",
    "development_unavailable",
    "endpoint_not_found",
    "extension_not_available",
    "forbidden",
    "insecure_token",
    "install_not_found",
    "internal_error",
    "missing_host",
    "mixed_auth",
    "not_found",
    "not_installed",
    "origin_mismatch",
    "payload_too_large",
    "request_timeout",
    "tenant_mismatch",
    "unauthorized",
]


class GatewayError(CodedError):
    """Raised for a request that the gateway rejects or cannot serve. Errors that callers tell apart by type have classes of their own."""

    STATUSES: ClassVar = {
        # Access cannot be decided or recorded, so it is denied.
        "access_policy_unavailable": 503,
        # Another `holdfast dev` reports the state of this extension.
        "already_developed": 409,
        # The request is for platforms in development, and this one runs in production.
        "development_only": 403,
        # The platform runs in a way that `holdfast dev` cannot work with.
        "development_unavailable": 409,
        # The extension declares no endpoint for this method and path.
        "endpoint_not_found": 404,
        # The caller's tenant does not have the extension, or has disabled it.
        "extension_not_available": 404,
        # The caller lacks a permission.
        "forbidden": 403,
        # At the start, in production: a service token is missing or one of the published defaults.
        "insecure_token": 500,
        # Internal API: the install does not exist or is disabled.
        "install_not_found": 404,
        "internal_error": 500,
        # Internal API: a look-up by host names no host.
        "missing_host": 400,
        # The request carries two different credentials.
        "mixed_auth": 401,
        # Internal API: no enabled install has the host.
        "not_found": 404,
        # The install was removed, or lost its bundle, between the access check and the call.
        "not_installed": 404,
        # A browser sent the request from a page of another origin.
        "origin_mismatch": 403,
        # The body exceeds its limit; the rest of it is not read.
        "payload_too_large": 413,
        # The body did not arrive in time.
        "request_timeout": 408,
        # The request names a tenant other than the caller's.
        "tenant_mismatch": 403,
        # Internal API: the service token is missing or wrong.
        "unauthorized": 401,
    }

    def __init__(self, code: Code, message: str, *, hint: str | None = None, details: Any = None) -> None:
        super().__init__(code, message, hint=hint, details=details)


class Unauthenticated(CodedError):
    """Raised when a request carries no valid session or API key, or a session whose user is inconsistent."""

    STATUSES: ClassVar = {"unauthenticated": 401, "invalid_session": 401}

    def __init__(self, code: Literal["unauthenticated", "invalid_session"], message: str, *, hint: str | None = None) -> None:
        super().__init__(code, message, hint=hint)


class InvalidRequest(HoldfastError):
    """Raised when a request does not have the required shape."""

    code = "invalid_request"
    status = 400


class RateLimited(HoldfastError):
    """Raised when a caller exceeds a rate limit.

    `retry_after_seconds` says when it may try again; `limit` names the limit where there are several, and `decision` is its state.
    """

    code = "rate_limited"
    status = 429

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: int,
        hint: str | None = None,
        limit: str | None = None,
        decision: Decision | None = None,
    ) -> None:
        details: dict[str, Any] = {"retryAfterSeconds": retry_after_seconds}
        if limit is not None:
            details["limit"] = limit
        super().__init__(message, hint=hint, details=details)
        self.retry_after_seconds = retry_after_seconds
        self.decision = decision


class QuotaExceeded(RateLimited):
    """Raised when an install has used up one of its quotas of the day. `details` say which, and when it begins again."""

    code = "quota_exceeded"

    def __init__(self, *, quota: str, limit: int, used: int, resets_at: datetime, retry_after_seconds: int, hint: str) -> None:
        super().__init__(f"This extension has used up its quota of the day: {quota}.", retry_after_seconds=retry_after_seconds, hint=hint)
        self.details |= {"quota": quota, "limit": limit, "used": used, "resetsAt": resets_at.isoformat().replace("+00:00", "Z")}


class ExtensionBusy(HoldfastError):
    """Raised when the runner already runs as many calls, of the extension or in total, as it may."""

    code = "extension_busy"
    status = 503
    retry_after_seconds = 1


class BeingPrepared(HoldfastError):
    """Raised when a runner still fetches or compiles the extension's bundle."""

    code = "being_prepared"
    status = 503
    retry_after_seconds = 2


class BadGateway(HoldfastError):
    """Raised when the runner is unreachable or the extension failed. `details.code` says which, and how."""

    code = "bad_gateway"
    status = 502


class GatewayTimeout(HoldfastError):
    """Raised when the extension did not respond within its deadline."""

    code = "gateway_timeout"
    status = 504
