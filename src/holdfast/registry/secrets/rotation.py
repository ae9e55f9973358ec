"""Moving all secrets under the newest key, and doing without the old ones then. For the operator: it is about every tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import func, select, text

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import RegistryError
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionRegistry, TenantExtensionInstall, TenantExtensionInstallSecrets
from holdfast.registry.secrets.administration import put, sealed_in
from holdfast.registry.secrets.sealing import Sealer, SecretsUnreadable
from holdfast.sealing import aes_gcm


class Rotation(Struct, frozen=True, kw_only=True):
    """The result of a rotation, in numbers of installs. `unreadable` are the ids of installs whose secrets could not be opened."""

    resealed: int
    newest_already: int
    unreadable: list[str]


async def rotate(db: Database, sealer: Sealer, *, now: Callable[[], datetime] = utc_now) -> Rotation:
    """Seals every install's secrets again with the current key; secrets that are sealed with it already stay as they are.

    Each install is a transaction of its own: stopped at any point, everything can be read, and another rotation does the rest. Secrets
    that cannot be opened stay as they are and are reported. Raises VaultFailed, SecretsKeyUnusable.
    """
    async with db.session() as session:
        ids = (await session.scalars(select(TenantExtensionInstallSecrets.id).order_by(TenantExtensionInstallSecrets.id))).all()
    resealed, newest, unreadable = 0, 0, list[str]()
    for row_id in ids:
        async with db.transaction() as session:
            query = select(TenantExtensionInstallSecrets).where(TenantExtensionInstallSecrets.id == row_id)
            row = await session.scalar(query.with_for_update())
            if row is None:
                continue
            before = sealed_in(row)
            if await sealer.is_newest(before):
                newest += 1
                continue
            try:
                # The tenant they were sealed for, which differs from the install's tenant if the row was moved in the database.
                values = await sealer.open(before, tenant_id=row.tenant_id, install_id=row.install_id)
            except SecretsUnreadable:
                unreadable.append(row.install_id)
                continue
            put(row, await sealer.seal(values, tenant_id=row.tenant_id, install_id=row.install_id), now())
            registry = (
                await session.scalars(
                    select(ExtensionRegistry)
                    .join(TenantExtensionInstall, TenantExtensionInstall.registry_id == ExtensionRegistry.id)
                    .where(TenantExtensionInstall.id == row.install_id)
                )
            ).one()
            record_audit(
                session,
                local_actor(row.tenant_id),
                "secrets.rotated",
                resource_id=registry.id,
                resource_name=slug(registry.publisher, registry.name),
                now=now(),
                key_before=before.transit_key,
                key=row.transit_key,
            )
            resealed += 1
    return Rotation(resealed=resealed, newest_already=newest, unreadable=unreadable)


async def drop_old_keys(db: Database, sealer: Sealer) -> int:
    """Removes all keys but the newest from the key file. Returns how many were removed.

    Raises RegistryError (`secrets_keys_in_use`) when secrets need one of them, SecretsKeyUnusable without a key file to change.
    """
    async with db.transaction() as session:
        if not db.is_sqlite:
            # Waits for transactions that have read the keys but not written what they sealed; SQLite has one writer anyway.
            await session.execute(text("LOCK TABLE tenant_extension_install_secrets IN EXCLUSIVE MODE"))
        newest = (await asyncio.to_thread(sealer.keys.read)).newest
        needed = await session.scalar(
            select(func.count())
            .select_from(TenantExtensionInstallSecrets)
            .where(
                TenantExtensionInstallSecrets.algorithm == aes_gcm.ALGORITHM,
                TenantExtensionInstallSecrets.transit_key.is_distinct_from(newest.id),
            )
        )
        if needed:
            raise RegistryError(
                "secrets_keys_in_use",
                f"The secrets of {needed} installs are sealed with old keys.",
                hint="Run `holdfast secrets rotate` first; clear what it cannot open.",
                details={"installs": needed},
            )
        return await asyncio.to_thread(sealer.keys.keep_newest)
