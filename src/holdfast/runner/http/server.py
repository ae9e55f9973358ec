"""uvicorn on one listening socket, stopped so that nothing that was begun is lost."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from holdfast.runner.http.fast_path import RunnerProtocol, ShortRoute
from holdfast.runner.process.sockets import BACKLOG

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_READ_ROUNDS = 4
_TICKS_A_SECOND = 10


class RunnerServer(uvicorn.Server):
    """uvicorn that leaves signals to us: its own way of handling them ends the process before anything of ours is closed."""

    def __init__(
        self,
        app: ASGIApp,
        short: ShortRoute,
        listening: socket.socket,
        *,
        stop_seconds: int,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        """`short` answers its route instead of `app`. `stop_seconds` bounds the calls under way after a stop. `on_ready` is called when
        calls are taken, `on_stop` as soon as a stop is asked for, while what is under way goes on."""
        self._protocol_class = partial(RunnerProtocol, short)
        super().__init__(
            uvicorn.Config(
                app,
                http=self._protocol_class,  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=stop_seconds,
            )
        )
        self._listening = listening
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def run_to_the_end(self) -> None:
        """Serves until a stop; returns when no request is being answered any more."""
        with self._listening.dup() as self._queue:
            await self.serve(sockets=[self._listening])
        # uvicorn gives up on requests that take too long after a stop, but does not wait for their end.
        left = list(self.server_state.tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def stop(self) -> None:
        """Stops in order; told twice, without waiting for calls under way."""
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

    async def on_tick(self, counter: int) -> bool:
        over = await super().on_tick(counter)
        if counter % _TICKS_A_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, RunnerProtocol):
                    connection.close_if_idle(now)
        return over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._take_what_came()
        await super().shutdown(sockets)

    async def _take_what_came(self) -> None:
        """Accepts the connections in the socket's queue, which the system would reset with the socket, and reads what they have sent.

        Several sockets on one port have a queue each, and the system gives none of it to the others. What comes in the instant between the
        last look at the queue and its end is reset all the same; it has not been read, so its sender may safely send it again.
        """
        came: list[socket.socket] = []
        self._queue.setblocking(False)
        while len(came) < BACKLOG:
            try:
                came.append(self._queue.accept()[0])
            except OSError:
                break
        self._queue.close()
        loop = asyncio.get_running_loop()
        for connection in came:
            await loop.connect_accepted_socket(self._protocol, connection)
        # uvicorn closes connections that it has read nothing of. What has arrived is read within a few rounds of the loop.
        for _ in range(_READ_ROUNDS):
            await asyncio.sleep(0)

    def _protocol(self) -> asyncio.Protocol:
        return self._protocol_class(self.config, self.server_state, self.lifespan.state)
