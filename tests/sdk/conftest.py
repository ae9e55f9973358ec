"""The engine that runs the built extensions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.engine import Engine

ARTIFACTS = Path(__file__).parent.parent.parent / "build" / "test-artifacts"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """Compiled components are cached between runs by the hash of their source."""
    engine = Engine(ARTIFACTS, pool=False)
    yield engine
    await engine.close()
