"""The fast path: which requests it handles. Clients see no difference."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from holdfast.http.fast_path import FAST_MAX_BYTES, FastCall, FastPathProtocol, Respond
from holdfast.runner.http.server import RunnerServer
from tests.waiting import MAX_WAIT_SECONDS, until

BODY = b'{"a": 1}'
HEAD = b"host: h\r\ncontent-type: application/json\r\n"


class Echo:
    """Responds on the fast path and as the application; the response names which of the two it was."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.ended: list[str] = []

    def find(self, method: bytes, target: bytes) -> Respond | None:
        return self.respond if target == b"/fast" and method in (b"GET", b"HEAD", b"POST") else None

    async def respond(self, call: FastCall) -> Response:
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.ended.append("disconnected" if call.disconnected else "stopped")
            return PlainTextResponse("stopping", 503)
        return PlainTextResponse(f"fast {len(call.body)} {dict(call.headers).get(b'x-number', b'').decode()}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        response = PlainTextResponse(f"application {scope['method']} {scope['path']} {len(body)} {request.headers.get('x-number', '')}")
        await response(scope, receive, send)


class Served:
    def __init__(self, echo: Echo, server: RunnerServer, port: int, running: asyncio.Task[None]) -> None:
        self.echo, self.server, self.port, self.running = echo, server, port, running

    def connections(self) -> list[FastPathProtocol]:
        return [connection for connection in self.server.server_state.connections if isinstance(connection, FastPathProtocol)]

    def received(self) -> int:
        """Body bytes that the fast path has read so far of incomplete requests."""
        return sum(len(connection.cycle.body) for connection in self.connections() if isinstance(connection.cycle, FastCall))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, sent: bytes) -> bytes:
        """Everything that the server responds until it closes the connection."""
        reader, writer = await self.connect()
        writer.write(sent)
        response = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
        writer.close()
        return response


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    listening = socket.create_server(("127.0.0.1", 0))
    ready, echo = asyncio.Event(), Echo()
    server = RunnerServer(echo, echo.find, listening, stop_seconds=int(MAX_WAIT_SECONDS), on_ready=ready.set, on_stop=lambda: None)
    running = asyncio.create_task(server.serve_and_drain())
    await asyncio.wait_for(ready.wait(), MAX_WAIT_SECONDS)
    yield Served(echo, server, listening.getsockname()[1], running)
    echo.gate.set()
    server.stop()
    await asyncio.wait_for(running, MAX_WAIT_SECONDS)
    listening.close()


async def rounds_of_the_loop() -> None:
    """Runs the event loop until nothing more happens without further input."""
    for _ in range(1_000):
        await asyncio.sleep(0)


def post(*more: bytes, body: bytes = BODY, path: bytes = b"/fast", close: bool = True, length: bool = True) -> bytes:
    lines = [*more, *([b"content-length: %d" % len(body)] if length else []), *([b"connection: close"] if close else [])]
    return b"POST %b HTTP/1.1\r\n%b%b\r\n\r\n%b" % (path, HEAD, b"\r\n".join(lines), body)


async def test_an_ordinary_request_takes_the_fast_path(served: Served) -> None:
    response = await served.send(post())
    head, _, body = response.partition(b"\r\n\r\n")
    assert body == b"fast 8 "
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {line.partition(b":")[0] for line in lines[1:]} == {b"date", b"content-length", b"content-type", b"connection"}


@pytest.mark.parametrize(("method", "body"), [(b"GET", b"fast 0 "), (b"HEAD", b"")])
async def test_a_request_without_a_body_takes_the_fast_path_and_the_response_to_head_has_no_body(
    served: Served, method: bytes, body: bytes
) -> None:
    head, _, received = (await served.send(method + b" /fast HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")).partition(b"\r\n\r\n")
    assert received == body
    assert b"\r\ncontent-length: 7\r\n" in head


