"""The people of a server, over its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

from holdfast.client.connection import ServerConnection, open_connection
from holdfast.client.decoding import read_result, read_shape
from holdfast.client.target import ServerTarget
from holdfast.errors import HoldfastError
from holdfast.gateway.api.results import ApiKeyResult, TenantResult, UserResult
from holdfast.records.administration import CreateUser, TenantSummary, UserSummary
from holdfast.records.database.columns import as_uuid
from holdfast.records.key_administration import AmbiguousApiKey, ApiKeySummary, ApiKeyUnknown

_USERS = "/api/v1/users"
_KEYS = "/api/v1/api-keys"


class KeysAreTheirOwn(HoldfastError):
    """Raised when a key is to be made on a server for somebody else."""

    code = "keys_are_their_own"
    status = 400


class ServerPeople:
    """The `People` of a server: those of the tenant that the API key is of."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def tenants(self) -> list[TenantSummary]:
        return read_result(list[TenantResult], list[TenantSummary], await self._connection.call("GET", "/api/v1/tenants"), "tenants")

    async def users(self) -> list[UserSummary]:
        return read_result(list[UserResult], list[UserSummary], await self._connection.call("GET", _USERS), "users")

    async def add_user(self, user: CreateUser, password: str) -> UserSummary:
        body: dict[str, Any] = {"email": user.email, "userType": user.user_type, "isAdmin": user.is_admin, "password": password}
        body |= {"firstName": user.first_name, "lastName": user.last_name, "clientName": user.client_name}
        return read_result(UserResult, UserSummary, await self._connection.call("POST", _USERS, json=body), "user")

    async def set_inactive(self, user: str, *, inactive: bool) -> str:
        return read_shape(str, await self._connection.call("PATCH", _user(user), json={"isInactive": inactive}), "email")

    async def sign_out(self, user: str) -> str:
        return read_shape(str, await self._connection.call("DELETE", f"{_user(user)}/sessions"), "email")

    async def set_password(self, user: str, password: str) -> str:
        return read_shape(str, await self._connection.call("PATCH", _user(user), json={"password": password}), "email")

    async def keys(self) -> list[ApiKeySummary]:
        return read_result(list[ApiKeyResult], list[ApiKeySummary], await self._connection.call("GET", _KEYS), "apiKeys")

    async def add_key(
        self, user: str | None, *, scopes: Sequence[str], description: str | None, expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        if user is not None:
            raise KeysAreTheirOwn(
                "On a server a key acts as whoever makes it.", hint="Leave --user out, or let that user make the key with theirs."
            )
        body: dict[str, Any] = {"scopes": list(scopes), "description": description}
        if expires_at is not None:
            body["expiresAt"] = expires_at.isoformat()
        told = await self._connection.call("POST", _KEYS, json=body)
        return read_result(ApiKeyResult, ApiKeySummary, told, "apiKey"), read_shape(str, told, "key")

    async def revoke_key(self, key: str) -> ApiKeySummary:
        # Never the key itself in an address: those are logged.
        key_id = as_uuid(key) or _id_of(key, await self.keys())
        return read_result(ApiKeyResult, ApiKeySummary, await self._connection.call("DELETE", f"{_KEYS}/{key_id}"), "apiKey")


@asynccontextmanager
async def open_people_of_server(target: ServerTarget) -> AsyncIterator[ServerPeople]:
    """The people of a server's tenant, for one command."""
    async with open_connection(target) as connection:
        yield ServerPeople(connection)


def _user(user: str) -> str:
    return f"{_USERS}/{quote(user, safe='@')}"


def _id_of(beginning: str, keys: Sequence[ApiKeySummary]) -> str:
    """The id of the key with that beginning; of several, the one that counts. Raises ApiKeyUnknown, AmbiguousApiKey."""
    found = sorted((one for one in keys if one.prefix == beginning), key=lambda one: one.revoked)
    if not found:
        raise ApiKeyUnknown("No such API key found.", hint="`holdfast keys api list` shows the keys with their ids.")
    if len(found) > 1 and not found[1].revoked:
        raise AmbiguousApiKey("Several API keys have this prefix.", hint="Use its id.")
    return found[0].api_key_id
