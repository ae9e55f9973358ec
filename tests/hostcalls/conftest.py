"""An application on a real port, and a backend that sends requests to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from holdfast.hostcalls import HttpBackend
from tests.events.recording_server import RecordingServer, recording_server


@pytest.fixture
async def application() -> AsyncIterator[RecordingServer]:
    async with recording_server() as server:
        yield server


@pytest.fixture
async def backend(application: RecordingServer) -> AsyncIterator[HttpBackend]:
    backend = HttpBackend(application.url, "runner-token")
    yield backend
    await backend.close()
