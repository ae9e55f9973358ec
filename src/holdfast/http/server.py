"""uvicorn on sockets that are already bound, with the fast path of `fast_path`, and with a stop that loses no request.

serving ──stop──▶ closed: no new connections ──▶ accept what waits in the queues, read what it sent
                                                      │
        stopped ◀── cancel and await the rest ◀── requests drain (at most `stop_seconds`; `force_exit` skips this)
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from holdfast.http.fast_path import FastPathProtocol, FastRoutes

_TICKS_PER_SECOND = 10
_READ_ITERATIONS = 4


class FastServer(uvicorn.Server):
    """Responds to fast routes around ASGI, and to everything else with the application. Logs no requests, trusts no forwarded headers.

    Its owner stops it by `should_exit`, not a signal. `protocol` is the class of its connections.
    """

    protocol: type[FastPathProtocol] = FastPathProtocol

    def __init__(
        self, app: ASGIApp, routes: FastRoutes | None, listening: socket.socket, *, stop_seconds: int, unix: socket.socket | None = None
    ) -> None:
        """`stop_seconds` bounds the requests that still run after a stop. `unix` is a Unix socket on which it serves too."""
        self._listening = listening
        self._unix = unix
        self._queues: list[socket.socket] = []
        self._protocol_class = partial(self.protocol, routes)
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

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Installs no signal handlers: uvicorn's own would end the process before its services are closed."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._unix is not None:
            # Its path belongs to who made it. Python 3.13 would remove it when this server closes, before a successor listens.
            keep: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
            loop = asyncio.get_running_loop()
            self.servers.append(await loop.create_unix_server(self._protocol, sock=self._unix, backlog=self.config.backlog, **keep))

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
        accepted = [connection for queue in self._queues for connection in _take_queued(queue, self.config.backlog)]
        loop = asyncio.get_running_loop()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)
        # uvicorn closes connections from which it has read nothing. What has arrived is read within a few iterations of the loop.
        for _ in range(_READ_ITERATIONS):
            await asyncio.sleep(0)

    async def on_tick(self, counter: int) -> bool:
        should_stop = await super().on_tick(counter)
        # Once a second: `FastPathProtocol` sets no keep-alive timer for each request.
        if counter % _TICKS_PER_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, FastPathProtocol):
                    connection.close_if_idle(now)
        return should_stop

    def _protocol(self) -> asyncio.Protocol:
        return self._protocol_class(self.config, self.server_state, self.lifespan.state)


def _take_queued(queue: socket.socket, most: int) -> Iterator[socket.socket]:
    """Accepts what is in the socket's queue now, and closes the socket."""
    queue.setblocking(False)
    for _ in range(most):
        try:
            yield queue.accept()[0]
        except OSError:
            break
    queue.close()
