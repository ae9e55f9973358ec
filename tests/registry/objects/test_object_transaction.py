"""An object and the rows that need it are written together, also when the connection is lost while the rows are committed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.installs.dev_install import install_archive
from holdfast.registry.models.installs import TenantExtensionInstall
from tests.registry.collaborators import collaborators
from tests.registry.counter import Counter
from tests.registry.faults import commit_lost
from tests.registry.published import EVE

MAX_COMMITS = 20


async def _install(counter: Counter) -> Any:
    return (await counter.install("1.0.0")).version


async def _install_archive(counter: Counter) -> Any:
    counter.clock.advance(1)
    archive = counter.archive(version="3.0.0")
    done = await install_archive(collaborators(counter.db, counter.store, now=counter.clock), archive, actor=EVE, check_component=None)
    return done.version


async def _upgrade(counter: Counter) -> Any:
    return (await counter.upgrade("2.0.0")).version


async def _rollback(counter: Counter) -> Any:
    return (await counter.rollback()).version


OPERATIONS: dict[str, Callable[[Counter], Awaitable[Any]]] = {
    "install": _install,
    "install archive": _install_archive,
    "upgrade": _upgrade,
    "rollback": _rollback,
}


@pytest.fixture
async def counter(db: Database, store: FolderStore, tmp_path: Path) -> Counter:
    counter = Counter(db, store, tmp_path)
    await counter.publish(version="1.0.0")
    await counter.publish(version="2.0.0", marker="2")
    return counter


async def _installed_version(counter: Counter) -> str | None:
    async with counter.db.session() as session:
        return await session.scalar(select(TenantExtensionInstall.version_id).where(TenantExtensionInstall.tenant_id == EVE.tenant_id))


async def _prepare(counter: Counter, operation: str) -> str | None:
    if await _installed_version(counter) is not None:
        await counter.uninstall()
    if operation in ("upgrade", "rollback"):
        await counter.install("1.0.0")
    if operation == "rollback":
        await counter.upgrade("2.0.0")
    return await _installed_version(counter)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_whose_commit_took_effect_succeeds_although_its_connection_was_lost(counter: Counter, operation: str) -> None:
    succeeded = 0
    for at in range(1, MAX_COMMITS):
        before = await _prepare(counter, operation)
        with commit_lost(counter.db, at) as lost:
            try:
                await OPERATIONS[operation](counter)
                failed = False
            except OperationalError:
                failed = True
        assert (await _installed_version(counter) == before) == failed, f"commit {at}"
        if not lost():
            break
        succeeded += not failed
    assert succeeded >= 1
    assert at < MAX_COMMITS - 1
