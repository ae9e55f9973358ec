"""The runner's server: it stops on a signal, and says when it is ready and when it stops."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

from holdfast.http.fast_path import FastRoutes
from holdfast.http.server import FastServer
from holdfast.runner.http.goodbye import RunnerProtocol

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class RunnerServer(FastServer):
    """A server that stops on a signal; a second one does not wait for running calls."""

    protocol = RunnerProtocol

    def __init__(
        self,
        app: ASGIApp,
        routes: FastRoutes | None,
        listening: socket.socket,
        *,
        stop_seconds: int,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
        unix: socket.socket | None = None,
    ) -> None:
        """`routes` respond instead of `app`. `stop_seconds` bounds the calls that still run after a stop. `on_ready` is called when calls
        are accepted, `on_stop` as soon as a stop is requested, while calls still run. `unix` is a Unix socket on which it serves too."""
        super().__init__(app, routes, listening, stop_seconds=stop_seconds, unix=unix)
        self._on_ready = on_ready
        self._on_stop = on_stop

    def stop(self) -> None:
        """Stops gracefully. A second call stops without waiting for running calls."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._on_stop()

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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()
