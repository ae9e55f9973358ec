"""The users of a data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from holdfast.client.data_folder import open_records, require_tenant
from holdfast.errors import HoldfastError
from holdfast.records import administration
from holdfast.records.account_types import ApiKeySummary, CreateUser, TenantSummary, UserSummary
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DEVELOPMENT_EMAIL, DEVELOPMENT_TENANT_ID
from holdfast.records.errors import AccountError
from holdfast.records.key_administration import issue_api_key, list_api_keys, revoke_api_key
from holdfast.settings import Settings


class DevelopmentAccountFixed(HoldfastError):
    """Raised when a command would deactivate the account of the data folder, or change its password."""

    code = "development_account_fixed"
    status = 409


class LocalUserDirectory:
    """The `UserDirectory` of a tenant in the database of a data folder."""

    def __init__(self, db: Database, tenant_id: str) -> None:
        self._db = db
        self._tenant_id = tenant_id

    async def tenants(self) -> list[TenantSummary]:
        return await administration.list_tenants(self._db)

    async def users(self) -> list[UserSummary]:
        return await administration.list_users(self._db, tenant_id=self._tenant_id)

    async def create_user(self, user: CreateUser, password: str) -> UserSummary:
        return await administration.create_user(self._db, tenant_id=self._tenant_id, user=user, password=password)

    async def set_inactive(self, user: str, *, inactive: bool) -> str:
        if inactive:
            await self._protect_development_account(user)
        return await administration.set_user_inactive(self._db, tenant_id=self._tenant_id, user=user, inactive=inactive)

    async def end_sessions(self, user: str) -> str:
        return await administration.revoke_sessions(self._db, tenant_id=self._tenant_id, user=user)

    async def set_password(self, user: str, password: str) -> str:
        await self._protect_development_account(user)
        return await administration.set_password(self._db, tenant_id=self._tenant_id, user=user, password=password)

    async def api_keys(self) -> list[ApiKeySummary]:
        return await list_api_keys(self._db, tenant_id=self._tenant_id)

    async def create_api_key(
        self, user: str | None, *, scopes: Sequence[str], description: str | None, expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        if user is None and self._tenant_id != DEVELOPMENT_TENANT_ID:
            raise AccountError(
                "user_unknown", "No user given for the API key.", hint="Name the user that the key acts as with --user EMAIL."
            )
        return await issue_api_key(
            self._db,
            tenant_id=self._tenant_id,
            user=user or DEVELOPMENT_EMAIL,
            description=description,
            scopes=scopes,
            expires_at=expires_at,
        )

    async def revoke_api_key(self, key: str) -> ApiKeySummary:
        return await revoke_api_key(self._db, tenant_id=self._tenant_id, key=key)

    async def _protect_development_account(self, user: str) -> None:
        """Raises DevelopmentAccountFixed for that account: the next start would restore it from its credentials file."""
        async with self._db.session() as session:
            if (await administration.find_user(session, self._tenant_id, user)).email == DEVELOPMENT_EMAIL:
                raise DevelopmentAccountFixed(
                    f"You cannot change {DEVELOPMENT_EMAIL}: it is the account of this data folder, which credentials.json describes.",
                    hint="To replace its password and key, stop the platform, delete that file and start the platform again.",
                )


@asynccontextmanager
async def open_local_users(settings: Settings, tenant: str | None, *, needs_tenant: bool = True) -> AsyncIterator[LocalUserDirectory]:
    """The users of a tenant (None: the development tenant) in a data folder, for one command. Without `needs_tenant`, production gets no
    development tenant. Raises AccountError (`tenant_unknown`)."""
    async with open_records(settings, uses_development_tenant=needs_tenant and tenant is None) as db:
        yield LocalUserDirectory(db, await require_tenant(db, tenant))
