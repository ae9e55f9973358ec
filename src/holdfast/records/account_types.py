"""Tenants, users and API keys as plain data, which commands on a server import without the database."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

EVERYTHING = "*"
"""The scope of an API key that may do all that its user may do."""


class TenantSummary(Struct, frozen=True, kw_only=True):
    """A tenant, and how many users it has."""

    tenant_id: str
    name: str
    created_at: datetime
    users: int


class UserSummary(Struct, frozen=True, kw_only=True):
    """A user. `user_type` is `internal` or `client`; `client_name` is the client of a client user."""

    user_id: str
    email: str
    username: str
    first_name: str | None
    last_name: str | None
    user_type: str
    client_name: str | None
    is_admin: bool
    is_inactive: bool
    created_at: datetime


class CreateUser(Struct, frozen=True, kw_only=True):
    """A user to create. A client user belongs to `client_name`, which is created when the tenant has no such client."""

    email: str
    user_type: Literal["internal", "client"] = "internal"
    first_name: str | None = None
    last_name: str | None = None
    client_name: str | None = None
    is_admin: bool = False


class ApiKeySummary(Struct, frozen=True, kw_only=True):
    """A key without the key itself: `prefix` is its beginning. It acts as the user, within `scopes` (`*` is everything)."""

    api_key_id: str
    prefix: str
    user_id: str
    email: str
    description: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked: bool
