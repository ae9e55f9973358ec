"""uvicorn's HTTP protocol, with a short way for the one route that is on the way of every call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

SHORT_MAX_BYTES = 256 * 1024
"""The short way holds a request whole before anybody asks whether its sender may send one. What is larger, or says not how large it is,
goes the application's way, which asks first."""

RawHeaders = Sequence[tuple[bytes, bytes]]
"""Header fields in their order, names in lower case."""


class RawAnswer(Protocol):
    """A whole answer: its status, its header fields with `content-length` among them, its body. Starlette's `Response` is one."""

    @property
    def status_code(self) -> int: ...

    @property
    def raw_headers(self) -> RawHeaders: ...

    @property
    def body(self) -> bytes | memoryview: ...


class ShortRoute(Protocol):
    """What answers `POST` of one path around ASGI: its scope, messages and checks of each header take twice as long as all else that
    HTTP costs here."""

    path: bytes
    """In ASCII, without a query."""

    def answer(self, headers: RawHeaders, body: bytes, gone: Callable[[], bool]) -> Awaitable[RawAnswer]:
        """The answer, whatever happens. The task is cancelled when the caller goes away, and `gone` says then that this is why."""
        ...


class RunnerProtocol(HttpToolsProtocol):
    """One connection. A request for the short route goes there when it is an ordinary one: of known, moderate length, not behind another
    that is still being answered. All others are uvicorn's."""

    def __init__(self, short: ShortRoute, config: Config, server_state: ServerState, app_state: dict[str, object], **given: object) -> None:
        super().__init__(config, server_state, app_state)
        self._short = short
        self._call: _ShortCall | None = None
        self._idle_since: float | None = None

    def on_response_complete(self) -> None:
        if self.pipeline:
            super().on_response_complete()
            return
        # What uvicorn does, but for a timer that nearly every request would set and the next one take back.
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._idle_since = self.loop.time()

    def close_if_idle(self, now: float) -> None:
        """Closes the connection when no request has begun for the time that a connection is kept; `now` is the loop's."""
        if self._idle_since is not None and now - self._idle_since >= self.timeout_keep_alive and not self.transport.is_closing():
            self.transport.close()

    def on_message_begin(self) -> None:
        self._idle_since = None
        # uvicorn makes its scope here; that waits until it is known who answers.
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        if self.url == self._short.path and self._is_ordinary():
            self.cycle = self._call = _ShortCall(self.parser.should_keep_alive())
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _is_ordinary(self) -> bool:
        latest: RequestResponseCycle | None = self.cycle
        busy = latest is not None and not latest.response_complete
        if busy or self.expect_100_continue or self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return False
        if self.parser.should_upgrade():
            return False
        lengths = [value for name, value in self.headers if name == b"content-length"]
        return len(lengths) == 1 and int(lengths[0]) <= SHORT_MAX_BYTES  # the parser has refused what is no number

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
        call.task = task = self.loop.create_task(self._answer(call, self.headers))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        call = self._call
        if call is not None and not call.response_complete:
            call.disconnected = True
            if call.task is not None:
                call.task.cancel()

    async def _answer(self, call: _ShortCall, headers: RawHeaders) -> None:
        answer = await self._short.answer(headers, bytes(call.body), call.is_gone)
        if self.flow.write_paused and not call.disconnected:
            await self.flow.drain()
        if call.disconnected:
            return
        pieces: list[bytes | memoryview] = [STATUS_LINE[answer.status_code]]
        for name, value in (*self.server_state.default_headers, *answer.raw_headers):
            pieces += (name, b": ", value, b"\r\n")
        pieces += (b"\r\n" if call.keep_alive else b"connection: close\r\n\r\n", answer.body)
        self.transport.write(b"".join(pieces))
        call.response_complete = True
        if not call.keep_alive:
            self.transport.close()
        self.on_response_complete()


class _ShortCall(RequestResponseCycle):
    """One request on the short way: no more than what uvicorn asks of the latest request of a connection, and the task that answers it."""

    def __init__(self, keep_alive: bool) -> None:
        self.body = bytearray()
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self.message_event = _NOBODY_WAITS
        self.task: asyncio.Task[None] | None = None

    def is_gone(self) -> bool:
        return self.disconnected


class _Nobody(asyncio.Event):
    """There is nobody to wake: the task itself is cancelled."""

    def set(self) -> None:
        pass


_NOBODY_WAITS = _Nobody()
