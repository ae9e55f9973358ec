"""The users of a running platform, which does the work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from holdfast.client.location.connection import PlatformConnection
from holdfast.records.account_types import ApiKeySummary, CreateUser, TenantSummary, UserSummary

T = TypeVar("T")


class PlatformUserDirectory:
    """The `UserDirectory` of one tenant of a running platform; None is the development tenant."""

    def __init__(self, connection: PlatformConnection, tenant: str | None) -> None:
        self._connection = connection
        self._tenant = tenant

    async def tenants(self) -> list[TenantSummary]:
        return await self._call("tenants", list[TenantSummary])

    async def users(self) -> list[UserSummary]:
        return await self._call("users", list[UserSummary])

    async def create_user(self, user: CreateUser, password: str) -> UserSummary:
        return await self._call("create_user", UserSummary, user=user, password=password)

    async def set_inactive(self, user: str, *, inactive: bool) -> str:
        return await self._call("set_inactive", str, user=user, inactive=inactive)

    async def end_sessions(self, user: str) -> str:
        return await self._call("end_sessions", str, user=user)

    async def set_password(self, user: str, password: str) -> str:
        return await self._call("set_password", str, user=user, password=password)

    async def api_keys(self) -> list[ApiKeySummary]:
        return await self._call("api_keys", list[ApiKeySummary])

    async def create_api_key(
        self, user: str | None, *, scopes: Sequence[str], description: str | None, expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        given = {"scopes": scopes, "description": description, "expires_at": expires_at}
        return await self._call("create_api_key", tuple[ApiKeySummary, str], user=user, **given)

    async def revoke_api_key(self, key: str) -> ApiKeySummary:
        return await self._call("revoke_api_key", ApiKeySummary, key=key)

    async def _call(self, operation: str, kind: type[T], **arguments: Any) -> T:
        return await self._connection.call(f"users.{operation}", kind, arguments, tenant=self._tenant)
