"""The connections to one address: kept alive, reused, bounded in number.

request ──▶ an idle connection that is still open? ──yes──▶ send on it ──NotSent──▶ the next one
                 │ no                                          │
                 ▼                                             ▼ response
         fewer than `max_connections`? ──yes──▶ connect ──▶ send ──▶ back to the idle ones, or to the next request that waits
                 │ no
                 ▼
         wait for a connection (the deadline counts)

A request is repeated only after NotSent on a kept connection: then the server cannot have processed it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from holdfast.http.client.address import Address
from holdfast.http.client.connecting import connect
from holdfast.http.client.connection import Connection, Response
from holdfast.http.client.errors import NotSent

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 4.0
"""How long a connection may have been idle. Less than servers wait before they close it (uvicorn: 5 seconds), so that both ends do not
decide in the same instant."""


class HttpClient:
    """Sends requests to one address. Belongs to one event loop. Sends no cookies, follows no redirects, decodes no content encoding."""

    def __init__(
        self,
        address: Address,
        headers: Mapping[str, str] | None = None,
        *,
        prefix: str = "",
        max_connections: int = 512,
        max_idle: int = 64,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`headers` are sent with every request, and `prefix` precedes every path. Raises ValueError for a header with a line end."""
        self.address = address
        self.running = 0
        """Requests that wait for their response."""
        fixed = {"host": address.authority, "accept-encoding": "identity", **(headers or {})}
        self._fixed = "".join([f"{name}: {value}\r\n" for name, value in fixed.items()])
        self._prefix = prefix
        _check(self._fixed + prefix, len(fixed))
        self._max_connections = max_connections
        self._max_idle = max_idle
        self._idle_seconds = idle_seconds
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, *, timeout: float, max_bytes: int
    ) -> Response:
        """The response to a request. `target` is path and query, percent-encoded; any method but HEAD and CONNECT.

        `timeout` is seconds for all of it, to the last byte of the response; `max_bytes` bounds the response's body. Raises NotSent,
        ConnectionLost, InvalidResponse, ResponseTooLarge, TimeoutError, and ValueError for a line end in target or headers. When the caller
        is cancelled, the connection is closed.
        """
        own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        _check(target + own, len(headers))
        if " " in target:
            raise ValueError("a path contains a space")
        head = f"{method} {self._prefix}{target} HTTP/1.1\r\n{self._fixed}{own}content-length: {len(body)}\r\n\r\n".encode("latin-1")
        self.running += 1
        try:
            return await self._send(head, body, timeout, max_bytes)
        finally:
            self.running -= 1

    async def close(self) -> None:
        """Closes all connections. Running requests raise ConnectionLost, waiting ones NotSent."""
        self._max_connections = 0
        while self._waiting:
            self._wake_next()
        for connection in self._all:
            connection.abort()
        await asyncio.gather(*[connection.closed for connection in self._all])
        self._all.clear()
        self._idle.clear()

    async def _send(self, head: bytes, body: bytes, timeout: float, max_bytes: int) -> Response:
        loop = asyncio.get_running_loop()
        now = loop.time()
        deadline = now + timeout
        while True:
            # Requests that wait for a connection come before this one.
            kept = None if self._waiting else self._take_idle(now)
            if kept is not None:
                connection, is_new = kept, False
            else:
                connection, is_new = await self._open(deadline)
                now = loop.time()
            try:
                return await connection.start(head, body, timeout=deadline - now, max_bytes=max_bytes)
            except NotSent:
                if is_new:
                    raise
            except asyncio.CancelledError:
                connection.abort()
                raise
            finally:
                now = loop.time()
                self._give_back(connection, now)

    def _take_idle(self, now: float) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and now - connection.idle_since < self._idle_seconds and not connection.is_closed_by_server():
                return connection
            self._drop(connection)
        return None

    def _give_back(self, connection: Connection, now: float) -> None:
        if connection.is_open and len(self._idle) < self._max_idle and self._max_connections:
            connection.idle_since = now
            self._idle.append(connection)
        else:
            self._drop(connection)
        if self._waiting:
            self._wake_next()

    def _drop(self, connection: Connection) -> None:
        connection.abort()
        self._all.discard(connection)

    async def _open(self, deadline: float) -> tuple[Connection, bool]:
        """A connection, and whether it is new. Raises NotSent, TimeoutError."""
        loop = asyncio.get_running_loop()
        if self._is_full() or self._waiting:
            async with asyncio.timeout_at(deadline):
                idle = await self._wait_for_turn()
            if idle is not None:
                return idle, False
        self._connecting += 1
        try:
            connection = await connect(self.address, timeout=max(0.0, min(CONNECT_SECONDS, deadline - loop.time())))
        except BaseException:
            self._wake_next()
            raise
        finally:
            self._connecting -= 1
        self._all.add(connection)
        return connection, True

    def _is_full(self) -> bool:
        return len(self._all) + self._connecting >= self._max_connections

    async def _wait_for_turn(self) -> Connection | None:
        """An idle connection, or None when another may be opened."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        while True:
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake_next()  # the turn is the next one's now
                raise
            if not self._max_connections:
                raise NotSent("the client is closed")
            idle = self._take_idle(loop.time())
            if idle is not None or not self._is_full():
                return idle
            # A request that came later took the connection.
            turn = loop.create_future()
            self._waiting.appendleft(turn)

    def _wake_next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


def _check(text: str, lines: int) -> None:
    """Raises ValueError unless the text has exactly as many line ends as there are headers: no value may begin another header."""
    if text.count("\r") != lines or text.count("\n") != lines or "\0" in text:
        raise ValueError("a header or path contains a line end")
