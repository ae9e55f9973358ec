from __future__ import annotations

from tests.events.conftest import logged, redis, shared_redis

__all__ = ["logged", "redis", "shared_redis"]
