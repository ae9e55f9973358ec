"""The errors of tenants, users and API keys."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class InvalidAccount(HoldfastError):
    """Raised for invalid data of a tenant or a user. `details.field` names the field."""

    code = "invalid_account"
    status = 400


class TenantExists(HoldfastError):
    """Raised when a tenant's id is taken."""

    code = "tenant_exists"
    status = 409


class TenantUnknown(HoldfastError):
    """Raised when the tenant does not exist."""

    code = "tenant_unknown"
    status = 404


class EmailTaken(HoldfastError):
    """Raised when another user, of any tenant, has the email address: users sign in with it."""

    code = "email_taken"
    status = 409


class UserUnknown(HoldfastError):
    """Raised when a tenant has no such user."""

    code = "user_unknown"
    status = 404


class InvalidScopes(HoldfastError):
    """Raised for invalid scopes, or for scopes that the creator of the key does not have."""

    code = "invalid_scopes"
    status = 400


class InvalidKey(HoldfastError):
    """Raised when a key would have expired already, or its description is too long."""

    code = "invalid_api_key"
    status = 400


class ApiKeyUnknown(HoldfastError):
    """Raised when a tenant has no such key."""

    code = "api_key_unknown"
    status = 404


class AmbiguousApiKey(HoldfastError):
    """Raised when several keys have the given prefix."""

    code = "ambiguous_api_key"
    status = 409