async def test_a_body_in_pieces_is_complete(served: Served) -> None:
    reader, writer = await served.connect()
    sent = post(body=bytes(FAST_MAX_BYTES))
    for start in range(0, len(sent), 50_000):
        writer.write(sent[start : start + 50_000])
        await writer.drain()
        await asyncio.sleep(0)
    assert (await reader.read()).endswith(b"fast %d " % FAST_MAX_BYTES)
    writer.close()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (post(path=b"/fast?x=1"), b"application POST /fast 8 "),
        (post(path=b"/faster"), b"application POST /faster 8 "),
        (post(path=b"/fast", body=b"").replace(b"POST", b"PUT"), b"application PUT /fast 0 "),
        (b"GET /fast HTTP/1.1\r\nhost: h\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n\r\n", b"application GET /fast 0 "),
        (b"GET http://h/fast HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", b"application GET /fast 0 "),
        (post(body=bytes(FAST_MAX_BYTES + 1)), b"application POST /fast %d " % (FAST_MAX_BYTES + 1)),
        (post(b"transfer-encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n", length=False), b"application POST /fast 3 "),
        (b"POST /fast HTTP/1.0\r\ncontent-length: 2\r\n\r\nab", b"application POST /fast 2 "),
    ],
    ids=["query", "other path", "other method", "upgrade", "absolute address", "large", "chunked", "HTTP/1.0"],
)
async def test_other_requests_go_to_the_application(served: Served, sent: bytes, expected: bytes) -> None:
    assert (await served.send(sent)).endswith(expected)


async def test_a_client_that_expects_100_continue_gets_it(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(post(b"expect: 100-continue", body=b"").replace(b"content-length: 0", b"content-length: 4"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abcd")
    assert (await reader.read()).endswith(b"application POST /fast 4 ")
    writer.close()


async def test_a_connection_stays_open_for_requests_of_both_kinds(served: Served) -> None:
    reader, writer = await served.connect()
    for path, expected in ((b"/fast", b"fast 8 "), (b"/other", b"application POST /other 8 "), (b"/fast", b"fast 8 ")):
        writer.write(post(path=path, close=False))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_WAIT_SECONDS)
        assert b"connection: close" not in head
        assert await reader.readexactly(len(expected)) == expected
    writer.close()


async def test_an_idle_connection_is_closed_after_the_keep_alive_timeout_and_a_busy_one_is_not(served: Served) -> None:
    served.server.config.timeout_keep_alive = 0  # read by connections that are made from now on
    reader, writer = await served.connect()
    writer.write(post(close=False))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_WAIT_SECONDS)
    assert b"connection: close" not in head
    served.echo.begun.clear()
    served.echo.gate.clear()
    busy_reader, busy = await served.connect()
    busy.write(post(close=False))
    await asyncio.wait_for(served.echo.begun.wait(), MAX_WAIT_SECONDS)
    assert await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS) == b"fast 8 "
    served.echo.gate.set()
    assert (await asyncio.wait_for(busy_reader.read(), MAX_WAIT_SECONDS)).endswith(b"fast 8 ")
    writer.close()
    busy.close()


async def test_pipelined_requests_get_their_responses_in_order(served: Served) -> None:
    """A request takes the fast path only if no earlier one is pending, so responses keep their order."""
    paths = [b"/fast", b"/fast", b"/other", b"/fast", b"/fast"]
    sent = [post(b"x-number: %d" % n, path=path, close=n == len(paths) - 1) for n, path in enumerate(paths)]
    response = await served.send(b"".join(sent))
    numbers = [piece.partition(b"\r\n\r\n")[2][-1:] for piece in response.split(b"HTTP/1.1 200 OK")[1:]]
    assert numbers == [b"%d" % n for n in range(len(paths))]


