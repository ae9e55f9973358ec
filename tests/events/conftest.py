"""Events to publish, a Redis to store them, and what is logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from holdfast.contract.debug_event import DebugEvent
from tests.events.redis_process import RedisProcess, redis_process

MakeEvent = Callable[..., DebugEvent]


@pytest.fixture
def make_event() -> MakeEvent:
    """Builds an event of tenant `t` and extension `e` with the given message."""

    def make(message: str, *, tenant_id: str = "t", extension_id: str = "e", **more: Any) -> DebugEvent:
        return DebugEvent(ts=1, level="info", stream="log", tenant_id=tenant_id, extension_id=extension_id, message=message, **more)

    return make


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    """What structlog logs during the test, in order."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    # Nodes of one entry make trimming exact.
    with redis_process(tmp_path_factory.mktemp("redis"), "--stream-node-max-entries", "1") as process:
        yield process


@pytest.fixture
def redis(shared_redis: RedisProcess) -> RedisProcess:
    """A running, empty Redis."""
    with shared_redis.client() as client:
        client.flushall()
    return shared_redis
