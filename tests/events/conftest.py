"""Events to publish, and a Redis to keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from holdfast.contract.debug_event import DebugEvent
from tests.events.redis_process import RedisProcess, redis_process

MakeEvent = Callable[..., DebugEvent]


@pytest.fixture
def make_event() -> MakeEvent:
    """Builds an event of tenant `t` and extension `e` with the given message."""

    def make(message: str, *, tenant_id: str = "t", extension_id: str = "e", **more: Any) -> DebugEvent:
        return DebugEvent(ts=1, level="info", stream="log", tenant_id=tenant_id, extension_id=extension_id, message=message, **more)

    return make


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    # Nodes of one entry make trimming exact, as far as it can be.
    with redis_process(tmp_path_factory.mktemp("redis"), "--stream-node-max-entries", "1") as process:
        yield process


@pytest.fixture
def redis(shared_redis: RedisProcess) -> RedisProcess:
    """A running Redis with nothing in it."""
    with shared_redis.client() as client:
        client.flushall()
    return shared_redis
