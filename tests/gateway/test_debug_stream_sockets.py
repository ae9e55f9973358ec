"""Live debug streams over real sockets: a client that does not read, with the flow control of the server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.memory import MemoryStream
from holdfast.gateway.debug_stream import live
from holdfast.platform.server import SocketServer
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import TENANT
from tests.waiting import MAX_WAIT_SECONDS, until


@asynccontextmanager
async def server(platform: Platform) -> AsyncIterator[int]:
    """The gateway on a port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = SocketServer(platform.app, listening, on_stop=platform.services.stopping.set)
        task = asyncio.create_task(running.run_until_cancelled())
        await running.ready.wait()
        try:
            yield listening.getsockname()[1]
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_a_client_that_does_not_read_gets_what_it_has_a_last_event_and_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.2)
    async with running_platform(tmp_path) as platform, server(platform) as port:
        platform.services.events = MemoryStream(max_events=10_000, max_stream_bytes=512 * 1024 * 1024)
        event = DebugEvent(
            ts=1, level="info", stream="log", tenant_id=TENANT, extension_id=platform.installed.registry_id, message="x" * 8_000
        )
        headers = {"host": "gateway.test", **await platform.admin()}
        lines = [f"GET /api/ext-debug/stream?extensionId={event.extension_id} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, ("\r\n".join(lines) + "\r\n\r\n").encode())
            received = bytearray()
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                while b": connected" not in received:
                    received += await loop.sock_recv(client, 1024)
            with capture_logs() as logged:
                # More than what the system, the server and the buffer of the client hold.
                for _ in range(4_000):
                    platform.services.events.publish(event)
                await until(lambda: any(entry["event"] == "debug_stream_client_dropped" for entry in logged))
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                while not received.endswith(b"\r\n0\r\n\r\n"):
                    piece = await loop.sock_recv(client, 1024 * 1024)
                    assert piece
                    received += piece
        assert received.count(b"event: dropped\n") == 1
        assert 100 <= received.count(b'"message":"xxx') < 4_000
        await until(lambda: len(platform.services.open_debug_streams) == 0)