async def test_invalid_http_is_rejected(served: Served) -> None:
    for sent in (
        b"POST /fast HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /fast HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ):
        assert (await served.send(sent)).startswith(b"HTTP/1.1 400 ")


async def test_the_task_of_a_disconnected_client_is_cancelled_and_knows_the_reason(served: Served) -> None:
    served.echo.gate.clear()
    _, writer = await served.connect()
    writer.write(post())
    await asyncio.wait_for(served.echo.begun.wait(), MAX_WAIT_SECONDS)
    writer.transport.abort()
    await until(lambda: served.echo.ended)
    assert served.echo.ended == ["disconnected"]
    await until(lambda: not served.server.server_state.tasks)


async def test_a_client_that_disconnects_within_a_body_starts_no_call(served: Served) -> None:
    _, writer = await served.connect()
    writer.write(post()[:-1])
    await writer.drain()
    await until(lambda: served.received() >= len(BODY) - 1)
    writer.transport.abort()
    await until(lambda: not served.server.server_state.connections)
    assert not served.echo.begun.is_set()


async def test_a_stop_waits_for_the_response_and_then_closes_the_connection(served: Served) -> None:
    served.echo.gate.clear()
    reader, writer = await served.connect()
    writer.write(post(close=False))
    await asyncio.wait_for(served.echo.begun.wait(), MAX_WAIT_SECONDS)
    served.server.stop()
    # When keep-alive is off, the stop has reached the connection, on which the request still runs.
    await until(lambda: not any(connection.cycle.keep_alive for connection in served.connections()))
    served.echo.gate.set()
    response = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    assert response.endswith(b"fast 8 ")
    assert b"connection: close" in response
    writer.close()
    await asyncio.wait_for(served.running, MAX_WAIT_SECONDS)


async def test_a_request_that_a_stop_cancels_gets_a_response_of_the_server(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def respond(call: FastCall) -> Response:
        served.echo.begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(served.echo, "respond", respond)
    served.server.config.timeout_graceful_shutdown = 1
    reader, writer = await served.connect()
    writer.write(post(close=False))
    await asyncio.wait_for(served.echo.begun.wait(), MAX_WAIT_SECONDS)
    served.server.stop()
    response = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    assert response.startswith(b"HTTP/1.1 503 ") and b'{"error":"stopping",' in response
    writer.close()


async def test_a_stop_cancels_requests_that_take_too_long(served: Served) -> None:
    served.server.config.timeout_graceful_shutdown = 1
    served.echo.gate.clear()
    reader, writer = await served.connect()
    writer.write(post(close=False))
    await asyncio.wait_for(served.echo.begun.wait(), MAX_WAIT_SECONDS)
    served.server.stop()
    response = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    assert response.startswith(b"HTTP/1.1 503 ") and response.endswith(b"stopping")
    assert served.echo.ended == ["stopped"]
    writer.close()


async def test_a_client_that_reads_nothing_blocks_only_its_own_connection(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    large = b"x" * 20_000_000
    calls = 0

    async def respond(call: FastCall) -> Response:
        nonlocal calls
        calls += 1
        return Response(large)

    monkeypatch.setattr(served.echo, "respond", respond)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
    writer.write(post(close=False) + post())
    await until(lambda: any(connection.flow.write_paused for connection in served.connections()))
    await rounds_of_the_loop()
    assert calls == 1, "the second request waits until the first response is read"
    monkeypatch.undo()
    assert (await served.send(post())).endswith(b"fast 8 ")
    received = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    assert received.count(large) == 1
    assert received.endswith(b"fast 8 ") or received.endswith(b"application POST /fast 8 ")
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [b"no http\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"GET /\x01 HTTP/1.1\r\n\r\n", "GET /fast/ü HTTP/1.1\r\n\r\n".encode()],
)
async def test_what_is_not_http_gets_an_error_in_json(served: Served, sent: bytes) -> None:
    head, _, body = (await served.send(sent)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"content-type: application/json" in head
    assert json.loads(body)["error"] == "invalid_request"
    assert f"content-length: {len(body)}".encode() in head
