"""The parts that a gateway depends on, and how each is asked whether it works."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import literal_column, select

from holdfast.bundles.store.protocol import BundleStore
from holdfast.events import configured_redis
from holdfast.gateway.limits.open_limits import configured_rate_limit_redis
from holdfast.gateway.services.health_check import Part
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared

if TYPE_CHECKING:
    from holdfast.events.redis.server import RedisServer
    from holdfast.gateway.services.services import Services

_ONE = Prepared(select(literal_column("1")))


def health_parts(services: Services) -> list[Part]:
    """The parts of a gateway with these settings. Redis is one only where a setting names it. Raises InvalidRedisUrl."""
    parts = [
        Part("database", partial(_is_database_reachable, services.db)),
        Part("runner", services.runner.is_healthy),
        Part("store", partial(_is_store_reachable, services.store)),
        Part("audit", partial(_is_audit_written, services), otherwise="failing"),
    ]
    servers = list(_redis_servers(services))
    if servers:
        parts.append(Part("redis", partial(_are_reachable, servers)))
    return parts


def _redis_servers(services: Services) -> Iterator[RedisServer]:
    for server in (configured_redis(services.settings), configured_rate_limit_redis(services.settings)):
        if server is not None:
            yield server


async def _is_database_reachable(db: Database) -> bool:
    async def job(tx: HotTransaction) -> bool:
        return bool(await tx.execute(_ONE, {}))

    return await db.read(job)


async def _is_store_reachable(store: BundleStore) -> bool:
    await store.check()
    return True


async def _is_audit_written(services: Services) -> bool:
    return not services.audit.is_failing


async def _are_reachable(servers: list[RedisServer]) -> bool:
    for server in servers:
        client = server.client(connections=1)
        try:
            await client.ping()
        finally:
            await client.aclose()
    return True
