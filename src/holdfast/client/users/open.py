"""Opens the user directory that a command's options and variables select."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from holdfast.client.target import Target
from holdfast.client.users.protocol import UserDirectory
from holdfast.settings import Settings, load_settings


@asynccontextmanager
async def open_user_directory(target: Target, before_database: Callable[[Settings], None]) -> AsyncIterator[UserDirectory]:
    """The users of the tenant that the command works on.

    `before_database` is called before the database of a data folder is opened. Raises SettingInvalid, AccountError (`tenant_unknown`), and
    the errors of `Target.server_target`.
    """
    server = target.server_target()
    # Imported here: a command on a server imports no database, and a command on a data folder no HTTP client.
    if server is not None:
        from holdfast.client.users.http import open_server_users

        async with open_server_users(server) as remote:
            yield remote
    else:
        from holdfast.client.users.local import open_local_users

        settings = load_settings(data_dir=target.data_dir)
        before_database(settings)
        async with open_local_users(settings, target.tenant_id) as local:
            yield local
