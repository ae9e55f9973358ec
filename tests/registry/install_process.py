"""A process that changes an install, and is killed at one of its steps."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import event

from holdfast.bundles.store import FolderStore
from holdfast.records.database import Database
from holdfast.registry.installing import install_version
from holdfast.registry.removal import uninstall
from holdfast.registry.upgrading import rollback_install, upgrade_install
from tests.registry.counter import NOTES
from tests.registry.extensions import UNSIGNED_TOO
from tests.registry.publish_process import SteppingStore
from tests.registry.publishing import EVE

Change = Literal["install", "upgrade", "rollback", "uninstall"]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the process does, and where; `store` is a folder."""

    url: str
    store: str
    change: Change


def change_until_killed(work: Work, step: int) -> None:
    """Makes the change for EVE, and is killed at the step number `step`, if it comes to that."""
    count = 0

    def take_step(*_: object) -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        db = Database(work.url)
        event.listen(db.sync_engine, "before_cursor_execute", take_step)
        event.listen(db.sync_engine, "commit", take_step)
        store = SteppingStore(FolderStore(Path(work.store)), take_step)
        match work.change:
            case "install":
                await install_version(db, store, actor=EVE, policy=UNSIGNED_TOO, extension=NOTES, version="1.0.0")
            case "upgrade":
                await upgrade_install(db, store, actor=EVE, policy=UNSIGNED_TOO, extension=NOTES, version="1.1.0")
            case "rollback":
                await rollback_install(db, store, actor=EVE, policy=UNSIGNED_TOO, extension=NOTES)
            case "uninstall":
                await uninstall(db, store, actor=EVE, extension=NOTES)
        take_step()
        await db.close()

    asyncio.run(run())
