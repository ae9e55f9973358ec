from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.records.database.database import Database
from tests.records.databases import migrated


@pytest.fixture
async def db(tmp_path: Path, database_url: str) -> AsyncIterator[Database]:
    async with migrated(tmp_path, url=database_url) as database:
        yield database
