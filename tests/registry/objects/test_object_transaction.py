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
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import TenantExtensionInstall
from tests.registry.collaborators import collaborators
from tests.registry.faults import commit_lost
from tests.registry.installer import Installer
from tests.registry.publisher import EVE

MAX_COMMITS = 20


async def _install(installer: Installer) -> Any:
    return (await installer.install("1.0.0")).version


async def _install_archive(installer: Installer) -> Any:
    installer.clock.advance(1)
    archive = installer.archive(version="3.0.0")
    done = await install_archive(
        collaborators(installer.db, installer.store, now=installer.clock), archive, actor=EVE, check_component=None
    )
    return done.version


async def _upgrade(installer: Installer) -> Any:
    return (await installer.upgrade("2.0.0")).version


async def _rollback(installer: Installer) -> Any:
    return (await installer.rollback()).version


OPERATIONS: dict[str, Callable[[Installer], Awaitable[Any]]] = {
    "install": _install,
    "install archive": _install_archive,
    "upgrade": _upgrade,
    "rollback": _rollback,
}


@pytest.fixture
async def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    installer = Installer(db, store, tmp_path)
    await installer.publish(version="1.0.0")
    await installer.publish(version="2.0.0", marker="2")
    return installer


async def _installed_version(installer: Installer) -> str | None:
    async with installer.db.session() as session:
        return await session.scalar(select(TenantExtensionInstall.version_id).where(TenantExtensionInstall.tenant_id == EVE.tenant_id))


async def _prepare(installer: Installer, operation: str) -> str | None:
    if await _installed_version(installer) is not None:
        await installer.uninstall()
    if operation in ("upgrade", "rollback"):
        await installer.install("1.0.0")
    if operation == "rollback":
        await installer.upgrade("2.0.0")
    return await _installed_version(installer)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_whose_commit_took_effect_succeeds_although_its_connection_was_lost(
    installer: Installer, operation: str
) -> None:
    succeeded = 0
    for at in range(1, MAX_COMMITS):
        before = await _prepare(installer, operation)
        with commit_lost(installer.db, at) as lost:
            try:
                await OPERATIONS[operation](installer)
                failed = False
            except OperationalError:
                failed = True
        assert (await _installed_version(installer) == before) == failed, f"commit {at}"
        if not lost():
            break
        succeeded += not failed
    assert succeeded >= 1
    assert at < MAX_COMMITS - 1
