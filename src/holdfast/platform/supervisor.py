"""One run of the platform, from its sockets to its clean end.

lock the data folder ─▶ bind the sockets ─▶ migrate ─┬─▶ runner, restarted when it ends
                                                     ├─▶ gateway and console, here or in workers
                                                     ├─▶ maintenance
                                                     └─▶ install the sources
runner and gateway ready ─▶ write platform.json ─┬─▶ on_ready
                          sources are installed ─┘

A signal or an error cancels all of it. The lock is the last to be released: a platform that acquires it finds both ports free.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from holdfast.bundles.store.protocol import BundleStore
from holdfast.errors import HoldfastError
from holdfast.events import configured_redis
from holdfast.gateway.audit.maintenance import run_audit_loop
from holdfast.gateway.limits.open_limits import configured_rate_limit_redis
from holdfast.gateway.services import Services
from holdfast.platform.credentials import credentials_file
from holdfast.platform.environment import platform_settings
from holdfast.platform.gateway_processes import freeze_memory, serve_here, serve_in_workers
from holdfast.platform.lock_file import DataFolderLock, RunningPlatform, write_state
from holdfast.platform.maintenance import run_expiry_loop, run_maintenance_loop
from holdfast.platform.runner_processes import bind_runner, wait_for_runner
from holdfast.platform.server import DRAIN_SECONDS, STOP_SECONDS
from holdfast.platform.services import open_services
from holdfast.platform.signals import run_until_signal
from holdfast.processes.sockets import listen_for, origin_of
from holdfast.records.accounts import ensure_development_tenant
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DevelopmentAccount
from holdfast.registry.installs.results import Installed
from holdfast.registry.migrate import migrate
from holdfast.registry.secrets.sealing import Sealer
from holdfast.settings import Settings


@dataclass(frozen=True)
class Ready:
    """The platform once it runs. `account` is None in production, unless sources were installed for it. `failed` has the sources that
    could not be installed, each with its error."""

    running: RunningPlatform
    account: DevelopmentAccount | None
    installed: list[Installed]
    failed: list[tuple[Path, HoldfastError]]


class SourceInstaller(Protocol):
    """Builds and installs the sources that the platform is started with."""

    def check(self, source: Path) -> None:
        """Raises HoldfastError for a source that cannot be installed, without building it."""
        ...

    def open(
        self, settings: Settings, db: Database, store: BundleStore
    ) -> AbstractAsyncContextManager[Callable[[Path], Awaitable[Installed]]]:
        """A function that builds and installs one source, and raises HoldfastError."""
        ...


async def run_platform(
    settings: Settings, sources: Sequence[Path], *, installer: SourceInstaller, on_ready: Callable[[Ready], None], start_runner: bool = True
) -> int:
    """Runs until SIGINT (returns 130), SIGTERM or SIGHUP (return 0). Calls `on_ready` once.

    Without `start_runner`, the settings must name a runner that is already running. A source that cannot be built or installed does not
    affect the others; `on_ready` receives its error. Raises, before anything starts, DataFolderInUse, SecretsKeyUnusable, PortTaken,
    AddressUnusable, RunnerAddressMissing, ServiceTokenMissing, SocketFolderUnusable, InvalidRedisUrl and the errors of
    `installer.check`; and, later, RunnerNotStarting and WorkersNotStarting.
    """
    configured_redis(settings)
    configured_rate_limit_redis(settings)
    for source in sources:
        installer.check(source)
    with ExitStack() as held:
        held.enter_context(DataFolderLock(settings.data_dir))
        # Development creates its encryption key here; production does not start without one.
        await Sealer.from_settings(settings).close()
        gateway = _bind_gateway(settings, held)
        own_runner = bind_runner(settings, held, start_own=start_runner)
        running = RunningPlatform(
            pid=os.getpid(),
            console=origin_of(gateway[0]),
            runner=own_runner.origin if own_runner else settings.resolved_runner_base_url or "",
        )
        folder = own_runner.folder if own_runner else settings.runner_socket_dir
        settings = platform_settings(settings, console=running.console, runner=running.runner, runner_sockets=folder)
        await migrate(settings.resolved_database_url)
        async with open_services(settings) as services:
            account = await _account(services, is_needed=bool(sources))
            runner = own_runner.start(settings, held) if own_runner else None
            stop_seconds = STOP_SECONDS if start_runner else DRAIN_SECONDS
            if len(gateway) == 1:
                serving = serve_here(services, gateway[0], stop_seconds=stop_seconds)
            else:
                serving = serve_in_workers(settings, gateway, held, stop_seconds=stop_seconds)

            async def wait_until_ready() -> None:
                await serving.wait_until_ready()
                await wait_for_runner(services.runner, runner)
                write_state(settings.data_dir, running)

            async def prepare() -> None:
                _, (installed, failed) = await asyncio.gather(wait_until_ready(), _install_all(services, sources, installer))
                on_ready(Ready(running, account, installed, failed))
                freeze_memory()

            running_services = [
                serving.run(),
                run_maintenance_loop(services.installs, services.publishing),
                run_expiry_loop(services.db),
                run_audit_loop(services.db, settings),
            ]
            if runner is not None:
                running_services.append(runner.run())
            return await run_until_signal(running_services, prepare())


def _bind_gateway(settings: Settings, held: ExitStack) -> list[socket.socket]:
    """A socket for each gateway process; all of them listen on one port. Raises PortTaken, AddressUnusable."""
    sockets = listen_for(
        settings.gateway_workers, settings.host, settings.port, purpose="gateway and console", flag="--port", variable="PORT"
    )
    for one in sockets:
        held.enter_context(one)
    return sockets


async def _account(services: Services, *, is_needed: bool) -> DevelopmentAccount | None:
    """The development account, created if it is missing. Production has none unless `is_needed`: it would be an unasked way in."""
    if services.is_development or is_needed:
        return await ensure_development_tenant(services.db, credentials_file(services.settings.data_dir))
    return None


async def _install_all(
    services: Services, sources: Sequence[Path], installer: SourceInstaller
) -> tuple[list[Installed], list[tuple[Path, HoldfastError]]]:
    # A build uses one core for seconds: more concurrent builds than cores only slow each other down.
    limit = asyncio.Semaphore(os.cpu_count() or 1)
    async with installer.open(services.settings, services.db, services.store) as install:

        async def install_one(source: Path) -> Installed | tuple[Path, HoldfastError]:
            async with limit:
                try:
                    return await install(source)
                except HoldfastError as error:
                    return source, error

        outcomes = await asyncio.gather(*(install_one(source) for source in sources))
    return [done for done in outcomes if isinstance(done, Installed)], [done for done in outcomes if isinstance(done, tuple)]
