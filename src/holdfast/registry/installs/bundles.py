"""Which bundles the enabled installs of all tenants run."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import select

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.registry.installs.lookup import IS_ENABLED
from holdfast.registry.models.installs import ExtensionBundle, TenantExtensionInstall
from holdfast.registry.models.queries import NEWEST_BUNDLE

MAX_BUNDLES = 500


class InstalledBundle(Struct, frozen=True):
    """The bundle of one install; `content_hash` is `sha256:` and 64 hexadecimal digits."""

    tenant_id: str
    registry_id: str
    content_hash: str


_BUNDLE = (
    select(ExtensionBundle.content_hash)
    .where(ExtensionBundle.version_id == TenantExtensionInstall.version_id)
    .order_by(*NEWEST_BUNDLE)
    .limit(1)
    .scalar_subquery()
)
_NEWEST = Prepared(
    select(TenantExtensionInstall.tenant_id, TenantExtensionInstall.registry_id, _BUNDLE)
    .where(IS_ENABLED)
    .order_by(TenantExtensionInstall.updated_at.desc())
    .limit(MAX_BUNDLES)
)


async def bundles_in_use(db: Database) -> list[InstalledBundle]:
    """The bundles of enabled installs that have one, MAX_BUNDLES at most, those that changed last first."""

    async def read(tx: HotTransaction) -> list[InstalledBundle]:
        rows = await tx.execute(_NEWEST, {})
        return [InstalledBundle(str(tenant_id), str(registry_id), digest) for tenant_id, registry_id, digest in rows if digest is not None]

    return await db.read(read)
