"""uvicorn's HTTP protocol, with a fast path around ASGI for the routes that calls take. Gateway and runner use the same one.

                   ┌─ ordinary request for a fast route ──▶ FastCall ──▶ Respond ──▶ one write
headers complete ──┤
                   └─ all others ─────────────────────────▶ uvicorn ───▶ ASGI application

Ordinary: HTTP/1.1, one `content-length` of at most FAST_MAX_BYTES or no body at all, no `expect`, no upgrade, and no earlier request
on the connection that is still waiting for its response. A pipelined request therefore never overtakes another.

FastCall:  reading body ──complete──▶ task runs ──response──▶ written
                └───── connection lost ────┴──▶ disconnected: the task is cancelled, nothing is written
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

FAST_MAX_BYTES = 256 * 1024
"""The fast path reads a whole request before it checks who sent it. Larger requests, and those of unknown length, go to the application,
which checks first."""

UNIX_CLIENT = ("unix", 0)
"""The client of a connection over a Unix socket, which has no address: as `FastCall.client`, and in an ASGI scope. A peer whose address is
unknown, because it has gone already, is None."""

RawHeaders = Sequence[tuple[bytes, bytes]]
"""Header fields in their order, names in lower case."""


def header_table(headers: RawHeaders) -> dict[str, str]:
    """The request's headers by lower-case name; of a repeated one, the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers)}


class RawResponse(Protocol):
    """A whole response: its status, its header fields, its body. Starlette's `Response` is one.

    `content-length` is among the fields unless the status is 204 or 304. The response to HEAD has the fields of the one to GET; its body
    is not sent. No field has a line end.
    """

    @property
    def status_code(self) -> int: ...

    @property
    def raw_headers(self) -> RawHeaders: ...

    @property
    def body(self) -> bytes | memoryview: ...


class FastCall(RequestResponseCycle):
    """One whole request on the fast path. It also has what uvicorn reads from a connection's latest request.

    `target` is path and query as they were sent. `client` and `server` are the ends of the connection, where it has them.
    """

    def __init__(self, connection: FastPathProtocol, method: bytes, respond: Respond) -> None:
        self.method = method
        self.target = connection.url
        self.headers: RawHeaders = connection.headers
        self.body = bytearray()
        self.client = connection.client
        self.server = connection.server
        self.scheme = connection.scheme
        self.respond = respond
        self.keep_alive = connection.parser.should_keep_alive()
        self.disconnected = False
        self.response_complete = False
        self.message_event = _NO_EVENT
        self.task: asyncio.Task[None] | None = None


Respond = Callable[[FastCall], Awaitable[RawResponse]]
"""Responds to a request. Its task is cancelled when the client disconnects (`disconnected` is then True), and at the end of a stop: then
it may return its own response to that. Raises nothing else."""

FastRoutes = Callable[[bytes, bytes], Respond | None]
"""What responds to this method and target on the fast path; None leaves the request to the application."""


class FastPathProtocol(HttpToolsProtocol):
    """One connection. Ordinary requests for fast routes go there; all others are uvicorn's."""

    def __init__(
        self, routes: FastRoutes | None, config: Config, server_state: ServerState, app_state: dict[str, object], **more: object
    ) -> None:
        """Without `routes`, every request goes to the application."""
        super().__init__(config, server_state, app_state)
        self._routes = routes
        self._call: FastCall | None = None
        self._idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family == socket.AF_UNIX:
            self.client = UNIX_CLIENT

    def on_response_complete(self) -> None:
        if self.pipeline:
            super().on_response_complete()
            return
        # What uvicorn does, without the timer that nearly every request would set and the next one cancel: `close_if_idle` replaces it.
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._idle_since = self.loop.time()

    def close_if_idle(self, now: float) -> None:
        """Closes the connection when no request has started during the keep-alive timeout; `now` is the loop's time."""
        if self._idle_since is not None and now - self._idle_since >= self.timeout_keep_alive and not self.transport.is_closing():
            self.transport.close()

    def on_message_begin(self) -> None:
        self._idle_since = None
        # uvicorn creates its scope here; that waits until it is known who responds.
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        if self._routes is not None:
            method = self.parser.get_method()
            respond = self._routes(method, self.url)
            if respond is not None and self._is_ordinary():
                self.cycle = self._call = FastCall(self, method, respond)
                return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _is_ordinary(self) -> bool:
        latest: RequestResponseCycle | None = self.cycle
        busy = latest is not None and not latest.response_complete
        if busy or self.expect_100_continue or self.parser.get_http_version() != "1.1" or self.parser.should_upgrade():
            return False
        length = b"0"
        lengths = 0
        for name, value in self.headers:
            if name == b"content-length":
                length, lengths = value, lengths + 1
            elif name == b"transfer-encoding":
                return False
        return lengths <= 1 and int(length) <= FAST_MAX_BYTES  # the parser rejects lengths that are not numbers

    def on_body(self, body: bytes) -> None:
        call = self._call
        if call is not None and self.cycle is call:
            call.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        call = self._call
        if call is None or self.cycle is not call:
            super().on_message_complete()
            return
        call.task = task = self.loop.create_task(self._respond(call))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def send_400_response(self, msg: str) -> None:
        """The response to what is not HTTP: uvicorn's is plain text."""
        response = _Malformed()
        headers = (*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close"))
        lines = [b"%s: %s\r\n" % (name, value) for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[response.status_code], *lines, b"\r\n", response.body]))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        call = self._call
        if call is not None and not call.response_complete:
            call.disconnected = True
            if call.task is not None:
                call.task.cancel()

    async def _respond(self, call: FastCall) -> None:
        response: RawResponse
        try:
            response = await call.respond(call)
        except asyncio.CancelledError:
            if call.disconnected:
                raise
            response = _Stopping()
        if self.flow.write_paused and not call.disconnected:
            await self.flow.drain()
        if call.disconnected:
            return
        pieces: list[bytes | memoryview] = [STATUS_LINE[response.status_code]]
        for name, value in (*self.server_state.default_headers, *response.raw_headers):
            pieces += (name, b": ", value, b"\r\n")
        pieces.append(b"\r\n" if call.keep_alive else b"connection: close\r\n\r\n")
        if call.method != b"HEAD":
            pieces.append(response.body)
        self.transport.write(b"".join(pieces))
        call.response_complete = True
        if not call.keep_alive:
            self.transport.close()
        self.on_response_complete()


class _Stopping:
    """The response to a request that was cancelled at the end of a stop."""

    status_code = 503
    body = b'{"error":"stopping","message":"The server is stopping and could not finish this request.","hint":"Send it again."}'
    raw_headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store"))


class _Malformed:
    """The response to a request that cannot be parsed."""

    status_code = 400
    body = (
        b'{"error":"invalid_request","message":"The request is not valid HTTP.",'
        b'"hint":"Check its first line and headers. Percent-encode what is not ASCII in the path."}'
    )
    raw_headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store"))


class _NoEvent(asyncio.Event):
    """uvicorn sets an event to wake the application. On the fast path nothing waits for it: the task itself is cancelled."""

    def set(self) -> None:
        pass


_NO_EVENT = _NoEvent()
