"""Fixtures of the numbered tests: runners, their registry, and the guest of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from holdfast.engine import Engine
from tests.contract.running import ARTIFACTS, Registry, Running, running
from tests.events.recording_server import RecordingServer, recording_server

Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with recording_server() as server:
        yield Registry(server)


@pytest.fixture
async def start(tmp_path: Path, registry: Registry) -> AsyncIterator[Start]:
    """Starts a runner; settings by field name. A second one uses the same data, like a new process on the same machine."""
    async with AsyncExitStack() as closing:

        async def start_one(**settings: Any) -> Running:
            return await closing.enter_async_context(running(tmp_path, registry, **settings))

        yield start_one


@pytest.fixture
async def runner(start: Start) -> Running:
    """A runner in development that validates tenants with the registry before it serves pages."""
    return await start()


@pytest.fixture
async def lenient(start: Start) -> Running:
    """A runner with EXT_STATIC_STRICT_VALIDATION off, as in the original's tests of pages."""
    return await start(static_strict_validation=False)


@pytest.fixture
async def application() -> AsyncIterator[RecordingServer]:
    """The application behind the host functions."""
    async with recording_server() as server:
        yield server


@pytest.fixture
def probe(built: Callable[[str], Path]) -> Path:
    """The component of the contract's guest (section 7.2), built from tests/extensions/contract-probe."""
    return built("contract-probe") / "dist" / "main.wasm"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(ARTIFACTS, pool=False)
    yield engine
    await engine.close()
