"""The maintenance of a running platform's database."""

from __future__ import annotations

from holdfast.client.location.connection import PlatformConnection
from holdfast.client.maintenance.results import MigrationReport, RotationReport
from holdfast.records.account_types import TenantSummary


class PlatformMaintenance:
    """As `holdfast.client.maintenance.database.Maintenance`; the platform does the work."""

    def __init__(self, connection: PlatformConnection) -> None:
        self._connection = connection

    async def create_tenant(self, name: str, tenant_id: str | None) -> TenantSummary:
        return await self._connection.call("maintenance.create_tenant", TenantSummary, {"name": name, "tenant_id": tenant_id})

    async def migrate(self) -> MigrationReport:
        return await self._connection.call("maintenance.migrate", MigrationReport, {})

    async def rotate_secrets(self, new_key: bool, drop_old_keys: bool) -> RotationReport:
        given = {"new_key": new_key, "drop_old_keys": drop_old_keys}
        return await self._connection.call("maintenance.rotate_secrets", RotationReport, given)
