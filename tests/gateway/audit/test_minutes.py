"""Statistics by the minute: complete, by tenant and extension, and counted once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from holdfast.gateway.audit import AuditLog
from holdfast.gateway.audit.minutes import CallMinute, MinuteCounts, read_call_minutes
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from tests.gateway.audit.calls import REGISTRY, start
from tests.records.databases import OTHER_TENANT, TENANT, Clock

OTHER_REGISTRY = "66666666-6666-4666-8666-666666666666"


async def minutes(db: Database, tenant_id: str = TENANT, registry_id: str = REGISTRY) -> list[CallMinute]:
    begin = Clock().instant
    return await read_call_minutes(db, tenant_id, registry_id, since=begin, until=begin + timedelta(hours=1))


async def test_calls_are_counted_by_the_minute_in_which_they_began(db: Database) -> None:
    clock = Clock()
    log = AuditLog(db, now=clock)
    clock.advance(30)
    early = [await start(log, f"r-{number}") for number in range(3)]
    clock.advance(60)
    late = await start(log, "late")
    other = await start(log, "other", registry_id=OTHER_REGISTRY)
    for row, http_status in zip(early, (200, 404, 502), strict=True):
        log.finish(row, status="ok", http_status=http_status, error=None)
    assert await log.flush()
    log.finish(late, status="error", http_status=None, error="cancelled")
    log.finish(other, status="ok", http_status=200, error=None)
    await log.close()

    first, second = await minutes(db)
    assert (first.minute, first.calls, first.errors) == (Clock().instant, 3, 1)
    assert (second.minute, second.calls, second.errors) == (Clock().instant + timedelta(minutes=1), 1, 1)
    assert (sum(first.buckets), sum(second.buckets)) == (3, 1)
    assert [minute.calls for minute in await minutes(db, registry_id=OTHER_REGISTRY)] == [1]
    assert await minutes(db, OTHER_TENANT) == []


@pytest.mark.parametrize(("duration_ms", "bucket"), [(0.4, 0), (1.0, 0), (1.1, 1), (99.9, 6), (30_000.0, 13), (30_000.1, 14)])
async def test_a_call_is_in_the_bucket_of_its_duration(db: Database, duration_ms: float, bucket: int) -> None:
    async def job(tx: HotTransaction) -> None:
        counts = MinuteCounts()
        counts.add(TENANT, REGISTRY, Clock().instant, is_error=False, duration_ms=duration_ms)
        await counts.write(tx, is_sqlite=db.is_sqlite)

    await db.write(job)
    (minute,) = await minutes(db)
    assert [index for index, count in enumerate(minute.buckets) if count] == [bucket]
    assert minute.duration_ms == round(duration_ms)


async def test_processes_that_count_at_once_add_up(db: Database) -> None:
    clock = Clock()
    logs = [AuditLog(Database(db.url), now=clock) for _ in range(3)]

    async def call(log: AuditLog, number: int) -> None:
        for _ in range(5):
            log.finish(await start(log, f"r-{number}"), status="ok", http_status=200, error=None)

    await asyncio.gather(*(call(log, number) for log in logs for number in range(4)))
    for log in logs:
        await log.close()
        await log._db.close()
    assert [minute.calls for minute in await minutes(db)] == [60]
