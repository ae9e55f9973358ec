"""Transactions that are cancelled."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select, update

from holdfast.records.database.database import Database
from holdfast.records.models.users import Role, Tenant
from tests.records.databases import TENANT
from tests.registry.faults import cancelled_at
from tests.waiting import MAX_WAIT_SECONDS


async def test_the_task_that_cancels_a_transaction_can_write_at_once(db: Database) -> None:
    async def change_and_clean_up(number: int) -> None:
        try:
            async with db.transaction() as session:
                await session.execute(update(Tenant).values(client_name="Changed").returning(Tenant.tenant))
        except asyncio.CancelledError:
            async with asyncio.timeout(MAX_WAIT_SECONDS), db.transaction() as session:
                session.add(Role(tenant=TENANT, role_name=f"role {number}"))
            raise

    cancelled = 0
    for number in range(1, 100):
        task = asyncio.ensure_future(cancelled_at(change_and_clean_up(number), number))
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
            break
        cancelled += 1
    async with db.session() as session:
        assert await session.scalar(select(func.count()).select_from(Role)) == cancelled > 3
