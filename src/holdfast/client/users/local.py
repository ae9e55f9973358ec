"""The people of a data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from holdfast.client.database import open_records
from holdfast.client.target import Target
from holdfast.client.tenant_choice import chosen_tenant
from holdfast.errors import HoldfastError
from holdfast.records import administration
from holdfast.records.accounts import DEVELOPMENT_EMAIL
from holdfast.records.administration import CreateUser, TenantSummary, UserSummary, UserUnknown
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.records.key_administration import ApiKeySummary, issue_api_key, list_api_keys, revoke_api_key
from holdfast.settings import load_settings


class DevelopmentAccountFixed(HoldfastError):
    """Raised when the account that belongs to the data folder is to be shut out or given another password."""

    code = "development_account_fixed"
    status = 409


class LocalPeople:
    """The `People` of a tenant in the database of a data folder."""

    def __init__(self, db: Database, tenant_id: str) -> None:
        self._db = db
        self._tenant_id = tenant_id

    async def tenants(self) -> list[TenantSummary]:
        return await administration.list_tenants(self._db)

    async def users(self) -> list[UserSummary]:
        return await administration.list_users(self._db, tenant_id=self._tenant_id)

    async def add_user(self, user: CreateUser, password: str) -> UserSummary:
        return await administration.create_user(self._db, tenant_id=self._tenant_id, user=user, password=password)

    async def set_inactive(self, user: str, *, inactive: bool) -> str:
        if inactive:
            await self._refuse_development_account(user)
        return await administration.set_user_inactive(self._db, tenant_id=self._tenant_id, user=user, inactive=inactive)

    async def sign_out(self, user: str) -> str:
        return await administration.revoke_sessions(self._db, tenant_id=self._tenant_id, user=user)

    async def set_password(self, user: str, password: str) -> str:
        await self._refuse_development_account(user)
        return await administration.set_password(self._db, tenant_id=self._tenant_id, user=user, password=password)

    async def keys(self) -> list[ApiKeySummary]:
        return await list_api_keys(self._db, tenant_id=self._tenant_id)

    async def add_key(
        self, user: str | None, *, scopes: Sequence[str], description: str | None, expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        if user is None and self._tenant_id != DEVELOPMENT_TENANT_ID:
            raise UserUnknown("An API key acts as a user.", hint="Name one with --user EMAIL.")
        return await issue_api_key(
            self._db,
            tenant_id=self._tenant_id,
            user=user or DEVELOPMENT_EMAIL,
            description=description,
            scopes=scopes,
            expires_at=expires_at,
        )

    async def revoke_key(self, key: str) -> ApiKeySummary:
        return await revoke_api_key(self._db, tenant_id=self._tenant_id, key=key)

    async def _refuse_development_account(self, user: str) -> None:
        """The next command would undo it: every start sees to it that this account opens with its credentials file."""
        async with self._db.session() as session:
            if (await administration.find_user(session, self._tenant_id, user)).email == DEVELOPMENT_EMAIL:
                raise DevelopmentAccountFixed(
                    f"{DEVELOPMENT_EMAIL} is the account of this data folder: credentials.json holds what opens it.",
                    hint="To replace its password and key, delete that file and run `holdfast list`.",
                )


@asynccontextmanager
async def open_local_people(target: Target) -> AsyncIterator[LocalPeople]:
    """The people of the tenant in the data folder that the options name. Raises TenantUnknown."""
    async with open_records(load_settings(data_dir=target.data_dir)) as db:
        yield LocalPeople(db, await chosen_tenant(db, target.tenant))
