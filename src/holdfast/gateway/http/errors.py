"""What the gateway refuses, each with the code and status that callers know."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class Unauthenticated(HoldfastError):
    """Raised when a request carries no valid session or API key."""

    code = "unauthenticated"
    status = 401


class InvalidSession(HoldfastError):
    """Raised when a session's user contradicts itself."""

    code = "invalid_session"
    status = 401


class MixedAuth(HoldfastError):
    """Raised when a request carries two different credentials."""

    code = "mixed_auth"
    status = 401


class TenantMismatch(HoldfastError):
    """Raised when a request names a tenant that is not the caller's."""

    code = "tenant_mismatch"
    status = 403


class OriginMismatch(HoldfastError):
    """Raised when a browser's request comes from a page of another origin."""

    code = "origin_mismatch"
    status = 403


class Forbidden(HoldfastError):
    """Raised when the caller may not do this."""

    code = "forbidden"
    status = 403


class ExtensionNotAvailable(HoldfastError):
    """Raised when the caller's tenant has no such extension, or has it switched off."""

    code = "extension_not_available"
    status = 404


class EndpointNotFound(HoldfastError):
    """Raised when the extension declares no endpoint for this method and path."""

    code = "endpoint_not_found"
    status = 404


class NotInstalled(HoldfastError):
    """Raised when an install vanished, or lost its bundle, between the check and the call."""

    code = "not_installed"
    status = 404


class InvalidRequest(HoldfastError):
    """Raised when a request is not of the required form."""

    code = "invalid_request"
    status = 400


class PayloadTooLarge(HoldfastError):
    """Raised when a request body exceeds its limit; it is not read to its end."""

    code = "payload_too_large"
    status = 413


class RequestTimeout(HoldfastError):
    """Raised when a request body does not arrive in time."""

    code = "request_timeout"
    status = 408


class RateLimited(HoldfastError):
    """Raised when the tenant called the extension too often; `retry_after_seconds` says when to come back."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, retry_after_seconds: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, details={"retryAfterSeconds": retry_after_seconds})
        self.retry_after_seconds = retry_after_seconds


class AccessPolicyUnavailable(HoldfastError):
    """Raised when it cannot be decided or recorded who may call, so nobody may."""

    code = "access_policy_unavailable"
    status = 503


class ExtensionBusy(HoldfastError):
    """Raised when the runner has as many calls of the extension, or of all, as it may."""

    code = "extension_busy"
    status = 503
    retry_after_seconds = 1


class BadGateway(HoldfastError):
    """Raised when the runner cannot be reached, or the extension failed. `details.code` says which and how."""

    code = "bad_gateway"
    status = 502


class GatewayTimeout(HoldfastError):
    """Raised when the extension did not answer within its deadline."""

    code = "gateway_timeout"
    status = 504


class ServiceUnauthorized(HoldfastError):
    """Raised when a call to an internal API does not carry the service token."""

    code = "unauthorized"
    status = 401


class InstallNotFound(HoldfastError):
    """Raised when an internal API is asked about an install that does not exist or is switched off."""

    code = "install_not_found"
    status = 404


class NotAvailable(HoldfastError):
    """Raised by internal APIs that this gateway does not serve."""

    code = "not_available"
    status = 501


class InsecureToken(HoldfastError):
    """Raised at the start, in production, for a token everybody knows or none at all."""

    code = "insecure_token"
    status = 500
