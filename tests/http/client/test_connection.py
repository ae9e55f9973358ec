from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.http.client import ClientError, ConnectionLost, InvalidResponse, NotSent, Response, ResponseTooLarge, UnixAddress
from holdfast.http.client.connecting import connect
from holdfast.http.client.connection import MAX_HEAD_BYTES, Connection
from tests.http.client.scripted_server import OK, ScriptedServer, scripted_server
from tests.waiting import MAX_WAIT_SECONDS

REQUEST = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with scripted_server(tmp_path) as running:
        yield running


@asynccontextmanager
async def connected(server: ScriptedServer) -> AsyncIterator[tuple[Connection, socket.socket]]:
    connection = await connect(UnixAddress(server.path), timeout=MAX_WAIT_SECONDS)
    with server.accept() as peer:
        yield connection, peer
        connection.abort()
        await connection.closed


async def respond(server: ScriptedServer, *pieces: bytes, max_bytes: int = 1_000) -> tuple[Response, Connection]:
    """The result of a request to which the server responds with these pieces, and then closes."""
    async with connected(server) as (connection, peer):
        waiter = connection.start(REQUEST, b"body", timeout=MAX_WAIT_SECONDS, max_bytes=max_bytes)
        with suppress(ConnectionError):  # the client closes the connection when it has read too much
            for piece in pieces:
                peer.sendall(piece)
                await asyncio.sleep(0)
            peer.shutdown(socket.SHUT_WR)
        return await waiter, connection


async def test_a_response_has_status_headers_and_body(server: ScriptedServer) -> None:
    response, _ = await respond(server, b"HTTP/1.1 418 Teapot\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 3\r\n\r\nabc")
    assert response == Response(418, [(b"X-A", b"1"), (b"x-a", b"2"), (b"content-length", b"3")], b"abc")
    assert (response.header(b"x-a"), response.header(b"x-b")) == (b"1", None)


async def test_the_request_is_written_as_it_is(server: ScriptedServer) -> None:
    large = b"y" * 100_000
    async with connected(server) as (connection, peer):
        for body in (b"body", large):
            waiter = connection.start(REQUEST, body, timeout=MAX_WAIT_SECONDS, max_bytes=10)
            received = b""
            while len(received) < len(REQUEST + body):
                await asyncio.sleep(0)
                peer.setblocking(False)
                try:
                    received += peer.recv(1_000_000)
                except BlockingIOError:
                    continue
            assert received == REQUEST + body
            peer.sendall(OK)
            assert (await waiter).body == b"ok"
        assert connection.is_open


async def test_chunks_and_pieces_are_one_body(server: ScriptedServer) -> None:
    response, _ = await respond(
        server, b"HTTP/1.1 200 OK\r\ntransfer-", b"encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nd", b"e\r\n0\r\n\r\n"
    )
    assert response.body == b"abcde"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_a_status_without_a_body_ends_with_its_head(server: ScriptedServer, status: bytes) -> None:
    response, _ = await respond(server, b"HTTP/1.1 " + status + b"\r\n\r\n")
    assert response.body == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\nx\0: 1\r\n\r\n",
    ],
)
async def test_what_is_not_one_response_of_http_1_1_is_invalid(server: ScriptedServer, answer: bytes) -> None:
    with pytest.raises(InvalidResponse):
        await respond(server, answer)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nno length", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"]
)
async def test_a_response_that_ends_early_is_a_lost_connection(server: ScriptedServer, answer: bytes) -> None:
    with pytest.raises(ConnectionLost):
        await respond(server, answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n" + b"x" * 1_001,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 30_000,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (MAX_HEAD_BYTES // 4),
    ],
)
async def test_a_response_beyond_the_limit_ends_the_connection(server: ScriptedServer, answer: bytes) -> None:
    with pytest.raises(ResponseTooLarge):
        await respond(server, *[answer[at : at + 50_000] for at in range(0, len(answer), 50_000)])


