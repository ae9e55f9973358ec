"""Opens the user directory that a command's options and variables select."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from holdfast.client.location.find import Missing, Report, find_location
from holdfast.client.target import Target
from holdfast.client.users.protocol import UserDirectory
from holdfast.settings import Settings


@asynccontextmanager
async def open_user_directory(
    target: Target,
    before_database: Callable[[Settings], None],
    *,
    missing: Missing = "fail",
    needs_tenant: bool = True,
    report: Report,
) -> AsyncIterator[UserDirectory]:
    """The users of the tenant that the command works on. Without `needs_tenant`, only `tenants` may be called.

    `before_database` and `report` are as in `holdfast.client.registry.open.open_registry`. Raises AccountError (`tenant_unknown`), the
    errors of `find_location` and those of `Target.server_target`.
    """
    server = target.server_target()
    # Imported here: a command on a server imports no database, and a command on a data folder no HTTP client.
    if server is not None:
        from holdfast.client.users.http import open_server_users

        async with open_server_users(server) as remote:
            yield remote
        return
    async with find_location(target.data_dir, missing=missing, report=report) as location:
        if location.platform is not None:
            from holdfast.client.users.platform import PlatformUserDirectory

            yield PlatformUserDirectory(location.platform, target.tenant_id)
            return
        from holdfast.client.users.local import open_local_users

        before_database(location.settings)
        async with open_local_users(location.settings, target.tenant_id, needs_tenant=needs_tenant) as local:
            yield local
