"""Serves the control socket of one run of the platform."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import structlog

import holdfast
from holdfast.platform.control.messages import PlatformDescription, shown_location
from holdfast.platform.control.server import ControlServer
from holdfast.platform.control.socket_file import listen_in_data_folder
from holdfast.processes.unix_sockets import SocketFolderUnusable

if TYPE_CHECKING:
    from pathlib import Path

    from holdfast.gateway.services import Services
    from holdfast.platform.run import Run

_log = structlog.get_logger(__name__)


async def serve_commands(run: Run, services: Services, credentials: Path | None) -> None:
    """Serves until it is cancelled. Where the file system has no sockets, it serves nothing: then only commands suffer."""
    async with run.operations(services, has_own_runner=run.runner is not None) as operations:
        try:
            with listen_in_data_folder(run.settings.data_dir) as listening:
                await ControlServer(listening, describe(run, credentials), operations).run()
        except SocketFolderUnusable as unusable:
            _log.warning("commands cannot reach this platform", reason=unusable.message)


def describe(run: Run, credentials: Path | None) -> PlatformDescription:
    """What a command learns about this run. `credentials` is the file of its development account, if it has one."""
    settings = run.settings
    return PlatformDescription(
        version=holdfast.__version__,
        pid=os.getpid(),
        console=run.running.console,
        runner=run.running.runner,
        environment=settings.environment,
        data_dir=str(settings.data_dir.resolve()),
        database=shown_location(settings.resolved_database_url),
        bundle_store=shown_location(settings.resolved_bundle_store),
        credentials=None if credentials is None else str(credentials.resolve()),
    )
