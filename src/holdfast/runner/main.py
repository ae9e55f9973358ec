"""The runner as a process: listens, serves, and stops in order when it is told to or its parent is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn

from holdfast.errors import HoldfastError
from holdfast.runner.app import create_app
from holdfast.runner.services import RunnerServices
from holdfast.settings import Settings

ALONE_STOP_SECONDS = 30
CHILD_STOP_SECONDS = 4
"""How long calls under way may take after a stop. Who keeps a runner as a child waits for its end."""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = structlog.get_logger(__name__)


class CannotListen(HoldfastError):
    """Raised when the address is taken or not ours."""

    code = "cannot_listen"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2_048)
    except OSError as error:
        sock.close()
        raise CannotListen(
            f"The runner cannot listen on {host}:{port}: {error.strerror}.", hint="Stop what is there, or set RUNNER_PORT to another port."
        ) from None
    sock.setblocking(False)
    return sock


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us: its own way of handling them ends the process before anything of ours is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in _STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Stops in order; told twice, without waiting for calls under way."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def serve(settings: Settings, *, sock: socket.socket | None = None, parent_pipe: int | None = None) -> None:
    """Serves until SIGTERM, SIGINT, or the end of `parent_pipe`, a descriptor to read from; then lets calls under way finish.

    `sock` is a listening socket, else one is made from the settings. Raises what `RunnerServices.open` and `listen` raise.
    """
    services = await RunnerServices.open(settings)
    try:
        with sock or listen(settings.host, settings.runner_port) as listening:
            server = _Server(_configuration(services, CHILD_STOP_SECONDS if parent_pipe is not None else ALONE_STOP_SECONDS))
            watcher = None if parent_pipe is None else asyncio.create_task(_stop_with_parent(server, parent_pipe))
            _log.info(f"Starting runner on port {listening.getsockname()[1]}")
            try:
                await server.serve(sockets=[listening])
            finally:
                services.ready = False
                if watcher is not None:
                    watcher.cancel()
                    with suppress(asyncio.CancelledError):
                        await watcher
    finally:
        await services.close()
    _log.info("The runner has stopped")


def _configuration(services: RunnerServices, stop_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=stop_seconds,
    )


async def _stop_with_parent(server: _Server, parent_pipe: int) -> None:
    """Reads until the other end is closed, which the system does however the parent ended."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(parent_pipe, "rb", buffering=0))
    try:
        while await reader.read(1_024):
            pass
        _log.info("The parent process is gone; the runner stops")
        server.stop()
    finally:
        transport.close()
