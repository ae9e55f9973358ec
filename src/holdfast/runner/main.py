"""The runner as a process: listens, serves, and stops in order when it is told to or its parent is gone."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from holdfast.runner.app import create_app
from holdfast.runner.server import RunnerServer
from holdfast.runner.services import RunnerServices
from holdfast.runner.sockets import port_of
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
    on_ready: Callable[[], None] = _nobody_waits,
) -> None:
    """Serves until SIGTERM, SIGINT, or the end of `parent_pipe`, a descriptor to read from; then lets calls under way finish.

    The listening socket is closed at the stop. `on_ready` is called when calls are taken. Raises what `RunnerServices.open` raises.
    """
    services = await RunnerServices.open(settings)

    def take_no_more() -> None:
        services.ready = False

    try:
        server = RunnerServer(create_app(services), listening, stop_seconds=stop_seconds, on_ready=on_ready, on_stop=take_no_more)
        with _parent_watched(server, parent_pipe):
            _log.info(f"Starting runner on port {port_of(listening)}")
            await server.run_to_the_end()
    finally:
        await services.close()
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
