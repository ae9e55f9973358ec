"""The errors of tenants, users and API keys. A rejected login has a class of its own, in `accounts`."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError


class AccountError(CodedError):
    """Raised when a tenant, a user or an API key does not exist or cannot be created or changed."""

    STATUSES: ClassVar = {
        # Several keys have the given prefix.
        "ambiguous_api_key": 409,
        "api_key_unknown": 404,
        # Another user, of any tenant, has the email address: users sign in with it.
        "email_taken": 409,
        # Invalid data of a tenant or a user; `details.field` names the field.
        "invalid_account": 400,
        # The key would have expired already, or its description is too long.
        "invalid_api_key": 400,
        # Scopes that are malformed, or that the creator of the key does not have.
        "invalid_scopes": 400,
        "tenant_exists": 409,
        "tenant_unknown": 404,
        "user_unknown": 404,
    }
