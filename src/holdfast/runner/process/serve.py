"""The runner as a process: listens, serves, and stops in order when it is told to or its parent is gone."""

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

from holdfast.runner.app import create_app
from holdfast.runner.http.server import RunnerServer
from holdfast.runner.process.sockets import port_of
from holdfast.runner.services import SHARED, RunnerServices
from holdfast.settings import Settings

STOP_SECONDS = 30
"""How long calls under way may take after a stop, in whole seconds."""

_log = structlog.get_logger(__name__)


def _nobody_waits() -> None:
    pass


async def serve(
    settings: Settings,
    listening: socket.socket,
    *,
    parent_pipe: int | None = None,
    stop_seconds: int = STOP_SECONDS,
    worker: int = 0,
    on_ready: Callable[[], None] = _nobody_waits,
) -> None:
    """Serves until SIGTERM, SIGINT, or the end of `parent_pipe`, a descriptor to read from; then lets calls under way finish.

    The listening socket is closed at the stop. `worker` is the place of this process among the workers of the runner. `on_ready` is
    called when calls are taken. Raises what `RunnerServices.open` raises.
    """
    services = await RunnerServices.open(settings, worker=worker)

    def take_no_more() -> None:
        services.ready = False

    try:
        app = create_app(services)
        server = RunnerServer(app, app.execute, listening, stop_seconds=stop_seconds, on_ready=on_ready, on_stop=take_no_more)
        with _parent_watched(server, parent_pipe):
            _log.info(f"Starting runner on port {port_of(listening)}")
            # What is there now stays to the end. To look through all of it for garbage, as happens now and then, takes 40 ms.
            gc.collect()
            gc.freeze()
            await server.run_to_the_end()
    finally:
        await services.close()
        if settings.workers_dir is not None and parent_pipe is not None and _is_at_end(parent_pipe):
            _remove_shared(settings.workers_dir)
    _log.info("The runner has stopped")


@contextmanager
def _parent_watched(server: RunnerServer, parent_pipe: int | None) -> Iterator[None]:
    """Stops the server when the other end of the pipe is closed, which the system does however the parent ended."""
    if parent_pipe is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(parent_pipe, 1_024):
            loop.remove_reader(parent_pipe)
            if not server.should_exit:
                _log.info("The parent process is gone; the runner stops")
                server.stop()

    loop.add_reader(parent_pipe, readable)
    try:
        yield
    finally:
        loop.remove_reader(parent_pipe)


def _is_at_end(pipe: int) -> bool:
    # Nobody ever writes to it, so what there is to read is its end.
    return bool(select.select([pipe], [], [], 0)[0])


def _remove_shared(folder: Path) -> None:
    """Removes what the workers of a killed parent shared: answers of guests are not to stay."""
    for name in SHARED:
        shutil.rmtree(folder / name, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()
