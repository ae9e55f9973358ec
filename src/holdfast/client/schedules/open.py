"""Opens the schedules that a command's options and variables select."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from holdfast.client.location.find import Missing, Report, find_location
from holdfast.client.schedules.protocol import Schedules
from holdfast.client.target import Target
from holdfast.settings import Settings


@asynccontextmanager
async def open_schedules(
    target: Target, before_database: Callable[[Settings], None], *, missing: Missing = "fail", report: Report
) -> AsyncIterator[Schedules]:
    """The schedules of the tenant that the command works on.

    `before_database` and `report` are as in `holdfast.client.registry.open.open_registry`. Raises AccountError (`tenant_unknown`), the
    errors of `find_location` and those of `Target.server_target`.
    """
    server = target.server_target()
    # Imported here: a command on a server imports no database, and a command on a data folder no HTTP client.
    if server is not None:
        from holdfast.client.schedules.http import open_server_schedules

        async with open_server_schedules(server) as remote:
            yield remote
        return
    async with find_location(target.data_dir, missing=missing, report=report) as location:
        if location.platform is not None:
            from holdfast.client.schedules.platform import PlatformSchedules

            yield PlatformSchedules(location.platform, target.tenant_id)
            return
        from holdfast.client.schedules.local import open_local_schedules

        before_database(location.settings)
        async with open_local_schedules(location.settings, target.tenant_id) as local:
            yield local
