"""A runner that stops says on connections without a request that it executes nothing more there."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from holdfast.processes.sockets import listen
from holdfast.processes.unix_sockets import listen_in, socket_path
from holdfast.runner.http.goodbye import GOODBYE, RunnerProtocol
from holdfast.runner.http.server import RunnerServer
from tests.waiting import until

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
OK = b"content-length: 2\r\n\r\nok"


class Application:
    """Counts requests; with `held`, a response waits for it."""

    def __init__(self) -> None:
        self.requests = 0
        self.held = asyncio.Event()
        self.held.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        await self.held.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def start(app: Application, unix: socket.socket | None = None) -> tuple[RunnerServer, asyncio.Task[None]]:
    listening, ready = listen("127.0.0.1", 0, purpose="a test", variable=""), asyncio.Event()
    server = RunnerServer(app, None, listening, stop_seconds=60, on_ready=ready.set, on_stop=lambda: None, unix=unix)
    serving = asyncio.create_task(server.serve_and_drain())
    await ready.wait()
    return server, serving


@pytest.mark.parametrize("used", [False, True])
async def test_an_idle_connection_gets_the_notice_and_what_it_sends_is_not_executed(tmp_path: Path, used: bool) -> None:
    app = Application()
    with listen_in(tmp_path, 1) as (unix,):
        server, serving = await start(app, unix)
        reader, writer = await asyncio.open_unix_connection(str(socket_path(tmp_path, 0)))
        if used:
            writer.write(REQUEST)
            assert (await reader.readuntil(OK)).startswith(b"HTTP/1.1 200 ")
        else:
            await until(lambda: server.server_state.connections)
        server.stop()
        assert await reader.readexactly(len(GOODBYE)) == GOODBYE
        writer.write(REQUEST)
        assert await reader.read() == b""
        writer.close()
        await serving
    assert app.requests == used


async def test_a_connection_with_a_request_gets_its_response_and_no_notice() -> None:
    app = Application()
    app.held.clear()
    server, serving = await start(app)
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    writer.write(REQUEST)
    await until(lambda: app.requests)
    (connection,) = server.server_state.connections
    assert isinstance(connection, RunnerProtocol) and connection.cycle is not None
    cycle = connection.cycle
    server.stop()
    # The server first reads what waits in its queues. A connection whose response is complete by then is idle, and gets the notice.
    await until(lambda: not cycle.keep_alive)
    app.held.set()
    response = await reader.read()
    assert response.startswith(b"HTTP/1.1 200 ") and response.endswith(b"ok") and GOODBYE not in response
    writer.close()
    await serving


async def test_a_client_that_stays_does_not_delay_the_stop_for_long() -> None:
    server, serving = await start(Application())
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    await until(lambda: server.server_state.connections)
    server.stop()
    await serving  # far below stop_seconds
    assert await reader.read() == GOODBYE
    writer.close()
