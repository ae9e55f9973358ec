"""The users of a server, over its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

from holdfast.client.connection import ServerConnection, open_connection
from holdfast.client.decoding import read_result, read_shape
from holdfast.client.target import ServerTarget
from holdfast.contract.registry_api import ApiKeyResult, TenantResult, UserResult
from holdfast.errors import HoldfastError
from holdfast.records.account_types import ApiKeySummary, CreateUser, TenantSummary, UserSummary
from holdfast.records.database.uuids import as_uuid
from holdfast.records.errors import AccountError

_USERS = "/api/v1/users"
_KEYS = "/api/v1/api-keys"


class KeyForAnotherUser(HoldfastError):
    """Raised for a key that acts as another user, which a server does not create."""

    code = "keys_are_their_own"
    status = 400


class ServerUserDirectory:
    """The `UserDirectory` of a server, for the tenant of the API key."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def tenants(self) -> list[TenantSummary]:
        return read_result(list[TenantResult], list[TenantSummary], await self._connection.call("GET", "/api/v1/tenants"), "tenants")

    async def users(self) -> list[UserSummary]:
        return read_result(list[UserResult], list[UserSummary], await self._connection.call("GET", _USERS), "users")

    async def create_user(self, user: CreateUser, password: str) -> UserSummary:
        body: dict[str, Any] = {"email": user.email, "userType": user.user_type, "isAdmin": user.is_admin, "password": password}
        body |= {"firstName": user.first_name, "lastName": user.last_name, "clientName": user.client_name}
        return read_result(UserResult, UserSummary, await self._connection.call("POST", _USERS, json=body), "user")

    async def set_inactive(self, user: str, *, inactive: bool) -> str:
        return read_shape(str, await self._connection.call("PATCH", _user(user), json={"isInactive": inactive}), "email")

    async def end_sessions(self, user: str) -> str:
        return read_shape(str, await self._connection.call("DELETE", f"{_user(user)}/sessions"), "email")

    async def set_password(self, user: str, password: str) -> str:
        return read_shape(str, await self._connection.call("PATCH", _user(user), json={"password": password}), "email")

    async def api_keys(self) -> list[ApiKeySummary]:
        return read_result(list[ApiKeyResult], list[ApiKeySummary], await self._connection.call("GET", _KEYS), "apiKeys")

    async def create_api_key(
        self, user: str | None, *, scopes: Sequence[str], description: str | None, expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        if user is not None:
            raise KeyForAnotherUser(
                "On a server, an API key always acts as the user who creates it.", hint="Omit --user, or ask that user to create the key."
            )
        body: dict[str, Any] = {"scopes": list(scopes), "description": description}
        if expires_at is not None:
            body["expiresAt"] = expires_at.isoformat()
        created = await self._connection.call("POST", _KEYS, json=body)
        return read_result(ApiKeyResult, ApiKeySummary, created, "apiKey"), read_shape(str, created, "key")

    async def revoke_api_key(self, key: str) -> ApiKeySummary:
        # Never the key itself in an address: addresses are logged.
        key_id = as_uuid(key) or _id_of(key, await self.api_keys())
        return read_result(ApiKeyResult, ApiKeySummary, await self._connection.call("DELETE", f"{_KEYS}/{key_id}"), "apiKey")


@asynccontextmanager
async def open_server_users(target: ServerTarget) -> AsyncIterator[ServerUserDirectory]:
    """The users of a server's tenant, for one command."""
    async with open_connection(target) as connection:
        yield ServerUserDirectory(connection)


def _user(user: str) -> str:
    return f"{_USERS}/{quote(user, safe='@')}"


def _id_of(prefix: str, keys: Sequence[ApiKeySummary]) -> str:
    """The id of the key with this prefix, preferably one that is not revoked.

    Raises AccountError (`api_key_unknown`, `ambiguous_api_key`).
    """
    found = sorted((one for one in keys if one.prefix == prefix), key=lambda one: one.revoked)
    if not found:
        raise AccountError("api_key_unknown", "No such API key found.", hint="`holdfast keys api list` shows the keys with their ids.")
    if len(found) > 1 and not found[1].revoked:
        raise AccountError("ambiguous_api_key", "Several API keys have this prefix.", hint="Use its id.")
    return found[0].api_key_id
