"""Real web servers on loopback that respond as a test specifies, byte by byte, and record their requests."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from msgspec import Struct


class Request(Struct, frozen=True):
    """One request as it arrived. `target` is path and query, undecoded; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]
"""Responds to one request; the connection is closed when it returns."""


class Loopback:
    """A server that is running. `requests` are those that arrived whole, in order."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.requests: list[Request] = []


@asynccontextmanager
async def serving(script: Script, *, sock: socket.socket | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    """Serves on a free port (or on the bound `sock`) until the block ends; connections that are still open are then closed."""
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            request = await _read(reader)
            loopback.requests.append(request)
            await script(request, writer)
            await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            # The other side has gone, or the test has ended.
            pass
        finally:
            conversations.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    if sock is None:
        server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls)
    else:
        server = await asyncio.start_server(converse, sock=sock, ssl=tls)
    host, port = server.sockets[0].getsockname()
    loopback = Loopback(f"{'https' if tls else 'http'}://{host}:{port}")
    try:
        yield loopback
    finally:
        server.close()
        for task in list(conversations):
            task.cancel()
        await asyncio.gather(*conversations)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", 0))))


def head(status: int, *headers: str, length: int | None = None) -> bytes:
    """The head of a response."""
    lines = [f"HTTP/1.1 {status} Whatever", "Connection: close", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def respond_with(status: int, body: bytes = b"", *headers: str) -> Script:
    """A script that sends the same response to every request."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, *headers, length=len(body)) + (b"" if request.method == "HEAD" else body))

    return script


def in_sequence(*scripts: Script) -> Script:
    """A script that handles the first request with the first of `scripts` and so on; the last one handles all that follow."""
    left = list(scripts)

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return script


def files(content: dict[str, bytes]) -> Script:
    """A script that serves what is in `content` at this moment, by path without the first `/`, and 404 for everything else."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        body = content.get(request.target.removeprefix("/"))
        await (respond_with(404, b"not here") if body is None else respond_with(200, body))(request, writer)

    return script


async def silence(request: Request, writer: asyncio.StreamWriter) -> None:
    """A script that never responds."""
    await asyncio.Event().wait()
