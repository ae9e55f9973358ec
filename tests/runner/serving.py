"""A runner in this process behind the server that `holdfast runner` uses, on a free port of loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.runner.endpoints.app import create_app
from holdfast.runner.http.server import RunnerServer
from holdfast.runner.services import RunnerServices
from tests.waiting import MAX_WAIT_SECONDS


@asynccontextmanager
async def served(services: RunnerServices) -> AsyncIterator[int]:
    """Yields the port. When the block ends, running requests have one second to finish."""
    listening = socket.create_server(("127.0.0.1", 0))
    app, ready = create_app(services), asyncio.Event()
    server = RunnerServer(app, app.fast_routes, listening, stop_seconds=1, on_ready=ready.set, on_stop=lambda: None)
    running = asyncio.create_task(server.serve_and_drain())
    try:
        await asyncio.wait_for(ready.wait(), MAX_WAIT_SECONDS)
        yield listening.getsockname()[1]
    finally:
        server.stop()
        await running
        listening.close()
