"""uvicorn on sockets that are already bound, with the fast path of `fast_path`. Its owner stops it, not a signal."""

from __future__ import annotations

import asyncio
import socket
import sys
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from holdfast.http.fast_path import FastPathProtocol, FastRoutes

_TICKS_PER_SECOND = 10


class FastServer(uvicorn.Server):
    """Responds to fast routes around ASGI, and to everything else with the application. Logs no requests, trusts no forwarded headers."""

    def __init__(self, app: ASGIApp, routes: FastRoutes | None, *, stop_seconds: int, unix: socket.socket | None = None) -> None:
        """`stop_seconds` bounds the requests that still run after a stop. `unix` is a Unix socket on which it serves too."""
        self._unix = unix
        self._protocol_class = partial(FastPathProtocol, routes)
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._unix is not None:
            # Its path belongs to who made it. Python 3.13 would remove it when this server closes, before a successor listens.
            keep: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
            loop = asyncio.get_running_loop()
            self.servers.append(await loop.create_unix_server(self._protocol, sock=self._unix, backlog=self.config.backlog, **keep))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown([*(sockets or []), *([] if self._unix is None else [self._unix])])

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
