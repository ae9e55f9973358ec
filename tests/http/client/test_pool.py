from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast.http.client import ConnectionLost, HttpClient, NotSent, Response, TcpAddress, UnixAddress, credentials_of, parse_origin
from tests.http.client.scripted_server import OK, ScriptedServer, scripted_server
from tests.waiting import MAX_WAIT_SECONDS, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with scripted_server(tmp_path) as running:
        yield running


@asynccontextmanager
async def client_of(server: ScriptedServer, **options: Any) -> AsyncIterator[HttpClient]:
    client = HttpClient(UnixAddress(server.path), {"x-token": "t"}, **options)
    yield client
    await client.close()


def send(client: HttpClient, target: str = "/a?b=c", body: bytes = b"body") -> asyncio.Task[Response]:
    request = client.request("POST", target, {"x-own": "1"}, body, timeout=MAX_WAIT_SECONDS, max_bytes=100)
    return asyncio.create_task(request)


async def accept(server: ScriptedServer) -> socket.socket:
    await asyncio.sleep(0)
    return await asyncio.to_thread(server.accept)


async def read(peer: socket.socket) -> bytes:
    return await asyncio.to_thread(peer.recv, 10_000)


async def test_a_request_names_host_length_and_headers_and_the_connection_is_kept(server: ScriptedServer) -> None:
    async with client_of(server) as client:
        first = send(client)
        with await accept(server) as peer:
            lines = [b"POST /a?b=c HTTP/1.1", b"host: localhost", b"accept-encoding: identity", b"x-token: t", b"x-own: 1"]
            assert await read(peer) == b"\r\n".join([*lines, b"content-length: 4", b"", b"body"])
            assert client.running == 1
            peer.sendall(OK)
            assert (await first).body == b"ok"
            second = send(client, body=b"")
            assert (await read(peer)).endswith(b"content-length: 0\r\n\r\n")
            peer.sendall(OK)
            assert (await second).status == 200
            assert client.running == 0 and not server.has_connection()


async def test_a_kept_connection_that_the_server_closed_is_replaced(server: ScriptedServer) -> None:
    async with client_of(server) as client:
        first = send(client)
        with await accept(server) as peer:
            await read(peer)
            peer.sendall(OK)
            await first
        # Closed, and no iteration of the loop has read that yet.
        second = send(client)
        with await accept(server) as peer:
            await read(peer)
            peer.sendall(OK)
            assert (await second).status == 200


async def test_a_request_that_may_have_been_processed_is_never_sent_again(server: ScriptedServer) -> None:
    async with client_of(server) as client:
        first = send(client)
        with await accept(server) as peer:
            await read(peer)
            peer.sendall(OK)
            await first
            second = send(client)
            await read(peer)
        with pytest.raises(ConnectionLost):
            await second
        assert not server.has_connection()


async def test_a_connection_that_was_idle_for_long_is_not_used(server: ScriptedServer) -> None:
    async with client_of(server, idle_seconds=0) as client:
        for _ in range(2):
            request = send(client)
            with await accept(server) as peer:
                await read(peer)
                peer.sendall(OK)
                assert (await request).status == 200


async def test_a_caller_that_leaves_closes_its_connection(server: ScriptedServer) -> None:
    async with client_of(server) as client:
        request = send(client)
        with await accept(server) as peer:
            await read(peer)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            assert await read(peer) == b""
        assert client.running == 0


async def test_requests_beyond_the_limit_of_connections_wait_for_one(server: ScriptedServer) -> None:
    async with client_of(server, max_connections=2) as client:
        requests = [send(client) for _ in range(5)]
        with await accept(server) as one, await accept(server) as two:
            await read(one)
            await read(two)
            requests[2].cancel()  # the first that waits
            one.sendall(OK)
            await read(one)
            one.sendall(OK)
            await read(one)
            one.sendall(OK)
            two.sendall(OK)
            results = await asyncio.gather(*requests, return_exceptions=True)
            assert [isinstance(result, Response) for result in results] == [True, True, False, True, True]
            assert not server.has_connection()


