"""Opens the registry that a command's options and variables select."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from holdfast.client.registry.protocol import InstallList, Registry
from holdfast.client.target import Target
from holdfast.settings import Settings, load_settings


@asynccontextmanager
async def open_registry(target: Target, before_database: Callable[[Settings], None]) -> AsyncIterator[Registry]:
    """The registry of a server or a data folder, for one command.

    `before_database` is called before the database of a data folder is opened. Raises SettingInvalid, AccountError (`tenant_unknown`), and
    the errors of `Target.server_target`.
    """
    server = target.server_target()
    # Imported here: a command on a server imports neither database nor engine, and a command on a data folder no HTTP client.
    if server is not None:
        from holdfast.client.registry.http import open_server

        async with open_server(server) as remote:
            yield remote
    else:
        from holdfast.client.registry.local import open_local

        settings = load_settings(data_dir=target.data_dir)
        before_database(settings)
        async with open_local(settings, target.tenant_id) as local:
            yield local


@asynccontextmanager
async def open_install_list(target: Target, before_database: Callable[[Settings], None]) -> AsyncIterator[InstallList]:
    """As `open_registry`, for a command that only lists installs: it avoids importing the registry wherever it can."""
    if target.server_target() is None:
        from holdfast.client.registry.quick_list import open_quick_list

        if (quick := open_quick_list(load_settings(data_dir=target.data_dir), target.tenant_id)) is not None:
            yield quick
            return
    async with open_registry(target, before_database) as registry:
        yield registry
