"""What a platform tidies up by itself, and that a failure does not end it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from structlog.testing import capture_logs

from holdfast.bundles.store.folder import FolderStore
from holdfast.platform.maintenance import tidy_up_forever
from holdfast.records.database.columns import new_id, utc_now
from holdfast.registry.models.publishing import StorageRemoval
from tests.records.databases import TENANT, migrated
from tests.waiting import MAX_WAIT_SECONDS


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not await true():
            await asyncio.sleep(0.01)


async def test_what_is_due_goes_at_the_start_and_again_after_each_pause_and_a_failure_ends_nothing(tmp_path: Path) -> None:
    async with migrated(tmp_path) as db:

        async def nothing_is_due() -> bool:
            async with db.session() as session:
                return (await session.get(StorageRemoval, {"tenant": TENANT, "extension_install_id": waiting})) is None

        async def add() -> str:
            install_id = new_id()
            async with db.transaction() as session:
                past = utc_now() - timedelta(seconds=1)
                session.add(StorageRemoval(tenant=TENANT, extension_install_id=install_id, remove_at=past, created_at=past))
            return install_id

        waiting = await add()
        task = asyncio.create_task(tidy_up_forever(db, FolderStore(tmp_path / "bundles"), pause_seconds=0.01))
        try:
            await eventually(nothing_is_due)
            with capture_logs() as logs:

                async def it_failed() -> bool:
                    return any(line["event"] == "could not tidy up" for line in logs)

                async with db.transaction() as session:
                    connection = await session.connection()
                    await connection.exec_driver_sql("ALTER TABLE ext_storage_removals RENAME TO away")
                await eventually(it_failed)
            async with db.transaction() as session:
                connection = await session.connection()
                await connection.exec_driver_sql("ALTER TABLE away RENAME TO ext_storage_removals")
            waiting = await add()
            await eventually(nothing_is_due)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