async def test_a_response_of_the_largest_size_is_complete(server: ScriptedServer) -> None:
    response, _ = await respond(server, b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"x" * 1_000)
    assert len(response.body) == 1_000


async def test_a_second_response_in_one_read_closes_the_connection(server: ScriptedServer) -> None:
    async with connected(server) as (connection, peer):
        waiter = connection.start(REQUEST, b"", timeout=MAX_WAIT_SECONDS, max_bytes=10)
        peer.sendall(OK + OK)
        assert (await waiter).status == 200
        assert not connection.is_open


async def test_a_server_that_closes_after_the_response_says_so(server: ScriptedServer) -> None:
    async with connected(server) as (connection, peer):
        waiter = connection.start(REQUEST, b"", timeout=MAX_WAIT_SECONDS, max_bytes=10)
        peer.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        assert (await waiter).status == 200
        assert not connection.is_open


async def test_unexpected_bytes_close_an_idle_connection(server: ScriptedServer) -> None:
    async with connected(server) as (connection, peer):
        peer.sendall(OK)
        assert connection.is_closed_by_server()
        await connection.closed
        assert not connection.is_open


async def test_a_close_is_known_before_the_loop_has_read_it(server: ScriptedServer) -> None:
    async with connected(server) as (connection, peer):
        assert not connection.is_closed_by_server()
        peer.close()
        assert connection.is_open, "the loop has not run since"
        assert connection.is_closed_by_server()


async def test_a_request_that_could_not_be_written_was_not_sent(server: ScriptedServer) -> None:
    async with connected(server) as (connection, peer):
        peer.close()
        with pytest.raises(NotSent):
            await connection.start(REQUEST, b"body", timeout=MAX_WAIT_SECONDS, max_bytes=10)


async def test_a_connection_that_ends_after_the_request_may_have_done_the_work(server: ScriptedServer) -> None:
    async with connected(server) as (connection, peer):
        waiter = connection.start(REQUEST, b"body", timeout=MAX_WAIT_SECONDS, max_bytes=10)
        assert peer.recv(1_000) == REQUEST + b"body"
        peer.close()
        with pytest.raises(ConnectionLost):
            await waiter


async def test_a_server_that_does_not_respond_is_a_timeout(server: ScriptedServer) -> None:
    async with connected(server) as (connection, peer):
        waiter = connection.start(REQUEST, b"", timeout=0.01, max_bytes=10)
        peer.sendall(OK[:-1])
        with pytest.raises(TimeoutError):
            await waiter
        await connection.closed
        assert peer.recv(1_000) == REQUEST
        with pytest.raises(ConnectionError):
            while True:
                peer.sendall(b"x")


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_server_whose_queue_is_full_is_no_connection(tmp_path: Path, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as queued:
        listening.bind(str(tmp_path / "s"))
        listening.listen(1)
        with suppress(BlockingIOError):
            while True:
                waiting = queued.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(str(tmp_path / "s"))
        with asyncio.Runner(loop_factory=loop_factory) as runner, pytest.raises(NotSent):
            runner.run(connect(UnixAddress(str(tmp_path / "s")), timeout=MAX_WAIT_SECONDS))


async def test_no_connection_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(NotSent, match="No such file"):
        await connect(UnixAddress(str(tmp_path / "none")), timeout=1)


@pytest.mark.fuzz
@given(pieces=st.lists(st.binary(max_size=60) | st.sampled_from([OK, OK[:20], OK[20:], b"\r\n", b"0\r\n\r\n"]), max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_bytes_of_a_server_are_a_response_or_an_error(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    async def run() -> None:
        with scripted_server(tmp_path_factory.mktemp("s")) as server:
            try:
                response, _ = await respond(server, *pieces)
            except ClientError:
                return
            assert b"".join(pieces).count(b"HTTP/1.") >= 1 and response.status >= 200

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