async def test_the_next_request_replaces_a_lost_connection(server: ScriptedServer) -> None:
    async with client_of(server, max_connections=1) as client:
        lost, waiting = send(client), send(client)
        with await accept(server) as peer:
            await read(peer)
        with pytest.raises(ConnectionLost):
            await lost
        with await accept(server) as peer:
            await read(peer)
            peer.sendall(OK)
            assert (await waiting).status == 200


async def test_a_request_waits_no_longer_than_its_deadline_for_a_connection(server: ScriptedServer) -> None:
    async with client_of(server, max_connections=1) as client:
        running = send(client)
        with await accept(server):
            with pytest.raises(TimeoutError):
                await client.request("GET", "/", {}, b"", timeout=0.01, max_bytes=1)
            running.cancel()


async def test_closing_ends_running_and_waiting_requests(server: ScriptedServer) -> None:
    async with client_of(server, max_connections=1) as client:
        running, waiting = send(client), send(client)
        with await accept(server) as peer:
            await read(peer)
            await client.close()
            with pytest.raises(ConnectionLost):
                await running
            with pytest.raises(NotSent):
                await waiting


async def test_an_address_without_a_server(tmp_path: Path) -> None:
    client = HttpClient(UnixAddress(str(tmp_path / "none")))
    with pytest.raises(NotSent):
        await client.request("GET", "/", {}, b"", timeout=1, max_bytes=1)
    assert client.running == 0


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/a\r\nx: y", {}), ("/a b", {}), ("/", {"x": "1\r\ny: 2"}), ("/", {"x": "1\ny: 2"}), ("/", {"x": "\0"}), ("/", {"x": "\u20ac"})],
)
async def test_a_header_cannot_hide_in_another(server: ScriptedServer, target: str, headers: dict[str, str]) -> None:
    async with client_of(server) as client:
        with pytest.raises(ValueError):
            await client.request("GET", target, headers, b"", timeout=1, max_bytes=1)
    assert not server.has_connection()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_client_speaks_tcp(host: str) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(head) + head)
        await reader.read()
        writer.close()

    running = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with running:
        port = running.sockets[0].getsockname()[1]
        client = HttpClient(TcpAddress(host, port), prefix="/base")
        response = await client.request("GET", "/x", {}, b"", timeout=MAX_WAIT_SECONDS, max_bytes=1_000)
        assert response.body.startswith(f"GET /base/x HTTP/1.1\r\nhost: {host}:{port}\r\n".encode())
        await client.close()
        await until(lambda: len(asyncio.all_tasks()) == 1)


@pytest.mark.parametrize(
    ("url", "address", "authority", "path"),
    [
        ("http://runner", TcpAddress("runner", 80), "runner", ""),
        ("http://runner:8085/", TcpAddress("runner", 8085), "runner:8085", ""),
        ("https://[::1]/base/", TcpAddress("::1", 443, True), "[::1]", "/base"),
        ("https://runner:80", TcpAddress("runner", 80, True), "runner:80", ""),
    ],
)
def test_an_origin_is_an_address(url: str, address: TcpAddress, authority: str, path: str) -> None:
    assert parse_origin(url) == (address, path)
    assert address.authority == authority


@pytest.mark.parametrize("url", ["", "runner", "ftp://runner", "http://", "http://runner?x=1", "http://runner:port"])
def test_other_text_is_no_origin(url: str) -> None:
    with pytest.raises(ValueError):
        parse_origin(url)


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("http://runner", {}),
        ("http://u:p@runner", {"authorization": "Basic dTpw"}),
        ("http://u%3A@runner", {"authorization": "Basic dTo6"}),
    ],
)
def test_user_and_password_of_an_address_become_a_header(url: str, header: dict[str, str]) -> None:
    assert credentials_of(url) == header
