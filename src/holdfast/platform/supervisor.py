"""One run of the platform, from its sockets to its clean end.

lock and record the data folder ─▶ bind the sockets ─┬─▶ runner, restarted when it ends
                                          └─▶ application (see there), imported while the runner starts

A signal or an error cancels all of it: first the application, then the runner. The lock is the last to be released: a platform that
acquires it finds both ports free.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import structlog

from holdfast.events import configured_redis
from holdfast.gateway.limits.open_limits import configured_rate_limit_redis
from holdfast.platform.environment import platform_settings
from holdfast.platform.lock_file import DataFolderLock, RunningPlatform
from holdfast.platform.record import recorded
from holdfast.platform.run import OpenOperations, Ready, Run, SourceInstaller
from holdfast.platform.runner_processes import bind_runner
from holdfast.platform.signals import run_until_signal
from holdfast.processes.sockets import listen_for, origin_of
from holdfast.registry.secrets.sealing import Sealer
from holdfast.settings import Settings

_log = structlog.get_logger(__name__)

STOP_SECONDS = 3
"""How long open responses may take after a stop of `holdfast up`: people who press Ctrl-C do not wait long."""

DRAIN_SECONDS = 30
"""How long they may take after a stop of `holdfast gateway`: as long as running calls of a runner."""


async def run_platform(
    settings: Settings,
    sources: Sequence[Path],
    *,
    installer: SourceInstaller,
    operations: OpenOperations,
    on_ready: Callable[[Ready], None],
    start_runner: bool = True,
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
        if not held.enter_context(recorded(settings.data_dir)):
            _log.warning("this platform is not in your record of running platforms; commands elsewhere need --data-dir")
        # Development creates its encryption key here; production does not start without one.
        await Sealer.from_settings(settings).close()
        run = _bind(settings, held, sources, installer, operations, start_runner=start_runner)

        async def serve() -> None:
            if run.runner is not None:
                await run.runner.workers.wait_until_started()
            # Takes as long as the runner's start.
            from holdfast.platform.application import serve_application

            await serve_application(run, held, on_ready)

        return await run_until_signal([serve(), *([] if run.runner is None else [run.runner.run()])])


def _bind(
    settings: Settings,
    held: ExitStack,
    sources: Sequence[Path],
    installer: SourceInstaller,
    operations: OpenOperations,
    *,
    start_runner: bool,
) -> Run:
    """Binds the ports. Raises PortTaken, AddressUnusable and the errors of `bind_runner`."""
    listening = _bind_gateway(settings, held)
    own_runner = bind_runner(settings, held, start_own=start_runner)
    running = RunningPlatform(
        pid=os.getpid(),
        console=origin_of(listening[0]),
        runner=own_runner.origin if own_runner else settings.resolved_runner_base_url or "",
    )
    folder = own_runner.folder if own_runner else settings.runner_socket_dir
    settings = platform_settings(settings, console=running.console, runner=running.runner, runner_sockets=folder)
    return Run(
        settings=settings,
        running=running,
        listening=listening,
        runner=own_runner.start(settings, held) if own_runner else None,
        sources=sources,
        installer=installer,
        operations=operations,
        stop_seconds=STOP_SECONDS if start_runner else DRAIN_SECONDS,
        schedules=start_runner and settings.scheduler == "auto",
    )


def _bind_gateway(settings: Settings, held: ExitStack) -> list[socket.socket]:
    """A socket for each gateway process; all of them listen on one port. Raises PortTaken, AddressUnusable."""
    sockets = listen_for(
        settings.gateway_workers, settings.host, settings.port, purpose="gateway and console", flag="--port", variable="PORT"
    )
    for one in sockets:
        held.enter_context(one)
    return sockets
