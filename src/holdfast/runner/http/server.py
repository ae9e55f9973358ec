"""uvicorn on listening sockets, with a stop that loses no request.

serving ──stop──▶ closed: no new connections ──▶ accept what waits in the queues, read what it sent
                                                      │
        stopped ◀── cancel and await the rest ◀── requests drain (at most `stop_seconds`; a second stop skips this)
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from starlette.types import ASGIApp

from holdfast.http.fast_path import FastRoutes
from holdfast.http.server import FastServer
from holdfast.processes.sockets import BACKLOG

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_READ_ITERATIONS = 4


class RunnerServer(FastServer):
    """A server that stops on a signal, but without uvicorn's own handling, which would end the process before our services are closed."""

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
        super().__init__(app, routes, stop_seconds=stop_seconds, unix=unix)
        self._listening = listening
        self._queues: list[socket.socket] = []
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def serve_and_drain(self) -> None:
        """Serves until a stop; returns when no request is being processed any more."""
        with ExitStack() as closing:
            self._queues = [closing.enter_context(own.dup()) for own in (self._listening, self._unix) if own is not None]
            await self.serve(sockets=[self._listening])
        # uvicorn gives up on requests that take too long after a stop, but does not wait for their end.
        unfinished = list(self.server_state.tasks)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self._unix is not None:
            self._unix.close()
        await self._accept_queued()
        await super().shutdown(sockets)

    async def _accept_queued(self) -> None:
        """Accepts the connections in the queues of the sockets, which closing them would reset, and reads what they have sent.

        Several sockets on one port have a queue each, and the kernel moves no connection to another queue. A connection that arrives
        between the last accept and the close is still reset; nothing of it was read, so its sender may safely send it again.
        """
        accepted = [connection for queue in self._queues for connection in _take_queued(queue)]
        loop = asyncio.get_running_loop()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)
        # uvicorn closes connections from which it has read nothing. What has arrived is read within a few iterations of the loop.
        for _ in range(_READ_ITERATIONS):
            await asyncio.sleep(0)


def _take_queued(queue: socket.socket) -> Iterator[socket.socket]:
    """Accepts what is in the socket's queue now, and closes the socket."""
    queue.setblocking(False)
    for _ in range(BACKLOG):
        try:
            yield queue.accept()[0]
        except OSError:
            break
    queue.close()
