"""The runner that the platform starts, or the one elsewhere that its settings name."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from holdfast.concurrency.workspaces import temporary_folder
from holdfast.errors import HoldfastError
from holdfast.platform.environment import runner_environment
from holdfast.processes.child_process import STOP_SECONDS
from holdfast.processes.sockets import listen_for, origin_of
from holdfast.processes.unix_sockets import listen_in, temporary_socket_folder
from holdfast.processes.workers import Workers, WorkersNotStarting
from holdfast.runner.process.worker_group import MODULE, create_workers
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.gateway.runners import RunnerClient

_log = structlog.get_logger(__name__)


class RunnerAddressMissing(HoldfastError):
    """Raised when a gateway that starts no runner has no address of one."""

    code = "runner_address_missing"


class ServiceTokenMissing(HoldfastError):
    """Raised when the settings name a runner that is already running, but not the token that it shares with its gateway."""

    code = "service_token_missing"


class RunnerNotStarting(HoldfastError):
    """Raised when the runner ends at every start."""

    code = "runner_not_starting"


@dataclass(frozen=True)
class OwnRunner:
    """The sockets of the runner that the platform starts: one for each of its processes, and a Unix socket each in `folder`.

    Where no folder has a short enough path, there are none.
    """

    listening: list[socket.socket]
    unix: list[socket.socket]
    folder: Path | None

    @property
    def origin(self) -> str:
        """The HTTP origin at which the gateway reaches it."""
        return origin_of(self.listening[0])

    def start(self, settings: Settings, held: ExitStack) -> RunnerProcess:
        """Its processes, for settings of `platform_settings`; what they share is removed with `held`."""
        environment, stop_seconds = runner_environment(settings), int(STOP_SECONDS) - 1
        if len(self.listening) == 1:
            workers = Workers("runner", MODULE, self.listening, unix=self.unix, environment=environment, stop_seconds=stop_seconds)
        else:
            shared = held.enter_context(temporary_folder("runner"))
            workers = create_workers(self.listening, environment, shared, unix=self.unix, stop_seconds=stop_seconds)
        return RunnerProcess(workers)


@dataclass(frozen=True)
class RunnerProcess:
    """The processes of the platform's own runner."""

    workers: Workers

    async def run(self) -> None:
        """Keeps them running until cancelled. Raises RunnerNotStarting."""
        try:
            await self.workers.run()
        except WorkersNotStarting as error:
            raise RunnerNotStarting(error.message.replace("The workers of the runner do", "The runner does"), hint=error.hint) from error


def bind_runner(settings: Settings, held: ExitStack, *, start_own: bool) -> OwnRunner | None:
    """The runner that the platform starts, its port bound, or None when the settings name a runner that is already running.

    Without `start_own` they must name one. Raises RunnerAddressMissing, ServiceTokenMissing, PortTaken, AddressUnusable,
    SocketFolderUnusable.
    """
    if settings.resolved_runner_base_url is not None:
        if settings.runner_service_token is None:
            raise ServiceTokenMissing(
                "RUNNER_BASE_URL (or RUNNER_DOCKER_HOST) names a runner, but RUNNER_SERVICE_TOKEN is not set.",
                hint="Set it to the token of that runner, or remove the address to let `holdfast up` start a runner.",
            )
        return None
    if not start_own:
        raise RunnerAddressMissing(
            "No runner is configured: RUNNER_BASE_URL is not set.",
            hint="Set RUNNER_BASE_URL and RUNNER_SERVICE_TOKEN to the address and the token of a runner, or start one with `holdfast up`.",
        )
    sockets = listen_for(
        settings.runner_workers, settings.host, settings.runner_port, purpose="the runner", flag="--runner-port", variable="RUNNER_PORT"
    )
    for one in sockets:
        held.enter_context(one)
    folder = settings.runner_socket_dir or held.enter_context(temporary_socket_folder())
    unix = [] if folder is None else held.enter_context(listen_in(folder, len(sockets)))
    return OwnRunner(sockets, unix, folder)


async def wait_for_runner(client: RunnerClient, own: RunnerProcess | None) -> None:
    """Returns when the platform's own runner accepts calls. A runner elsewhere may be started later: it is only asked, and reported."""
    if own is not None:
        await own.workers.wait_until_ready()
    elif not await client.is_healthy():
        # Until it runs, each call reports that the runner is unavailable.
        _log.warning("the runner does not respond; start it with `holdfast runner`, calls fail until then", address=client.base_url)
