"""The server's short route: what goes there, what does not, and that nobody outside can tell."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from holdfast.runner.http.fast_path import SHORT_MAX_BYTES, RawHeaders
from holdfast.runner.http.server import RunnerServer
from tests.waiting import MAX_WAIT_SECONDS, until

BODY = b'{"a": 1}'
HEAD = b"host: h\r\ncontent-type: application/json\r\n"


class Both:
    """Answers on both ways, and says which one it was."""

    path = b"/short"

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.ended: list[str] = []

    async def answer(self, headers: RawHeaders, body: bytes, gone: Callable[[], bool]) -> Response:
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.ended.append("gone" if gone() else "stopped")
            return PlainTextResponse("stopping", 503)
        return PlainTextResponse(f"short {len(body)} {dict(headers).get(b'x-number', b'').decode()}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        answer = PlainTextResponse(f"application {scope['method']} {scope['path']} {len(body)} {request.headers.get('x-number', '')}")
        await answer(scope, receive, send)


class Served:
    def __init__(self, both: Both, server: RunnerServer, port: int, running: asyncio.Task[None]) -> None:
        self.both, self.server, self.port, self.running = both, server, port, running

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def said(self, sent: bytes) -> bytes:
        """All that the server says to what is sent, until it closes the connection."""
        reader, writer = await self.connect()
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
        writer.close()
        return answer


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    listening = socket.create_server(("127.0.0.1", 0))
    ready, both = asyncio.Event(), Both()
    server = RunnerServer(both, both, listening, stop_seconds=int(MAX_WAIT_SECONDS), on_ready=ready.set, on_stop=lambda: None)
    running = asyncio.create_task(server.run_to_the_end())
    await asyncio.wait_for(ready.wait(), MAX_WAIT_SECONDS)
    yield Served(both, server, listening.getsockname()[1], running)
    both.gate.set()
    server.stop()
    await asyncio.wait_for(running, MAX_WAIT_SECONDS)
    listening.close()


async def rounds_of_the_loop() -> None:
    """Lets everything happen that needs no further input."""
    for _ in range(1_000):
        await asyncio.sleep(0)


def post(*more: bytes, body: bytes = BODY, path: bytes = b"/short", close: bool = True, length: bool = True) -> bytes:
    lines = [*more, *([b"content-length: %d" % len(body)] if length else []), *([b"connection: close"] if close else [])]
    return b"POST %b HTTP/1.1\r\n%b%b\r\n\r\n%b" % (path, HEAD, b"\r\n".join(lines), body)


async def test_an_ordinary_request_goes_the_short_way(served: Served) -> None:
    answer = await served.said(post())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"short 8 "
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {line.partition(b":")[0] for line in lines[1:]} == {b"date", b"content-length", b"content-type", b"connection"}


async def test_a_body_that_comes_in_pieces_is_whole(served: Served) -> None:
    reader, writer = await served.connect()
    sent = post(body=bytes(SHORT_MAX_BYTES))
    for start in range(0, len(sent), 50_000):
        writer.write(sent[start : start + 50_000])
        await writer.drain()
        await asyncio.sleep(0.001)
    assert (await reader.read()).endswith(b"short %d " % SHORT_MAX_BYTES)
    writer.close()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (post(path=b"/short?x=1"), b"application POST /short 8 "),
        (post(path=b"/shorter"), b"application POST /shorter 8 "),
        (b"GET /short HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", b"application GET /short 0 "),
        (post(body=bytes(SHORT_MAX_BYTES + 1)), b"application POST /short %d " % (SHORT_MAX_BYTES + 1)),
        (post(b"transfer-encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n", length=False), b"application POST /short 3 "),
        (b"POST /short HTTP/1.0\r\ncontent-length: 2\r\n\r\nab", b"application POST /short 2 "),
    ],
    ids=["query", "other path", "GET", "large", "chunked", "HTTP/1.0"],
)
async def test_all_others_are_the_applications(served: Served, sent: bytes, expected: bytes) -> None:
    assert (await served.said(sent)).endswith(expected)


async def test_who_waits_to_be_told_to_go_on_is_told(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(post(b"expect: 100-continue", body=b"").replace(b"content-length: 0", b"content-length: 4"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abcd")
    assert (await reader.read()).endswith(b"application POST /short 4 ")
    writer.close()


async def test_a_connection_stays_for_the_next_request_of_either_way(served: Served) -> None:
    reader, writer = await served.connect()
    for path, expected in ((b"/short", b"short 8 "), (b"/other", b"application POST /other 8 "), (b"/short", b"short 8 ")):
        writer.write(post(path=path, close=False))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_WAIT_SECONDS)
        assert b"connection: close" not in head
        assert await reader.readexactly(len(expected)) == expected
    writer.close()


async def test_an_idle_connection_is_closed_after_its_time_and_one_that_works_is_not(served: Served) -> None:
    served.server.config.timeout_keep_alive = 0  # read by connections that are made from now on
    reader, writer = await served.connect()
    writer.write(post(close=False))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_WAIT_SECONDS)
    assert b"connection: close" not in head
    served.both.begun.clear()
    served.both.gate.clear()
    busy_reader, busy = await served.connect()
    busy.write(post(close=False))
    await asyncio.wait_for(served.both.begun.wait(), MAX_WAIT_SECONDS)
    assert await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS) == b"short 8 "
    served.both.gate.set()
    assert (await asyncio.wait_for(busy_reader.read(), MAX_WAIT_SECONDS)).endswith(b"short 8 ")
    writer.close()
    busy.close()


async def test_requests_sent_without_waiting_are_answered_in_their_order(served: Served) -> None:
    """On the short way only when nothing is before them: whichever way they go, none overtakes another."""
    paths = [b"/short", b"/short", b"/other", b"/short", b"/short"]
    sent = [post(b"x-number: %d" % n, path=path, close=n == len(paths) - 1) for n, path in enumerate(paths)]
    answer = await served.said(b"".join(sent))
    numbers = [piece.partition(b"\r\n\r\n")[2][-1:] for piece in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert numbers == [b"%d" % n for n in range(len(paths))]


async def test_what_is_no_http_is_refused(served: Served) -> None:
    for sent in (
        b"POST /short HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /short HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ):
        assert (await served.said(sent)).startswith(b"HTTP/1.1 400 ")


async def test_the_task_of_a_caller_who_leaves_is_cancelled_and_told_why(served: Served) -> None:
    served.both.gate.clear()
    _, writer = await served.connect()
    writer.write(post())
    await asyncio.wait_for(served.both.begun.wait(), MAX_WAIT_SECONDS)
    writer.transport.abort()
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not served.both.ended:
            await asyncio.sleep(0.01)
    assert served.both.ended == ["gone"]
    assert not served.server.server_state.tasks


async def test_who_leaves_in_the_middle_of_a_body_leaves_nothing(served: Served) -> None:
    _, writer = await served.connect()
    writer.write(post()[:-1])
    await writer.drain()
    await until(lambda: served.server.server_state.connections)
    writer.transport.abort()
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while served.server.server_state.connections:
            await asyncio.sleep(0.01)
    assert not served.both.begun.is_set()


async def test_a_stop_waits_for_the_answer_and_then_closes(served: Served) -> None:
    served.both.gate.clear()
    reader, writer = await served.connect()
    writer.write(post(close=False))
    await asyncio.wait_for(served.both.begun.wait(), MAX_WAIT_SECONDS)
    served.server.stop()
    await until(lambda: not served.server.servers[0].is_serving())
    await rounds_of_the_loop()
    served.both.gate.set()
    answer = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    assert answer.endswith(b"short 8 ")
    assert b"connection: close" in answer
    writer.close()
    await asyncio.wait_for(served.running, MAX_WAIT_SECONDS)


async def test_a_stop_ends_what_takes_too_long(served: Served) -> None:
    served.server.config.timeout_graceful_shutdown = 1
    served.both.gate.clear()
    reader, writer = await served.connect()
    writer.write(post(close=False))
    await asyncio.wait_for(served.both.begun.wait(), MAX_WAIT_SECONDS)
    served.server.stop()
    answer = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    assert answer.startswith(b"HTTP/1.1 503 ") and answer.endswith(b"stopping")
    assert served.both.ended == ["stopped"]
    writer.close()


async def test_a_caller_who_reads_nothing_holds_only_the_own_connection(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    large = b"x" * 20_000_000
    calls = 0

    async def answer(headers: RawHeaders, body: bytes, gone: Callable[[], bool]) -> Response:
        nonlocal calls
        calls += 1
        return Response(large)

    monkeypatch.setattr(served.both, "answer", answer)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
    writer.write(post(close=False) + post())
    await until(lambda: calls)
    await rounds_of_the_loop()
    assert calls == 1, "the second request waits until the first response is read"
    monkeypatch.undo()
    assert (await served.said(post())).endswith(b"short 8 ")
    received = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    assert received.count(large) == 1
    assert received.endswith(b"short 8 ") or received.endswith(b"application POST /short 8 ")
    writer.close()
