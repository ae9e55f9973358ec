"""The server of gateway and console. Its owner stops it, not a signal: the process has more to stop than this server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from starlette.types import ASGIApp

from holdfast.errors import HoldfastError
from holdfast.http.fast_path import FastRoutes
from holdfast.http.server import FastServer

DEFAULT_STOP_SECONDS = 3


class ServerNotStarted(HoldfastError):
    """Raised when the application fails to start."""

    code = "server_not_started"


def _do_nothing() -> None:
    pass


class SocketServer(FastServer):
    """Serves an application on one listening socket. `ready` is set when it accepts requests."""

    def __init__(
        self,
        app: ASGIApp,
        listening: socket.socket,
        *,
        routes: FastRoutes | None = None,
        stop_seconds: int = DEFAULT_STOP_SECONDS,
        on_stop: Callable[[], None] = _do_nothing,
    ) -> None:
        """`routes` respond instead of `app`. `stop_seconds` bounds the responses that are still open after a stop. `on_stop` is called as
        soon as a stop is requested."""
        super().__init__(app, routes, listening, stop_seconds=stop_seconds)
        self._on_stop = on_stop
        self.ready = asyncio.Event()

    async def run_until_cancelled(self) -> None:
        """Serves until it is cancelled, then finishes open responses and closes."""
        serving = asyncio.create_task(self.serve_and_drain())
        try:
            await asyncio.shield(serving)
        finally:
            self.should_exit = True
            self._on_stop()
            await asyncio.shield(serving)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as failed:
            raise ServerNotStarted("The console and gateway could not start.", hint="Check the log above.") from failed
        self.ready.set()
