"""The parts that a gateway depends on, and how each is asked whether it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import literal_column, select

from holdfast.bundles.store.protocol import BundleStore
from holdfast.events import configured_redis
from holdfast.gateway.audit import AuditLog
from holdfast.gateway.limits.open_limits import configured_rate_limit_redis
from holdfast.gateway.runners import RunnerClient
from holdfast.gateway.services.health_check import OK, PARTLY, UNREACHABLE, Part
from holdfast.records.changes.feed import ChangeFeed
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.schedules.need import is_scheduler_missing
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.events.redis.server import RedisServer

FAILING = "failing"
"""The state of an audit log whose last rows could not be written."""

UNKNOWN = "unknown"
"""The state of a change feed that knows nothing, so that every call reads the database."""

STOPPED = "stopped"
"""The state of schedules for which no scheduler runs."""

_ONE = Prepared(select(literal_column("1")))


def health_parts(
    settings: Settings,
    *,
    db: Database,
    runner: RunnerClient,
    store: BundleStore,
    audit: AuditLog,
    changes: ChangeFeed,
    now: Callable[[], datetime],
) -> list[Part]:
    """The parts of a gateway with these settings. Redis is one only where a setting names it. Raises InvalidRedisUrl."""
    parts = [
        Part("database", partial(_ask_database, db)),
        Part("runner", partial(_ask_runners, runner)),
        Part("store", partial(_ask_store, store)),
        Part("audit", partial(_ask_audit, audit)),
        Part("changes", partial(_ask_changes, changes)),
        Part("schedules", partial(_ask_schedulers, db, now, timedelta(seconds=settings.scheduler_lease_seconds))),
    ]
    servers = list(_redis_servers(settings))
    if servers:
        parts.append(Part("redis", partial(_ask_redis, servers)))
    return parts


def _redis_servers(settings: Settings) -> Iterator[RedisServer]:
    for server in (configured_redis(settings), configured_rate_limit_redis(settings)):
        if server is not None:
            yield server


async def _ask_database(db: Database) -> str:
    async def job(tx: HotTransaction) -> None:
        await tx.execute(_ONE, {})

    await db.read(job)
    return OK


async def _ask_runners(client: RunnerClient) -> str:
    healthy = (await client.health()).values()
    if all(healthy):
        return OK
    return PARTLY if any(healthy) else UNREACHABLE


async def _ask_store(store: BundleStore) -> str:
    await store.check()
    return OK


async def _ask_audit(audit: AuditLog) -> str:
    return FAILING if audit.is_failing else OK


async def _ask_changes(changes: ChangeFeed) -> str:
    return OK if changes.works else UNKNOWN


async def _ask_schedulers(db: Database, now: Callable[[], datetime], lease: timedelta) -> str:
    return STOPPED if await is_scheduler_missing(db, now(), lease) else OK


async def _ask_redis(servers: list[RedisServer]) -> str:
    for server in servers:
        client = server.client(connections=1)
        try:
            await client.ping()
        finally:
            await client.aclose()
    return OK
