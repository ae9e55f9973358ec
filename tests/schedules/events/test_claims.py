"""Which events are delivered next, and how a delivery ends; on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.event import listen, remove

from holdfast.contract.background_call import BackgroundCall, BackgroundResult
from holdfast.records.database.address import database_address
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.installs import TenantExtensionInstall
from holdfast.schedules.events.claims import claim_events
from holdfast.schedules.events.rows import (
    NOT_GRANTED,
    NOT_SUBSCRIBED,
    Delivered,
    back_off,
    delivered,
    end_delivery,
    event_body,
    read_event_call,
)
from holdfast.schedules.need import is_scheduler_missing, is_scheduler_needed
from tests.records.databases import OTHER_TENANT, TENANT, migrated, on_sqlite
from tests.registry.events.subscribers import add_install, events_of, run_sql

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SUCCESS = BackgroundResult(status="success", http_status=204)
FAILURE = BackgroundResult(status="error", code="extension_status", error="Runner returned status 500", http_status=500, retryable=True)


@pytest.fixture
async def db(tmp_path: Path, database_url: str) -> AsyncIterator[Database]:
    async with migrated(tmp_path, url=database_url) as opened:
        yield opened


async def add(db: Database, install: str, subject: str = "client:1", *, tenant_id: str = TENANT, **values: Any) -> str:
    event_id = new_id()
    fields = {"topic": "client.updated", "data": {}, "occurred_at": NOON, "available_at": NOON, **values}
    async with db.transaction() as session:
        session.add(ExtensionEvent(id=event_id, tenant_id=tenant_id, install_id=install, subject=subject, **fields))
    return event_id


async def claim(db: Database, now: datetime = NOON, *, limit: int = 100, per_tenant: int = 100) -> list[tuple[str, int]]:
    """The events that are claimed, with their turns."""
    claimed = [workflow.partition(".") for workflow in await claim_events(db, now, limit=limit, per_tenant=per_tenant)]
    return [(event_id, int(turn)) for event_id, _, turn in claimed]


async def end(db: Database, claimed: tuple[str, int], result: BackgroundResult, *, failures: int = 0, now: datetime = NOON) -> None:
    assert await end_delivery(db, *claimed, delivered(result, failures, 3), now)


async def row(db: Database, event_id: str) -> ExtensionEvent:
    async with db.session() as session:
        return (await session.scalars(select(ExtensionEvent).where(ExtensionEvent.id == event_id))).one()


async def test_events_of_a_subject_are_delivered_one_after_the_other(db: Database) -> None:
    install = await add_install(db, ["client.updated"])
    first, second = await add(db, install), await add(db, install)
    other = await add(db, install, "client:2")
    assert sorted(await claim(db)) == sorted([(first, 1), (other, 1)])
    assert await claim(db) == []
    await end(db, (first, 1), FAILURE)
    # It waits for its next attempt, and the second for it.
    assert await claim(db) == []
    assert await claim(db, NOON + back_off(0)) == [(first, 2)]
    await end(db, (first, 2), SUCCESS, failures=1)
    assert await claim(db) == [(second, 1)]


async def test_a_dead_letter_frees_its_subject_and_a_retried_one_neither_waits_nor_blocks(db: Database) -> None:
    install = await add_install(db, ["client.updated"])
    first, second, third = [await add(db, install) for _ in range(3)]
    await claim(db)
    await end(db, (first, 1), FAILURE, failures=2)
    assert (await row(db, first)).status == "dead"
    assert await claim(db) == [(second, 1)]
    async with db.transaction() as session:
        await session.execute(update(ExtensionEvent).where(ExtensionEvent.id == first).values(status="waiting", out_of_order=True))
    assert await claim(db) == [(first, 2)]
    await end(db, (second, 1), SUCCESS)
    assert await claim(db) == [(third, 1)]
    call = await read_event_call(db, first, 2)
    assert isinstance(call, BackgroundCall) and call.headers["x-ext-event-out-of-order"] == "true"


async def test_any_number_of_schedulers_claim_each_event_once(db: Database, database_url: str) -> None:
    install = await add_install(db, ["client.updated"])
    events = [await add(db, install, f"client:{number}") for number in range(12)]
    others = [db] * 3 if db.is_sqlite else [db, *(Database(database_url) for _ in range(2))]
    claimed: list[tuple[str, int]] = []
    for _ in range(6):
        for found in await asyncio.gather(*(claim(one, limit=5) for one in others)):
            claimed += found
    assert sorted(claimed) == sorted((event, 1) for event in events)
    for one in others:
        if one is not db:
            await one.close()


@on_sqlite
async def test_a_look_for_events_reads_indexes_of_what_is_open_and_not_the_history(db: Database) -> None:
    statements: list[tuple[str, Any]] = []

    def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    install = await add_install(db, ["client.updated"])
    await add(db, install)
    listen(Engine, "before_cursor_execute", record)
    try:
        await claim(db)
        await is_scheduler_needed(db)
    finally:
        remove(Engine, "before_cursor_execute", record)
    reads = [(sql, given) for sql, given in statements if sql.startswith("SELECT") and "extension_event" in sql]
    assert len(reads) == 4
    with closing(sqlite3.connect(str(database_address(db.url).database))) as connection:
        for sql, given in reads:
            plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
            on_events = [step for step in plan if "extension_event" in step or "earlier" in step]
            assert on_events and all("open_idx" in step or "available_idx" in step for step in on_events), plan


async def test_an_event_that_waits_without_a_scheduler_is_reported(db: Database) -> None:
    install = await add_install(db, ["client.updated"])
    await add(db, install)
    lease = timedelta(seconds=15)
    assert not await is_scheduler_missing(db, NOON, lease)
    assert await is_scheduler_missing(db, NOON + timedelta(minutes=1), lease)


async def test_tenants_take_turns_and_none_takes_all(db: Database) -> None:
    many, few = await add_install(db, ["client.updated"]), await add_install(db, ["client.updated"], tenant_id=OTHER_TENANT)
    for number in range(20):
        await add(db, many, f"client:{number}")
    late = [await add(db, few, f"client:{number}", tenant_id=OTHER_TENANT) for number in range(2)]
    assert {event for event, _ in await claim(db, limit=4)} >= set(late)
    # Two of the first tenant are being delivered, and no more than three may be.
    assert len(await claim(db, per_tenant=3)) == 1
    assert await claim(db, per_tenant=3) == []


async def test_events_of_a_disabled_install_are_kept_until_it_is_enabled(db: Database) -> None:
    install = await add_install(db, ["client.updated"])
    event = await add(db, install)
    assert await is_scheduler_needed(db)
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(status="disabled"))
    assert not await is_scheduler_needed(db)
    assert await claim(db) == []
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(status="enabled"))
    assert await claim(db) == [(event, 1)]
    await end(db, (event, 1), SUCCESS)
    assert not await is_scheduler_needed(db)


async def test_a_delivery_calls_the_endpoint_with_the_event(db: Database) -> None:
    install = await add_install(db, ["client.updated"], handler="POST /my/events")
    event = await add(db, install, data={"clientName": "C"})
    await claim(db)
    call = await read_event_call(db, event, 1)
    assert isinstance(call, BackgroundCall) and call.body_b64 is not None
    assert (call.method, call.path, call.trigger, call.number, call.requires) == ("POST", "/my/events", "event", 1, "cap:client.read")
    assert call.headers == {"x-ext-event-id": event, "x-ext-event-topic": "client.updated", "x-ext-event-attempt": "1"}
    assert event_body(await row(db, event)) == {
        **{"id": event, "topic": "client.updated", "tenant": TENANT, "occurredAt": NOON, "subject": "client:1"},
        "data": {"clientName": "C"},
    }
    assert await read_event_call(db, event, 2) is None


async def test_an_event_that_no_one_subscribes_to_any_more_is_dropped(db: Database) -> None:
    install = await add_install(db, [])
    event = await add(db, install)
    await claim(db)
    dropped = await read_event_call(db, event, 1)
    assert dropped == Delivered(status="dropped", counts=False, error=NOT_SUBSCRIBED)
    assert await end_delivery(db, event, 1, dropped, NOON)
    ended = await row(db, event)
    assert (ended.status, ended.attempts, ended.error, ended.finished_at) == ("dropped", 0, NOT_SUBSCRIBED, NOON)


@pytest.mark.parametrize(
    ("code", "status", "pause"),
    [
        ("install_unavailable", "waiting", 30),
        ("quota_exceeded", "waiting", 600),
        ("unreachable", "waiting", 5),
        ("capability_missing", "dropped", 0),
    ],
)
def test_what_says_nothing_about_the_event_is_no_attempt(code: str, status: str, pause: int) -> None:
    end = delivered(BackgroundResult(status="error", code=code, error="text"), 100, 3)
    assert (end.status, end.counts, end.later) == (status, False, timedelta(seconds=pause))
    assert end.error == (NOT_GRANTED if code == "capability_missing" else "text")


def test_an_error_that_no_attempt_mends_is_a_dead_letter_at_once() -> None:
    gone = BackgroundResult(status="error", code="extension_status", error="Runner returned status 404", http_status=404)
    assert delivered(gone, 0, 3) == Delivered(status="dead", error="Runner returned status 404", http_status=404)
    assert [delivered(FAILURE, failures, 3).status for failures in range(3)] == ["waiting", "waiting", "dead"]


def test_pauses_grow_to_two_hours() -> None:
    assert [back_off(failures).total_seconds() for failures in (0, 1, 2, 5, 90)] == [10, 40, 160, 7_200, 7_200]


async def test_only_the_turn_that_claimed_an_event_ends_it(db: Database) -> None:
    install = await add_install(db, ["client.updated"])
    event = await add(db, install)
    await claim(db)
    await end(db, (event, 1), FAILURE)
    await claim(db, NOON + back_off(0))
    assert not await end_delivery(db, event, 1, Delivered(status="delivered"), NOON)
    assert (await row(db, event)).status == "delivering"


async def test_a_change_is_delivered_to_its_install_alone(db: Database) -> None:
    install, other = await add_install(db, ["client.created"]), await add_install(db, ["client.created"], tenant_id=OTHER_TENANT)
    columns, values = "client_id, tenant, client_name, is_inactive, created_at", f"'{new_id()}', '{TENANT}', 'C', false, '2026-01-01'"
    await run_sql(db, f"INSERT INTO clients ({columns}) VALUES ({values})")
    (event,) = await events_of(db, install)
    assert [claimed for claimed, _ in await claim(db, event.available_at)] == [event.id]
    assert await events_of(db, other) == []
