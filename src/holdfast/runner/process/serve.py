"""The runner as a process: listens, serves, and stops gracefully on a signal or when its parent has ended."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from holdfast.runner.endpoints.app import create_app
from holdfast.runner.http.server import RunnerServer
from holdfast.runner.http.sockets import port_of
from holdfast.runner.services import SHARED, RunnerServices
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
    parent_pipe: int | None = None,
    stop_seconds: int = STOP_SECONDS,
    worker: int = 0,
    on_ready: Callable[[], None] = _do_nothing,
) -> None:
    """Serves until SIGTERM, SIGINT, or the end of `parent_pipe`, a descriptor to read from; then lets running calls finish.

    The listening socket is closed at the stop. `worker` is the index of this process among the workers of the runner. `on_ready` is
    called when calls are accepted. Raises what `RunnerServices.open` raises.
    """
    services = await RunnerServices.open(settings, worker=worker)

    def mark_unready() -> None:
        services.ready = False

    try:
        app = create_app(services)
        server = RunnerServer(app, app.fast_routes, listening, stop_seconds=stop_seconds, on_ready=on_ready, on_stop=mark_unready)
        with _stop_with_parent(server, parent_pipe):
            # The guide tells operators to look for this line; the port is part of it.
            _log.info(f"Starting runner on port {port_of(listening)}")
            # These objects live to the end of the process. Frozen, garbage collections skip them, which would need 40 ms for them.
            gc.collect()
            gc.freeze()
            await server.serve_and_drain()
    finally:
        await services.close()
        if settings.workers_dir is not None and parent_pipe is not None and _is_at_end(parent_pipe):
            _remove_shared(settings.workers_dir)
    _log.info("The runner has stopped")


@contextmanager
def _stop_with_parent(server: RunnerServer, parent_pipe: int | None) -> Iterator[None]:
    """Stops the server when the other end of the pipe is closed, which the kernel does for any end of the parent."""
    if parent_pipe is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(parent_pipe, 1_024):
            loop.remove_reader(parent_pipe)
            if not server.should_exit:
                _log.info("The parent process has ended; the runner stops")
                server.stop()

    loop.add_reader(parent_pipe, readable)
    try:
        yield
    finally:
        loop.remove_reader(parent_pipe)


def _is_at_end(pipe: int) -> bool:
    # Nothing is ever written to it, so it is readable only at its end.
    return bool(select.select([pipe], [], [], 0)[0])


def _remove_shared(folder: Path) -> None:
    """Removes what the workers of a killed parent shared: responses of guests must not stay on disk."""
    for name in SHARED:
        shutil.rmtree(folder / name, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()
