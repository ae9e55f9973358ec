"""A process that is killed while it changes an install leaves the state before or after; repeating it succeeds, a sweep cleans up."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import func, select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionInstallConfig, TenantExtensionSchedule
from holdfast.registry.objects.pending import sweep_objects
from tests.registry.faults import STRIDE, steps
from tests.registry.install_process import Change, Work, change_until_killed
from tests.registry.installer import Installer
from tests.registry.publish_process import forkserver_context, start_process
from tests.registry.publisher import EVE

pytestmark = pytest.mark.slow


class Scene:
    """EVE's install before one kind of change, as often as it is needed."""

    def __init__(self, installer: Installer, change: Change) -> None:
        self.installer, self.change = installer, change

    async def set_up(self) -> None:
        """Two versions are published, and what the change begins with is installed."""
        if await self.rows():
            await self.installer.uninstall()
        if self.change != "install":
            await self.installer.install("1.0.0")
        if self.change == "rollback":
            await self.installer.upgrade("1.1.0")
        await self.sweep()

    async def make(self) -> None:
        match self.change:
            case "install":
                await self.installer.install("1.0.0")
            case "upgrade":
                await self.installer.upgrade("1.1.0")
            case "rollback":
                await self.installer.rollback()
            case "uninstall":
                await self.installer.uninstall()

    async def rows(self) -> list[Any]:
        """What the database says of the install, without times."""
        async with self.installer.db.session() as session:
            installs = (await session.scalars(select(TenantExtensionInstall))).all()
            belongings = [
                await session.scalar(select(func.count()).select_from(table).where(table.tenant_id == EVE.tenant_id))
                for table in (TenantExtensionInstallConfig, TenantExtensionSchedule)
            ]
        return [(one.version_id, one.granted_caps, one.granted_egress, one.previous, one.is_enabled, *belongings) for one in installs]

    async def sweep(self) -> None:
        later = datetime.now(UTC) + timedelta(days=10_000)
        await sweep_objects(self.installer.db, self.installer.store, older_than=timedelta(hours=1), now=lambda: later)


@pytest.mark.parametrize("change", get_args(Change))
async def test_killed_at_any_step(db: Database, store: FolderStore, tmp_path: Path, database_url: str, change: Change) -> None:
    installer = Installer(db, store, tmp_path)
    await installer.publish(version="1.0.0")
    await installer.publish(version="1.1.0", marker="new")
    scene, outcomes, context = Scene(installer, change), Counter[bool](), forkserver_context()
    await scene.set_up()
    work = Work(url=database_url, store=str(store.root), change=change)
    before, copies_before = await scene.rows(), installer.copies()
    await scene.make()
    await scene.sweep()
    after, copies_after = await scene.rows(), installer.copies()
    assert before != after
    for step in steps():
        await scene.set_up()
        assert (await scene.rows(), installer.copies()) == (before, copies_before)
        process = start_process(context, tmp_path, change_until_killed, work, step)
        await asyncio.to_thread(process.join, 600)
        left = await scene.rows()
        assert left in (before, after)
        outcomes[left == after] += 1
        if step % 2 == 0:
            await scene.sweep()
            assert installer.copies() == (copies_after if left == after else copies_before)
        if left == before:
            await scene.make()
        await scene.sweep()
        assert (await scene.rows(), installer.copies()) == (after, copies_after)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert outcomes[False] * STRIDE > 5 and outcomes[True] >= 1
