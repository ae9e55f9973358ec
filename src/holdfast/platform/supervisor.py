"""One run of the platform, from its sockets to its clean end.

lock the data folder ─▶ bind both sockets ─▶ migrate ─┬─▶ runner (child process), restarted when it ends
                                                      ├─▶ gateway and console ──┐
                                                      ├─▶ maintenance           ├─ both healthy ─▶ write platform.json ─┐
                                                      └─▶ install the sources ──┴───────────────────────────────────────┴─▶ on_ready

A signal or an error cancels all of it. The lock is the last to be released: a platform that acquires it finds both ports free.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.console.app import create_platform_app
from holdfast.errors import HoldfastError
from holdfast.events import configured_redis, open_stream
from holdfast.gateway.services import Services
from holdfast.gateway.services.runner_client import RunnerClient
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.platform.credentials import credentials_file
from holdfast.platform.environment import platform_settings, runner_environment
from holdfast.platform.lock_file import DataFolderLock, RunningPlatform, write_state
from holdfast.platform.maintenance import run_maintenance_loop
from holdfast.platform.server import SocketServer
from holdfast.platform.signals import run_until_signal
from holdfast.records.accounts import ensure_development_tenant
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DevelopmentAccount
from holdfast.registry.installs.results import Installed
from holdfast.registry.migrate import migrate
from holdfast.registry.secrets.sealing import Sealer
from holdfast.runner.http.sockets import listen, origin_of
from holdfast.runner.process.child_process import STOP_SECONDS, ParentPipe, SupervisedChild, runner_command
from holdfast.settings import Settings

MAX_FAILED_STARTS = 5
HEALTH_PAUSE_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class ServiceTokenMissing(HoldfastError):
    """Raised when the settings name a runner that is already running, but not the token that it shares with its gateway."""

    code = "service_token_missing"


class RunnerNotStarting(HoldfastError):
    """Raised when the runner ends at every start."""

    code = "runner_not_starting"


@dataclass(frozen=True)
class Ready:
    """The platform once it runs. `failed` has the sources that could not be installed, each with its error."""

    running: RunningPlatform
    account: DevelopmentAccount
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
    settings: Settings, sources: Sequence[Path], *, installer: SourceInstaller, on_ready: Callable[[Ready], None]
) -> int:
    """Runs until SIGINT (returns 130), SIGTERM or SIGHUP (return 0). Calls `on_ready` once.

    A source that cannot be built or installed does not affect the others; `on_ready` receives its error. Raises, before anything starts,
    DataFolderInUse, SecretsKeyUnusable, PortTaken, AddressUnusable, ServiceTokenMissing, InvalidRedisUrl and the errors of
    `installer.check`; and, later, RunnerNotStarting.
    """
    configured_redis(settings)
    for source in sources:
        installer.check(source)
    with ExitStack() as held:
        held.enter_context(DataFolderLock(settings.data_dir))
        # Development creates its encryption key here; production does not start without one.
        await Sealer.from_settings(settings).close()
        gateway = held.enter_context(listen(settings.host, settings.port, purpose="gateway and console", flag="--port", variable="PORT"))
        runner = _own_runner(settings, held)
        running = RunningPlatform(
            pid=os.getpid(), console=origin_of(gateway), runner=origin_of(runner) if runner else settings.resolved_runner_base_url or ""
        )
        settings = platform_settings(settings, console=running.console, runner=running.runner)
        await migrate(settings.resolved_database_url)
        async with _open_services(settings, running) as services:
            account = await ensure_development_tenant(services.db, credentials_file(settings.data_dir))
            child = None if runner is None else _child(settings, runner, held)
            app = create_platform_app(services)
            server = SocketServer(app, gateway, routes=app.fast_routes)

            async def wait_until_healthy() -> None:
                await server.ready.wait()
                await _wait_for_runner(services.runner, child)
                write_state(settings.data_dir, running)

            async def prepare() -> None:
                _, (installed, failed) = await asyncio.gather(wait_until_healthy(), _install_all(services, sources, installer))
                on_ready(Ready(running, account, installed, failed))

            running_services = [server.run_until_cancelled(), run_maintenance_loop(services.installs, services.publishing)]
            if child is not None:
                running_services.append(child.run())
            return await run_until_signal(running_services, prepare())


def _own_runner(settings: Settings, held: ExitStack) -> socket.socket | None:
    """The socket of the runner that the platform starts, or None when the settings name a runner that is already running.

    Raises ServiceTokenMissing, PortTaken, AddressUnusable.
    """
    if settings.resolved_runner_base_url is None:
        return held.enter_context(
            listen(settings.host, settings.runner_port, purpose="the runner", flag="--runner-port", variable="RUNNER_PORT")
        )
    if settings.runner_service_token is None:
        raise ServiceTokenMissing(
            "RUNNER_BASE_URL (or RUNNER_DOCKER_HOST) names a runner, but RUNNER_SERVICE_TOKEN is not set.",
            hint="Set it to the token of that runner, or remove the address to let the platform start a runner.",
        )
    return None


def _child(settings: Settings, runner: socket.socket, held: ExitStack) -> SupervisedChild:
    pipe = ParentPipe()
    held.callback(pipe.close)
    return SupervisedChild(
        "runner",
        runner_command(runner, pipe, stop_seconds=int(STOP_SECONDS) - 1),
        environment=runner_environment(settings),
        pass_fds=(runner.fileno(), pipe.child_end),
    )


@asynccontextmanager
async def _open_services(settings: Settings, running: RunningPlatform) -> AsyncIterator[Services]:
    tokens = Tokens.from_settings(settings)
    db = Database(settings.resolved_database_url)
    client = RunnerClient(running.runner, tokens.service)
    try:
        async with open_stream(settings) as events:
            services = Services(
                settings=settings,
                db=db,
                store=open_store(settings),
                events=events,
                runner=client,
                tokens=tokens,
            )
            try:
                yield services
            finally:
                await services.close_sealer()
    finally:
        await client.close()
        await db.close()


async def _wait_for_runner(client: RunnerClient, child: SupervisedChild | None) -> None:
    if child is None:
        # It may be started later. Until then, each call reports that the runner is unavailable.
        if not await client.is_healthy():
            _log.warning("the runner does not respond; start it with `holdfast runner`, calls fail until then", address=client.base_url)
        return
    while not await client.is_healthy():
        if child.starts >= MAX_FAILED_STARTS:
            raise RunnerNotStarting("The runner does not start.", hint="Check the log above; HOLDFAST_LOG_LEVEL=debug shows more.")
        await asyncio.sleep(HEALTH_PAUSE_SECONDS)


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
