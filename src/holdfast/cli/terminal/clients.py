"""Opens the client for a command, with everything about it that a person must see: a warning about the key, and logs on stderr."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from holdfast.cli.terminal.printing import note

if TYPE_CHECKING:
    from holdfast.client.location.find import Missing
    from holdfast.client.records.protocol import RecordTables
    from holdfast.client.registry.protocol import InstallList, Registry
    from holdfast.client.schedules.protocol import Schedules
    from holdfast.client.storage.protocol import StoredData
    from holdfast.client.target import ServerTarget, Target
    from holdfast.client.users.protocol import UserDirectory
    from holdfast.settings import Settings


@asynccontextmanager
async def open_registry(target: Target, *, missing: Missing = "fail") -> AsyncIterator[Registry]:
    """The registry that the options select; see `holdfast.client.registry.open`."""
    from holdfast.client.registry import open as opening

    warn_when_unencrypted(target.server_target())
    async with opening.open_registry(target, _log_warnings, missing=missing, report=note) as registry:
        yield registry


@asynccontextmanager
async def open_install_list(target: Target) -> AsyncIterator[InstallList]:
    """The list of installs that the options select; see `holdfast.client.registry.open`."""
    from holdfast.client.registry import open as opening

    warn_when_unencrypted(target.server_target())
    async with opening.open_install_list(target, _log_warnings, report=note) as installs:
        yield installs


@asynccontextmanager
async def open_user_directory(target: Target, *, missing: Missing = "fail", needs_tenant: bool = True) -> AsyncIterator[UserDirectory]:
    """The users that the options select; see `holdfast.client.users.open`."""
    from holdfast.client.users import open as opening

    warn_when_unencrypted(target.server_target())
    async with opening.open_user_directory(target, _log_warnings, missing=missing, needs_tenant=needs_tenant, report=note) as users:
        yield users


@asynccontextmanager
async def open_record_tables(target: Target, *, missing: Missing = "fail") -> AsyncIterator[RecordTables]:
    """The records that the options select; see `holdfast.client.records.open`."""
    from holdfast.client.records import open as opening

    warn_when_unencrypted(target.server_target())
    async with opening.open_record_tables(target, _log_warnings, missing=missing, report=note) as records:
        yield records


@asynccontextmanager
async def open_stored_data(target: Target) -> AsyncIterator[StoredData]:
    """What installed extensions have stored, where the options select; see `holdfast.client.storage.open`."""
    from holdfast.client.storage import open as opening

    warn_when_unencrypted(target.server_target())
    async with opening.open_stored_data(target, _log_warnings, report=note) as stored:
        yield stored


@asynccontextmanager
async def open_schedules(target: Target) -> AsyncIterator[Schedules]:
    """The schedules that the options select; see `holdfast.client.schedules.open`."""
    from holdfast.client.schedules import open as opening

    warn_when_unencrypted(target.server_target())
    async with opening.open_schedules(target, _log_warnings, report=note) as schedules:
        yield schedules


def warn_when_unencrypted(server: ServerTarget | None) -> None:
    """Notes that the API key is sent unencrypted to this server, if it is."""
    if server is not None and server.is_unencrypted:
        note(f"The API key is sent to {server.url} unencrypted. Use https unless you trust the whole network path.")


def _log_warnings(settings: Settings) -> None:
    from holdfast.logs import configure_logs

    configure_logs(settings.replaced(log_level="warning"))
