"""What commands do with the people of a tenant and their keys, on a data folder (`people_local`) or over HTTP (`people_server`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from holdfast.client.target import Target
from holdfast.records.administration import CreateUser, TenantSummary, UserSummary
from holdfast.records.key_administration import ApiKeySummary


class People(Protocol):
    """The users and API keys of one tenant. `user` is an email address or id. Every method raises HoldfastError."""

    async def tenants(self) -> list[TenantSummary]:
        """The tenants that whoever asks may see: all on a data folder, the own one on a server."""
        ...

    async def users(self) -> list[UserSummary]:
        """Its users."""
        ...

    async def add_user(self, user: CreateUser, password: str) -> UserSummary:
        """Makes a user."""
        ...

    async def set_inactive(self, user: str, *, inactive: bool) -> str:
        """Shuts a user out, or lets them in again; gives the email address."""
        ...

    async def sign_out(self, user: str) -> str:
        """Ends every session of a user; gives the email address."""
        ...

    async def set_password(self, user: str, password: str) -> str:
        """Gives a user another password, and ends their sessions; gives the email address."""
        ...

    async def keys(self) -> list[ApiKeySummary]:
        """Its API keys, newest first."""
        ...

    async def add_key(
        self, user: str | None, *, scopes: Sequence[str], description: str | None, expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        """Makes a key that acts as a user; gives it and the key, which is seen only here. None is whoever asks."""
        ...

    async def revoke_key(self, key: str) -> ApiKeySummary:
        """Revokes the key with that id or beginning."""
        ...


@asynccontextmanager
async def open_people(target: Target) -> AsyncIterator[People]:
    """The people of the tenant that a command's options and variables name, opened for that command."""
    server = target.server_target()
    # Imported here, so that a command for a server does not pay for the database.
    if server is not None:
        from holdfast.client.users.http import open_people_of_server

        async with open_people_of_server(server) as remote:
            yield remote
    else:
        from holdfast.client.users.local import open_local_people

        async with open_local_people(target) as local:
            yield local
