"""Whose install it is, for internal APIs that are called with nothing but its id."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import bindparam, select

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared, Row
from holdfast.registry.installs.lookup import IS_ENABLED
from holdfast.registry.models.installs import TenantExtensionInstall

_OWNER = Prepared(select(TenantExtensionInstall.tenant_id, IS_ENABLED).where(TenantExtensionInstall.id == bindparam("install_id")))


class Owner(Struct, frozen=True):
    """The tenant of an install, and whether the install is enabled."""

    tenant_id: str
    is_enabled: bool


async def find_owner(db: Database, install_id: str) -> Owner | None:
    """The owner of the install with this id, a UUID, or None."""

    async def read(tx: HotTransaction) -> list[Row]:
        return await tx.execute(_OWNER, {"install_id": install_id})

    rows = await db.read(read)
    return Owner(rows[0][0], bool(rows[0][1])) if rows else None
