"""A real HTTP server on a free loopback port that records requests and returns prepared responses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from holdfast.http.fast_path import FastPathProtocol, FastRoutes
from tests.waiting import MAX_WAIT_SECONDS

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@dataclass
class Recorded:
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


Answer = Callable[[Recorded], Response | Awaitable[Response]]


@dataclass
class RecordingServer:
    """`requests` has the received requests; `answer` creates each response and can be replaced at any time."""

    port: int
    requests: list[Recorded] = field(default_factory=list)
    answer: Answer = field(default=lambda _: JSONResponse({}))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reply(self, body: Any, status: int = 200) -> None:
        """Returns this JSON and status for every further request."""
        self.answer = lambda _: JSONResponse(body, status_code=status)

    async def wait_for(self, number: int) -> list[Recorded]:
        """Waits until this many requests have arrived."""
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while len(self.requests) < number:
                self.arrived.clear()
                await self.arrived.wait()
        return self.requests

    async def handle(self, request: Request) -> Response:
        raw_path = request.scope["raw_path"].decode("ascii").partition("?")[0]
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in request.headers.raw]
        recorded = Recorded(request.method, raw_path, request.url.query, headers, await request.body())
        self.requests.append(recorded)
        self.arrived.set()
        answer = self.answer(recorded)
        return answer if isinstance(answer, Response) else await answer


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    # The original methods poll ten times a second, which would slow down hundreds of tests.
    async def main_loop(self) -> None:
        await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, port: int = 0, *, routes: FastRoutes | None = None) -> AsyncIterator[int]:
    """Serves an application on loopback, in the current event loop, within the block. Yields the port.

    With `routes`, the protocol of our own servers responds to them around ASGI.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    http: Any = "auto" if routes is None else partial(FastPathProtocol, routes)
    server = _Server(
        uvicorn.Config(app, http=http, lifespan="off", log_config=None, ws="none", server_header=False, timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            await server.ready.wait()
        yield int(listener.getsockname()[1])
    finally:
        server.ending.set()
        await task
        listener.close()


@contextlib.asynccontextmanager
async def recording_server(port: int = 0) -> AsyncIterator[RecordingServer]:
    """Runs the server in the current event loop within the block."""
    recorder = RecordingServer(port)
    app = Starlette(routes=[Route("/{path:path}", recorder.handle, methods=METHODS)])
    async with serving(app, port) as recorder.port:
        yield recorder


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def held_port() -> Iterator[int]:
    """A port on which nothing listens, and which the system assigns to no other socket within the block.

    A socket with SO_REUSEADDR, as servers set it, can still listen on it.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])
