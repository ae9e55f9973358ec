"""What commands do with the users and API keys of a tenant: `local` does it on a data folder, `http` on a server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from holdfast.records.account_types import ApiKeySummary, CreateUser, TenantSummary, UserSummary


class UserDirectory(Protocol):
    """The users and API keys of one tenant. `user` is an email address or id. Every method raises HoldfastError."""

    async def tenants(self) -> list[TenantSummary]:
        """The tenants that the caller can see: all on a data folder, their own on a server."""
        ...

    async def users(self) -> list[UserSummary]:
        """All users."""
        ...

    async def create_user(self, user: CreateUser, password: str) -> UserSummary:
        """Creates a user."""
        ...

    async def set_inactive(self, user: str, *, inactive: bool) -> str:
        """Deactivates or activates a user. Returns their email address."""
        ...

    async def end_sessions(self, user: str) -> str:
        """Ends all sessions of a user. Returns their email address."""
        ...

    async def set_password(self, user: str, password: str) -> str:
        """Sets the password of a user and ends their sessions. Returns their email address."""
        ...

    async def api_keys(self) -> list[ApiKeySummary]:
        """All API keys, newest first."""
        ...

    async def create_api_key(
        self, user: str | None, *, scopes: Sequence[str], description: str | None, expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        """Creates a key that acts as a user (None: the caller). Returns its summary and the key itself, which is not stored."""
        ...

    async def revoke_api_key(self, key: str) -> ApiKeySummary:
        """Revokes the key with this id or prefix."""
        ...
