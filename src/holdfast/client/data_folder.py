"""The database of a data folder, opened for one command, and the tenant that the command works on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.platform.credentials import ensure_account, is_own_database
from holdfast.records.accounts import has_development_account
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import as_uuid
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.records.errors import AccountError
from holdfast.records.models.users import Tenant
from holdfast.registry.migrate import migrate
from holdfast.settings import Settings


@asynccontextmanager
async def open_records(settings: Settings, *, uses_development_tenant: bool = False) -> AsyncIterator[Database]:
    """The database of the settings, after it is migrated.

    In development, the development tenant and its account exist then; in production only if the command `uses_development_tenant`: an
    account that was not asked for would be a way in that its owner does not know.
    """
    await migrate(settings.resolved_database_url)
    db = Database(settings.resolved_database_url, durability=settings.database_durability)
    try:
        # A database that is not this folder's own can have the account of another platform, whose password and key must not change.
        if (uses_development_tenant or settings.environment == "development") and (
            is_own_database(settings) or not await has_development_account(db)
        ):
            await ensure_account(settings, db)
        yield db
    finally:
        await db.close()


async def ensure_tenant(settings: Settings, db: Database, tenant: str | None) -> None:
    """Creates the development tenant and its account when they are missing and the command works on that tenant (None)."""
    if tenant is None and not await has_development_account(db):
        await ensure_account(settings, db)


async def require_tenant(db: Database, tenant: str | None) -> str:
    """The id of this tenant; None is the development tenant. Raises AccountError (`tenant_unknown`)."""
    if tenant is None:
        return DEVELOPMENT_TENANT_ID
    tenant_id = as_uuid(tenant.strip())
    async with db.session() as session:
        if tenant_id is None or await session.get(Tenant, tenant_id) is None:
            raise AccountError(
                "tenant_unknown", f"The tenant {tenant} does not exist.", hint="`holdfast tenants list` shows the tenants with their ids."
            )
    return tenant_id
