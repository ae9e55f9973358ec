"""Events that are over are deleted after their time, and when an install has too many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import insert

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.events import ExtensionEvent
from holdfast.schedules.events import deliveries
from holdfast.schedules.events.deliveries import EventQueue
from tests.records.databases import TENANT, migrated
from tests.registry.events.subscribers import add_install, events_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path, database_url: str) -> AsyncIterator[Database]:
    async with migrated(tmp_path, url=database_url) as opened:
        yield opened


def queue(db: Database) -> EventQueue:
    """A queue that only forgets: neither engine nor workflow has a part in that."""
    return EventQueue(db, cast("Any", None), cast("Any", None), at_once=1, now=lambda: NOON)


async def add(db: Database, install: str, *statuses: str, occurred_at: datetime = NOON) -> None:
    fields = {"tenant_id": TENANT, "install_id": install, "topic": "client.created", "data": {}, "available_at": NOON}
    rows = [fields | {"id": new_id(), "subject": new_id(), "status": status, "occurred_at": occurred_at} for status in statuses]
    async with db.transaction() as session:
        await session.execute(insert(ExtensionEvent), rows)


async def test_old_events_are_deleted_but_not_while_they_are_delivered(db: Database) -> None:
    install = await add_install(db, [])
    await add(db, install, "waiting", "delivering", "delivered", "dead", "dropped", occurred_at=NOON - timedelta(days=2))
    await add(db, install, "waiting", "delivered")
    assert await queue(db).forget(NOON - timedelta(days=1)) == 4
    assert [event.status for event in await events_of(db, install)] == ["delivering", "waiting", "delivered"]


async def test_an_install_keeps_its_newest_events_that_are_over(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MAX_FINISHED", 3)
    install, other = await add_install(db, []), await add_install(db, [])
    await add(db, other, "delivered", "dead", "dropped")
    await add(db, install, "waiting", "dead", "dropped", "delivered", "delivered", "delivered")
    assert await queue(db).forget_excess() == 2
    assert await queue(db).forget_excess() == 0
    assert [event.status for event in await events_of(db, install)] == ["waiting", "delivered", "delivered", "delivered"]
    assert len(await events_of(db, other)) == 3
