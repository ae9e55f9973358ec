"""The runner as a process: listens, serves, and stops gracefully on a signal or when its parent has ended."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from holdfast.concurrency.workspaces import remove_stale_temporary_folders
from holdfast.processes.garbage_collection import freeze_memory
from holdfast.processes.parent_end import has_parent_ended, when_parent_ends
from holdfast.processes.sockets import port_of
from holdfast.processes.unix_sockets import remove_left_behind
from holdfast.runner.endpoints.app import create_app
from holdfast.runner.execute.shared_folder import SHARED
from holdfast.runner.http.server import RunnerServer
from holdfast.runner.services import RunnerServices
from holdfast.settings import Settings

STOP_SECONDS = 30
"""How long running calls may take after a stop, in whole seconds."""

_log = structlog.get_logger(__name__)


def _do_nothing() -> None:
    pass


async def serve(
    settings: Settings,
    listening: socket.socket,
    *,
    unix: socket.socket | None = None,
    parent_pipe: int | None = None,
    stop_seconds: int = STOP_SECONDS,
    worker: int = 0,
    on_ready: Callable[[], None] = _do_nothing,
) -> None:
    """Serves until SIGTERM, SIGINT, or the end of `parent_pipe`, a descriptor to read from; then lets running calls finish.

    `unix` is a Unix socket on which it serves too. The sockets are closed at the stop. `worker` is the index of this process among the
    workers of the runner. `on_ready` is called when calls are accepted. Raises what `RunnerServices.open` raises.
    """
    socket_path = None if unix is None else Path(unix.getsockname())
    services = await RunnerServices.open(settings, worker=worker)

    def mark_unready() -> None:
        services.ready = False

    try:
        app = create_app(services)
        server = RunnerServer(
            app, app.fast_routes, listening, stop_seconds=stop_seconds, on_ready=on_ready, on_stop=mark_unready, unix=unix
        )
        with when_parent_ends(parent_pipe, partial(_stop_after_parent, server)):
            # The guide tells operators to look for this line; the port is part of it.
            _log.info(f"Starting runner on port {port_of(listening)}")
            # Collections would need 40 ms for what the start created.
            freeze_memory()
            # Beside the calls: what a killed process left can be large.
            cleanup = asyncio.create_task(asyncio.to_thread(remove_stale_temporary_folders))
            await server.serve_and_drain()
            await cleanup
    finally:
        await services.close()
        if has_parent_ended(parent_pipe):
            _remove_shared(settings.workers_dir, socket_path)
    _log.info("The runner has stopped")


def _stop_after_parent(server: RunnerServer) -> None:
    if not server.should_exit:
        _log.info("The parent process has ended; the runner stops")
        server.stop()


def _remove_shared(folder: Path | None, socket_path: Path | None) -> None:
    """Removes what a killed parent left: responses of guests, which must not stay on disk, and the path of the Unix socket."""
    if folder is not None:
        for name in SHARED:
            shutil.rmtree(folder / name, ignore_errors=True)
        with suppress(OSError):
            folder.rmdir()
    if socket_path is not None:
        remove_left_behind(socket_path)
