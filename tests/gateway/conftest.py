from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.platform import Front, Platform
from tests.gateway.platform import platform as running_platform


@pytest.fixture
def front() -> Front:
    """How requests reach the handlers. Modules parametrize this to run their tests with and without the fast path."""
    return "asgi"


@pytest.fixture
async def platform(tmp_path: Path, database_url: str, front: Front) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path, front=front, database_url=database_url) as running:
        yield running
