"""Stopping the server: requests that have arrived get their response, and afterwards no request still runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.processes.sockets import listen
from holdfast.processes.unix_sockets import listen_in
from holdfast.runner.http.server import RunnerServer

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


async def fine(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class ServerWithLateConnection(RunnerServer):
    """A server to which a client connects just when it starts to stop."""

    def __init__(self, app: ASGIApp, listening: socket.socket, *, stop_seconds: int = 30, unix: socket.socket | None = None) -> None:
        self.events: list[str] = []
        super().__init__(
            app,
            None,
            listening,
            stop_seconds=stop_seconds,
            on_ready=lambda: self.events.append("ready"),
            on_stop=lambda: self.events.append("stop"),
            unix=unix,
        )
        self.address = (unix or listening).getsockname()
        self.family = (unix or listening).family
        self.late: socket.socket | None = None

    async def on_tick(self, counter: int) -> bool:
        should_stop = await super().on_tick(counter)
        if should_stop:
            # The loop runs nothing else between this and the end of the listening socket.
            self.late = connect(self.family, self.address)
            self.late.sendall(REQUEST)
        return should_stop


def connect(family: int, address: Any) -> socket.socket:
    connection = socket.socket(family)
    try:
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


@pytest.fixture(params=["tcp", "unix"])
def unix_socket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket | None]:
    """A Unix socket for the server, or None."""
    if request.param == "tcp":
        yield None
        return
    with listen_in(tmp_path, 1) as sockets:
        yield sockets[0]


def free_port() -> socket.socket:
    return listen("127.0.0.1", 0, purpose="a test", variable="")


async def test_a_request_in_the_queue_of_a_stopping_server_gets_a_response(unix_socket: socket.socket | None) -> None:
    server = ServerWithLateConnection(fine, free_port(), unix=unix_socket)
    serving = asyncio.create_task(server.serve_and_drain())
    while not server.events:
        await asyncio.sleep(0.01)
    server.stop()
    await serving
    assert server.events == ["ready", "stop"]
    assert server.late is not None
    with server.late as late:
        response = late.recv(4_096)
    assert response.startswith(b"HTTP/1.1 200 ")
    with pytest.raises(ConnectionRefusedError):
        connect(server.family, server.address)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_request_that_takes_too_long_is_cancelled_before_the_server_returns(times: int) -> None:
    steps: list[str] = []

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        steps.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            steps.append("ended")
            await fine(scope, receive, send)

    server = ServerWithLateConnection(endless, free_port(), stop_seconds=0 if times == 1 else 60)
    serving = asyncio.create_task(server.serve_and_drain())
    _, writer = await asyncio.open_connection(*server.address)
    writer.write(REQUEST)
    while not steps:
        await asyncio.sleep(0.01)
    for _ in range(times):
        server.stop()
    await serving
    writer.close()
    assert server.late is not None
    server.late.close()
    assert steps.count("ended") == steps.count("begun") == 2
