"""Opens the registry that a command's options and variables select."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from holdfast.client.location.find import Location, Missing, Report, find_location
from holdfast.client.registry.protocol import InstallList, Registry
from holdfast.client.target import Target
from holdfast.settings import Settings


@asynccontextmanager
async def open_registry(
    target: Target, before_database: Callable[[Settings], None], *, missing: Missing = "fail", report: Report
) -> AsyncIterator[Registry]:
    """The registry of a server, a running platform or a data folder, for one command.

    `before_database` is called before the database of a data folder is opened, `report` with a sentence about where the command works.
    Raises AccountError (`tenant_unknown`), the errors of `find_location` and those of `Target.server_target`.
    """
    server = target.server_target()
    # Imported here: a command on a server imports neither database nor engine, and a command on a data folder no HTTP client.
    if server is not None:
        from holdfast.client.registry.http import open_server

        async with open_server(server) as remote:
            yield remote
        return
    async with (
        find_location(target.data_dir, missing=missing, report=report) as location,
        _open(location, target, before_database) as found,
    ):
        yield found


@asynccontextmanager
async def open_install_list(target: Target, before_database: Callable[[Settings], None], *, report: Report) -> AsyncIterator[InstallList]:
    """As `open_registry`, for a command that only lists installs: it avoids importing the registry wherever it can."""
    if target.server_target() is not None:
        async with open_registry(target, before_database, report=report) as registry:
            yield registry
        return
    async with find_location(target.data_dir, report=report) as location:
        if location.platform is None:
            from holdfast.client.registry.quick_list import open_quick_list

            if (quick := open_quick_list(location.settings, target.tenant_id)) is not None:
                yield quick
                return
        async with _open(location, target, before_database) as found:
            yield found


@asynccontextmanager
async def _open(location: Location, target: Target, before_database: Callable[[Settings], None]) -> AsyncIterator[Registry]:
    if location.platform is not None:
        from holdfast.client.registry.platform import PlatformRegistry

        yield PlatformRegistry(location.platform, target.tenant_id, strict=location.wants_production)
        return
    from holdfast.client.registry.local import open_local

    before_database(location.settings)
    async with open_local(location.settings, target.tenant_id) as local:
        yield local
