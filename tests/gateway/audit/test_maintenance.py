"""Rows that never got an end, and rows that are older than their retention."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update
from structlog.testing import capture_logs

from holdfast.gateway.audit import AuditLog
from holdfast.gateway.audit.cut_off import CUT_OFF_AFTER, mark_cut_off
from holdfast.gateway.audit.maintenance import maintain_audit_log
from holdfast.gateway.audit.minutes import read_call_minutes
from holdfast.gateway.audit.retention import GRACE
from holdfast.records.database.database import Database
from holdfast.registry.models.call_log import ExtensionLogRetention
from holdfast.registry.models.installs import ExtensionExecutionLog
from holdfast.settings import Settings
from tests.gateway.audit.calls import REGISTRY, VERSION, rows, start
from tests.records.databases import TENANT, Clock

DAY = 86_400.0
RANDOM_ID = "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)


async def found_table(db: Database, *, made_by_holdfast: bool = True, needs_notice: bool = False) -> None:
    """Makes the database one whose log was there before."""
    async with db.transaction() as session:
        await session.execute(update(ExtensionLogRetention).values(made_by_holdfast=made_by_holdfast, needs_notice=needs_notice))


async def write_rows(db: Database, clock: Clock, count: int, *, every: float = DAY) -> None:
    """One call each day, the first of them now."""
    log = AuditLog(db, now=clock)
    for number in range(count):
        log.finish(await start(log, f"r-{number:03}"), status="ok", http_status=200, error=None)
        assert await log.flush()
        clock.advance(every)


async def test_a_call_whose_process_was_killed_is_marked_as_cut_off(db: Database) -> None:
    clock = Clock()
    log = AuditLog(db, now=clock)
    cut = await start(log, "cut")
    log.finish(await start(log, "done"), status="ok", http_status=200, error=None)
    assert await log.flush()
    clock.advance(CUT_OFF_AFTER.total_seconds())
    running = await start(log, "running")
    assert await mark_cut_off(db, now=clock(), only_own=True) == 0
    clock.advance(1)
    assert await mark_cut_off(db, now=clock(), only_own=True) == 1
    assert [(row.request_id, row.status, row.error) for row in await rows(db)] == [
        ("cut", "error", "cut_off"),
        ("done", "ok", None),
        ("running", "started", None),
    ]
    assert next(row.finished_at for row in await rows(db) if row.request_id == "cut") == clock()
    (minute, _) = await read_call_minutes(db, TENANT, REGISTRY, since=Clock().instant, until=clock() + timedelta(hours=1)), None
    assert [(found.calls, found.errors, sum(found.buckets)) for found in minute] == [(2, 1, 1)]

    # It was only slow: its true end counts.
    log.finish(cut, status="ok", http_status=200, error=None)
    log.finish(running, status="ok", http_status=200, error=None)
    await log.close()
    assert [(row.status, row.error) for row in await rows(db)] == [("ok", None)] * 3


async def test_open_rows_of_another_gateway_stay_as_they_are(db: Database) -> None:
    clock = Clock()
    async with db.transaction() as session:
        session.add(
            ExtensionExecutionLog(
                id=RANDOM_ID, tenant_id=TENANT, registry_id=REGISTRY, version_id=VERSION, started_at=clock(), status="started"
            )
        )
    await found_table(db, made_by_holdfast=False)
    clock.advance(DAY)
    await maintain_audit_log(db, settings(), clock())
    assert [row.status for row in await rows(db)] == ["started"]
    # In its own table, the rows of earlier versions have such ids.
    await found_table(db)
    await maintain_audit_log(db, settings(), clock())
    assert [row.error for row in await rows(db)] == ["cut_off"]


async def test_rows_are_deleted_after_90_days_where_holdfast_made_the_table(db: Database) -> None:
    clock = Clock()
    await write_rows(db, clock, 3)
    clock.advance(88.5 * DAY)
    await maintain_audit_log(db, settings(), clock())
    assert [row.request_id for row in await rows(db)] == ["r-002"]
    # What the charts need outlives the rows.
    statistics = await read_call_minutes(db, TENANT, REGISTRY, since=Clock().instant, until=clock())
    assert [minute.calls for minute in statistics] == [1, 1, 1]
    await maintain_audit_log(db, settings(call_statistics_retention_days=90), clock())
    assert len(await read_call_minutes(db, TENANT, REGISTRY, since=Clock().instant, until=clock())) == 1


async def test_more_rows_than_a_batch_are_deleted(db: Database) -> None:
    clock = Clock()
    await write_rows(db, clock, 230, every=1.0)
    clock.advance(100 * DAY)
    await maintain_audit_log(db, settings(), clock())
    assert await rows(db) == []


@pytest.mark.parametrize(("made", "days", "kept"), [(True, 0, 3), (True, 1, 1), (False, None, 3), (False, 1, 1)])
async def test_the_setting_decides_and_where_the_table_was_found_nothing_else(
    db: Database, made: bool, days: int | None, kept: int
) -> None:
    clock = Clock()
    await write_rows(db, clock, 3)
    await found_table(db, made_by_holdfast=made)
    await maintain_audit_log(db, settings(audit_retention_days=days), clock())
    assert len(await rows(db)) == kept


async def test_what_an_earlier_version_wrote_is_deleted_only_after_a_notice_and_seven_days(db: Database) -> None:
    clock = Clock()
    await write_rows(db, clock, 1)
    await found_table(db, needs_notice=True)
    clock.advance(100 * DAY)
    with capture_logs() as lines:
        await maintain_audit_log(db, settings(), clock())
        await maintain_audit_log(db, settings(), clock())
    notices = [line for line in lines if line["event"] == "audit_deletion_notice"]
    assert [line["first_deletion"] for line in notices] == [(clock() + GRACE).isoformat(timespec="seconds")]
    clock.advance(GRACE.total_seconds() - 1)
    await maintain_audit_log(db, settings(), clock())
    assert len(await rows(db)) == 1
    clock.advance(1)
    await maintain_audit_log(db, settings(), clock())
    assert await rows(db) == []


async def test_a_database_whose_state_is_unknown_loses_nothing(db: Database) -> None:
    clock = Clock()
    await write_rows(db, clock, 1)
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM extension_log_retention"))
    clock.advance(1_000 * DAY)
    await maintain_audit_log(db, settings(audit_retention_days=1), clock())
    assert len(await rows(db)) == 1
