from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform


@pytest.fixture
async def platform(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path, database_url=database_url) as running:
        yield running
        await running.services.close_background()
