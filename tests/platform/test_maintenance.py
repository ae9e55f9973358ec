"""Maintenance removes what is due, and an error does not end it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from structlog.testing import capture_logs

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.folder import FolderStore
from holdfast.platform.maintenance import run_expiry_loop, run_maintenance_loop
from holdfast.records.database.columns import utc_now
from holdfast.records.database.uuids import new_id
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.lifecycle.service import InstallService
from holdfast.registry.models.publishing import StorageRemoval
from holdfast.registry.publishing.service import PublishingService
from holdfast.settings import Settings
from holdfast.storage.records import Write
from holdfast.storage.service import ExtensionStorage
from holdfast.storage.tables import StorageRecord
from tests.records.databases import TENANT, migrated
from tests.waiting import MAX_WAIT_SECONDS


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_maintenance_runs_at_the_start_and_after_each_pause_and_survives_an_error(tmp_path: Path) -> None:
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
        policy = TrustPolicy.from_settings(Settings(_env_file=None, data_dir=tmp_path))
        collaborators = Collaborators(db=db, store=FolderStore(tmp_path / "bundles"), policy=policy)
        installs, publishing = InstallService(collaborators), PublishingService(collaborators)
        task = asyncio.create_task(run_maintenance_loop(installs, publishing, pause_seconds=0.01))
        try:
            await wait_until(nothing_is_due)
            with capture_logs() as logs:

                async def it_failed() -> bool:
                    return any(line["event"] == "maintenance failed" for line in logs)

                async with db.transaction() as session:
                    connection = await session.connection()
                    await connection.exec_driver_sql("ALTER TABLE ext_storage_removals RENAME TO away")
                await wait_until(it_failed)
            async with db.transaction() as session:
                connection = await session.connection()
                await connection.exec_driver_sql("ALTER TABLE away RENAME TO ext_storage_removals")
            waiting = await add()
            await wait_until(nothing_is_due)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_expired_records_are_removed_now_and_after_each_pause_and_an_error_does_not_end_it(tmp_path: Path) -> None:
    async with migrated(tmp_path) as db:
        expired = ExtensionStorage(db, now=lambda: utc_now() - timedelta(days=1)).of(TENANT, new_id())

        async def add() -> None:
            await expired.put("n", Write(key="k", value=1, ttl_seconds=60))

        async def all_are_removed() -> bool:
            async with db.session() as session:
                return (await session.scalar(select(StorageRecord))) is None

        await add()
        task = asyncio.create_task(run_expiry_loop(db, pause_seconds=0.01))
        try:
            await wait_until(all_are_removed)
            with capture_logs() as logs:

                async def it_failed() -> bool:
                    return any(line["event"] == "removing expired records failed" for line in logs)

                async with db.transaction() as session:
                    await (await session.connection()).exec_driver_sql("ALTER TABLE ext_storage_usage RENAME TO away")
                await wait_until(it_failed)
            async with db.transaction() as session:
                await (await session.connection()).exec_driver_sql("ALTER TABLE away RENAME TO ext_storage_usage")
            await add()
            await wait_until(all_are_removed)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
