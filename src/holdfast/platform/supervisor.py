"""One run of the platform: sockets first, then records, runner and server together, the given extensions meanwhile, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from holdfast.bundles.store.open_store import open_store
from holdfast.client.dev_installer import Installer, Progress, check_source
from holdfast.console.app import create_platform_app
from holdfast.errors import HoldfastError
from holdfast.events import configured_redis, open_stream
from holdfast.gateway.services import Services
from holdfast.gateway.services.runner_client import RunnerClient
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.platform.environment import credentials_file, platform_settings, runner_environment
from holdfast.platform.lock_file import DataFolderLock, RunningPlatform, announce
from holdfast.platform.maintenance import tidy_up_forever
from holdfast.platform.server import SocketServer
from holdfast.records.accounts import DevelopmentAccount, ensure_development_tenant
from holdfast.records.database.database import Database
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
    """The runner is not ours to start, and the token that it knows its gateway by is not set."""

    code = "service_token_missing"


class RunnerNotStarting(HoldfastError):
    """The runner ends again and again instead of answering."""

    code = "runner_not_starting"


@dataclass(frozen=True)
class Ready:
    """What is there once everything runs. `refused` holds the given sources that could not be installed, and why."""

    running: RunningPlatform
    account: DevelopmentAccount
    installed: list[Installed]
    refused: list[tuple[Path, HoldfastError]]


async def run_platform(settings: Settings, sources: Sequence[Path], *, on_ready: Callable[[Ready], None], progress: Progress) -> int:
    """Runs until SIGINT (gives 130), SIGTERM or SIGHUP (give 0). `on_ready` is called once.

    A source that cannot be built or installed does not stop the others; it is told to `on_ready`. Raises, before anything is started,
    DataFolderInUse, SecretsKeyUnusable, PortTaken, AddressUnusable, ServiceTokenMissing, InvalidRedisUrl, NothingToInstall,
    ManifestError; and RunnerNotStarting.
    """
    configured_redis(settings)
    for source in sources:
        check_source(source)
    with ExitStack() as held:
        held.enter_context(DataFolderLock(settings.data_dir))
        # Development makes its key here; elsewhere nothing starts without one.
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
            server = SocketServer(create_platform_app(services), gateway)

            async def prepare() -> None:
                async def come_up() -> None:
                    await server.ready.wait()
                    await _wait_for_runner(services.runner, child)
                    announce(settings.data_dir, running)

                _, (installed, refused) = await asyncio.gather(come_up(), _install_all(settings, services, sources, progress))
                on_ready(Ready(running, account, installed, refused))

            lasting = [server.run_until_cancelled(), tidy_up_forever(services.db, services.store)]
            if child is not None:
                lasting.append(child.run())
            return await _until_signal(lasting, prepare())


def _own_runner(settings: Settings, held: ExitStack) -> socket.socket | None:
    """The socket of the runner that the platform starts itself; None when the settings name one that somebody else started.

    Raises ServiceTokenMissing when that one could not be told who calls it, PortTaken, AddressUnusable.
    """
    if settings.resolved_runner_base_url is None:
        return held.enter_context(
            listen(settings.host, settings.runner_port, purpose="the runner", flag="--runner-port", variable="RUNNER_PORT")
        )
    if settings.runner_service_token is None:
        raise ServiceTokenMissing(
            "RUNNER_BASE_URL (or RUNNER_DOCKER_HOST) names a runner, but RUNNER_SERVICE_TOKEN is not set.",
            hint="Set it to the token that runner was started with, or remove the address: then a runner is started here.",
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
        # Who starts it may do so later: calls say that it is away until then.
        if not await client.is_healthy():
            _log.warning("The runner does not respond. Start it with `holdfast runner`; calls fail until then", address=client.base_url)
        return
    while not await client.is_healthy():
        if child.starts >= MAX_FAILED_STARTS:
            raise RunnerNotStarting("The runner does not start.", hint="The log above says why; HOLDFAST_LOG_LEVEL=debug says more.")
        await asyncio.sleep(HEALTH_PAUSE_SECONDS)


async def _install_all(
    settings: Settings, services: Services, sources: Sequence[Path], progress: Progress
) -> tuple[list[Installed], list[tuple[Path, HoldfastError]]]:
    installer = Installer(settings, services.db, services.store)
    # A build keeps a core busy for seconds; more of them at once than cores only makes each slower.
    room = asyncio.Semaphore(os.cpu_count() or 1)

    async def one(source: Path) -> Installed | tuple[Path, HoldfastError]:
        async with room:
            try:
                return await installer.install(source, progress)
            except HoldfastError as refusal:
                return source, refusal

    try:
        outcomes = await asyncio.gather(*(one(source) for source in sources))
    finally:
        await installer.close()
    return [done for done in outcomes if isinstance(done, Installed)], [done for done in outcomes if isinstance(done, tuple)]


async def _until_signal(services: Sequence[Coroutine[Any, Any, None]], preparation: Coroutine[Any, Any, None]) -> int:
    """Runs all until a signal (gives its exit code) or until a service ends or anything fails (raises); then stops all in order."""
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    lasting = [asyncio.create_task(service) for service in services]
    preparing = asyncio.create_task(preparation)
    pending: set[asyncio.Future[Any]] = {stopped, preparing, *lasting}
    with _signals_end(stopped):
        try:
            while not stopped.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for ended in done:
                    ended.result()
            return stopped.result()
        finally:
            for task in (preparing, *lasting):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def _signals_end(stopped: asyncio.Future[int]) -> Iterator[None]:
    """Turns the signals that ask for an end into the result of `stopped`. A second Ctrl-C no longer waits for a clean end."""
    loop = asyncio.get_running_loop()

    def stop(received: signal.Signals) -> None:
        if not stopped.done():
            stopped.set_result(130 if received is signal.SIGINT else 0)
        if received is signal.SIGINT:
            loop.remove_signal_handler(signal.SIGINT)

    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for received in ending:
        loop.add_signal_handler(received, stop, received)
    try:
        yield
    finally:
        for received in ending:
            loop.remove_signal_handler(received)
