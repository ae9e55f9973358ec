"""Uploads over real sockets, by callers that stall, disconnect, or have no permission."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from holdfast.gateway.publishing import upload as upload_module
from holdfast.platform.server import SocketServer
from holdfast.registry.models.publishing import ExtensionUpload, PendingObject
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.waiting import MAX_WAIT_SECONDS


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path, environment="development") as running:
        yield running


@asynccontextmanager
async def served(platform: Platform) -> AsyncIterator[int]:
    """Serves the platform with its own server. Yields the port."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = SocketServer(platform.app, listening)
    running = asyncio.create_task(server.run_until_cancelled())
    try:
        await asyncio.wait_for(server.ready.wait(), MAX_WAIT_SECONDS)
        yield listening.getsockname()[1]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        listening.close()


def head(size: int, headers: dict[str, str]) -> bytes:
    lines = [f"POST /api/ext-bundles/upload-proxy?filename=bundle.tar.zst&size={size} HTTP/1.1", "host: gateway", f"content-length: {size}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


async def count_remains(platform: Platform) -> int:
    """The number of rows and files of uploads."""
    async with platform.db.session() as session:
        rows = [await session.scalar(select(func.count()).select_from(table)) or 0 for table in (ExtensionUpload, PendingObject)]
    return sum(rows) + sum(1 for file in (platform.folder / "bundles").rglob("sha256/_staging/**/*") if file.is_file())


async def test_a_caller_without_a_key_gets_an_error_before_sending_the_body(platform: Platform) -> None:
    async with served(platform) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head(200 * 1024 * 1024, {"x-alga-admin": "true"}))
        assert b" 401 " in await asyncio.wait_for(reader.readline(), MAX_WAIT_SECONDS)
        writer.close()


async def test_an_upload_that_stalls_ends_and_leaves_nothing_behind(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "STALL_SECONDS", 0.2)
    async with served(platform) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head(1_000, await platform.admin()) + b"a beginning")
        assert b" 408 " in await asyncio.wait_for(reader.readline(), MAX_WAIT_SECONDS)
        writer.close()
    assert await count_remains(platform) == 0


async def test_an_interrupted_upload_leaves_nothing_behind(platform: Platform) -> None:
    async with served(platform) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        headers = await platform.admin()
        writer.write(head(1_000_000, headers) + bytes(500_000))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        # When a later upload has its response, the server has noticed that the first connection closed.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head(4, headers) + b"four")
        assert b" 200 " in await asyncio.wait_for(reader.readline(), MAX_WAIT_SECONDS)
        writer.close()
        # The row and the file of the later upload remain.
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while await count_remains(platform) != 2:
                await asyncio.sleep(0.01)
