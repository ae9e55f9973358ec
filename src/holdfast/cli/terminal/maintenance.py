"""Opens the maintenance of a database for a command: of the running platform, or of a data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from holdfast.cli.terminal.printing import note

if TYPE_CHECKING:
    from holdfast.client.location.find import Missing
    from holdfast.client.maintenance.results import RotationReport
    from holdfast.records.account_types import TenantSummary


class DatabaseMaintenance(Protocol):
    """What commands do; see `holdfast.client.maintenance.database.Maintenance`."""

    async def create_tenant(self, name: str, tenant_id: str | None) -> TenantSummary: ...

    async def rotate_secrets(self, new_key: bool, drop_old_keys: bool) -> RotationReport: ...


@asynccontextmanager
async def open_maintenance(data_dir: Path | None, *, missing: Missing = "fail") -> AsyncIterator[DatabaseMaintenance]:
    """The maintenance of the database that the command works on. Raises the errors of `find_location`."""
    # Imported here: other commands of the same modules work on a server, and need none of it.
    from holdfast.client.location.find import find_location

    async with find_location(data_dir, missing=missing, report=note) as location:
        if location.platform is not None:
            from holdfast.client.maintenance.platform import PlatformMaintenance

            yield PlatformMaintenance(location.platform)
            return
        from holdfast.client.data_folder import open_records
        from holdfast.client.maintenance.database import Maintenance

        async with open_records(location.settings) as db:
            yield Maintenance(location.settings, db)
