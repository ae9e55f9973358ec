"""One connection to a server, and the response that it waits for.

            start: request written                    response complete
    idle ───────────────────────────▶ waiting ──────────────────────────────▶ idle, or closed (the server says so)
     │                                   │
     │ the server closes,                │ deadline, cancelled caller, invalid or too large response,
     │ or sends without a request         │ the server closes
     ▼                                   ▼
  closed                              closed: the caller gets the error

A connection has one request at a time. Nothing is shared between threads; all of it runs on the loop that opened it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import httptools
from msgspec import Struct

from holdfast.http.client.errors import ClientError, ConnectionLost, InvalidResponse, NotSent, ResponseTooLarge

MAX_HEAD_BYTES = 64 * 1024
"""Largest head of a response, and how much its chunks may add to it."""
_LARGE_BYTES = 64 * 1024
"""A body from this size on is not copied to stand behind its head; the transport writes both with one system call."""


class Response(Struct, frozen=True):
    """A whole response. `headers` are in their order, names in the server's spelling."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header with this name (in lower case), or None."""
        return next((value for spelled, value in self.headers if spelled.lower() == name), None)


class Connection(asyncio.Protocol):
    """A connection that is open. `idle_since` is the loop's time at the end of the latest response."""

    def __init__(self, connected: socket.socket | None) -> None:
        """`connected` is its socket, to ask whether the server has closed it; None with TLS, whose records only the transport reads."""
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.idle_since = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._received = 0
        self._max_bytes = 0
        self._can_stay = True

    # What the pool calls.

    @property
    def is_open(self) -> bool:
        """Whether the connection can take another request, as far as the loop knows."""
        return self._can_stay

    def is_closed_by_server(self) -> bool:
        """Asks the system, which may know of an end that the loop has not read yet."""
        if self._socket is None:
            return False
        try:
            # Bytes without a request end the connection too.
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True

    def start(self, head: bytes, body: bytes, *, timeout: float, max_bytes: int) -> asyncio.Future[Response]:
        """Writes a request. The future raises ClientError or TimeoutError; after `timeout` seconds at the latest it is done."""
        self._waiter = waiter = self._loop.create_future()
        self._headers, self._body, self._received, self._max_bytes = [], [], 0, max_bytes
        self._timer = self._loop.call_later(timeout, self._expire)
        if len(body) < _LARGE_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        return waiter

    def abort(self) -> None:
        """Closes the connection at once: for a server, its caller has disconnected."""
        self._can_stay = False
        self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(InvalidResponse("the response is not HTTP/1.1"))
            return
        # Checked for a complete response too: a single read can hold more than the caller allows.
        if self._waiter is not None and self._received > self._max_bytes + MAX_HEAD_BYTES:
            self._fail(ResponseTooLarge("the response is too large"))

    def eof_received(self) -> bool | None:
        self._can_stay = False
        return None  # the transport closes itself

    def connection_lost(self, exc: Exception | None) -> None:
        self._can_stay = False
        if self._waiter is not None:
            if isinstance(exc, BrokenPipeError) and not self._received and self._socket is not None:
                # The system refused a write, so the server lacks a part of the request and cannot have acted on it. (With TLS, it may
                # have been a write of the protocol itself, after the whole request.)
                self._fail(NotSent("the server closed the connection before the request was sent"))
            else:
                self._fail(ConnectionLost("the server closed the connection before its response was complete"))
        if not self.closed.done():
            self.closed.set_result(None)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._waiter is None:
            # A second response in the same read.
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        waiter = self._waiter
        if waiter is None:
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        status = self._parser.get_status_code()
        if status < 200:
            # We never ask for one, and what follows it would be taken for the response of the next request.
            self._fail(InvalidResponse("the response is an interim response"))
        elif len(body) > self._max_bytes:
            self._fail(ResponseTooLarge("the response is too large"))
        else:
            if not self._parser.should_keep_alive():
                self._can_stay = False
            self._waiter = None
            self._stop_timer()
            if not waiter.done():
                waiter.set_result(Response(status, self._headers, body))

    def _expire(self) -> None:
        self._fail(TimeoutError())

    def _fail(self, error: ClientError | TimeoutError) -> None:
        waiter, self._waiter = self._waiter, None
        self._stop_timer()
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        self.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
