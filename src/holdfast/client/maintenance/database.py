"""What an operator does with a whole database: creates tenants, migrates it, encrypts its secrets again."""

from __future__ import annotations

import asyncio

from holdfast.client.maintenance.results import MigrationReport, RotationReport
from holdfast.platform.control.messages import shown_location
from holdfast.records.account_types import TenantSummary
from holdfast.records.administration import create_tenant
from holdfast.records.database.database import Database
from holdfast.registry.migrate import migrate
from holdfast.registry.secrets.rotation import drop_old_keys as drop_keys
from holdfast.registry.secrets.rotation import rotate
from holdfast.registry.secrets.sealing import Sealer
from holdfast.settings import Settings


class Maintenance:
    """The operations on one database, with the keys of its settings."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings = settings
        self._db = db

    async def create_tenant(self, name: str, tenant_id: str | None) -> TenantSummary:
        """Creates a tenant with a role for its administrators. Raises AccountError."""
        return await create_tenant(self._db, name=name, tenant_id=tenant_id)

    async def migrate(self) -> MigrationReport:
        """Migrates the database to the tables of this version; see `holdfast.registry.migrate`."""
        return await migrate_database(self._settings)

    async def rotate_secrets(self, new_key: bool, drop_old_keys: bool) -> RotationReport:
        """Encrypts the secrets of all installs with the newest key, after adding one with `new_key`, and then drops the older ones.

        Raises VaultFailed, SecretsKeyUnusable, RegistryError (`secrets_keys_in_use`).
        """
        sealer = Sealer.from_settings(self._settings)
        try:
            added = await asyncio.to_thread(sealer.add_key) if new_key else None
            done = await rotate(self._db, sealer)
            dropped = await drop_keys(self._db, sealer) if drop_old_keys else 0
        finally:
            await sealer.close()
        return RotationReport(
            resealed=done.resealed,
            newest_already=done.newest_already,
            unreadable=done.unreadable,
            dropped_keys=dropped,
            added_key=None if added is None else added.id,
            key_file=None if added is None else sealer.keys.name,
        )


async def migrate_database(settings: Settings) -> MigrationReport:
    """Migrates the database of the settings. Raises DatabaseError."""
    url = settings.resolved_database_url
    done = await migrate(url)
    return MigrationReport(database=shown_location(url), before=done.before, after=done.after)
