"""uvicorn on a socket that is already bound. Its owner stops it, not a signal."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from starlette.types import ASGIApp

from holdfast.errors import HoldfastError
from holdfast.http.fast_path import FastRoutes
from holdfast.http.server import FastServer

STOP_SECONDS = 3
"""How long open responses may take after a stop; an open debug stream never ends by itself."""


class ServerNotStarted(HoldfastError):
    """Raised when the application fails to start."""

    code = "server_not_started"


class SocketServer(FastServer):
    """Serves an application on one listening socket. `ready` is set when it accepts requests."""

    def __init__(self, app: ASGIApp, listening: socket.socket, *, routes: FastRoutes | None = None) -> None:
        """`routes` respond instead of `app`."""
        super().__init__(app, routes, stop_seconds=STOP_SECONDS)
        self._listening = listening
        self.ready = asyncio.Event()

    async def run_until_cancelled(self) -> None:
        """Serves until it is cancelled, then finishes open responses and closes."""
        serving = asyncio.create_task(self.serve(sockets=[self._listening]))
        try:
            await asyncio.shield(serving)
        finally:
            self.should_exit = True
            await asyncio.shield(serving)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as failed:
            raise ServerNotStarted("The console and gateway could not start.", hint="Check the log above.") from failed
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Installs no signal handlers: the platform has more to stop than this server."""
        yield
