"""Installs that fail or are cancelled at any step leave the state before or the state after, and the same again succeeds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import patch_config
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionInstallConfig, TenantExtensionSchedule
from holdfast.registry.models.publishing import PendingObject, StorageRemoval
from holdfast.registry.objects.pending import sweep_objects
from tests.records.databases import OTHER_TENANT
from tests.registry.collaborators import collaborators
from tests.registry.faults import STRIDE, FailingStore, Failure, cancelled_at, failing, steps
from tests.registry.installer import NOTES, Installer
from tests.registry.publisher import EVE

pytestmark = pytest.mark.slow

DAILY = [{"name": "Daily", "endpoint": "/daily", "cron": "0 1 * * *"}]
API = {"endpoints": [{"method": "GET", "path": "/daily", "handler": "dist/main", "schedulable": True}]}
KINDS = ["once", "once, after its effect", "lasting"]

Operation = Callable[[Installer, BundleStore], Awaitable[Any]]
State = tuple[Any, ...]


async def _install(installer: Installer, store: BundleStore) -> None:
    await installer.install("1.0.0", store=store)


async def _install_again(installer: Installer, store: BundleStore) -> None:
    await installer.install("2.0.0", store=store)


async def _upgrade(installer: Installer, store: BundleStore) -> None:
    await installer.upgrade("3.0.0", store=store, consent=True)


async def _rollback(installer: Installer, store: BundleStore) -> None:
    await installer.rollback(store=store)


async def _uninstall(installer: Installer, store: BundleStore) -> None:
    await installer.uninstall(store=store)


OPERATIONS: dict[str, Operation] = {
    "install": _install,
    "install again": _install_again,
    "upgrade": _upgrade,
    "rollback": _rollback,
    "uninstall": _uninstall,
}


class Scenario:
    """Brings an install into the state in which an operation is tried, and tells its states apart."""

    def __init__(self, installer: Installer, operation: str) -> None:
        self.installer, self.name = installer, operation
        self.operation = OPERATIONS[operation]

    async def publish(self) -> None:
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            capabilities = ["cap:storage.kv", *(["cap:secrets.get"] if version == "3.0.0" else [])]
            schedules = DAILY if version != "1.0.0" else None
            await self.installer.publish(version=version, api=API, schedules=schedules, capabilities=capabilities)

    async def prepare(self) -> State:
        """The state before: nothing is installed or, for what needs more, version 2 with version 1 before it."""
        async with self.installer.db.session() as session:
            there = await session.scalar(select(TenantExtensionInstall.id).where(TenantExtensionInstall.tenant_id == OTHER_TENANT))
        if there is not None:
            await self.installer.uninstall()
        if self.name != "install":
            await self.installer.install("1.0.0")
            await self.installer.upgrade("2.0.0")
            await patch_config(self.installer.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=self.installer.clock)
        return await self.state()

    async def state(self) -> State:
        async with self.installer.db.session() as session:
            installs = (await session.scalars(select(TenantExtensionInstall))).all()
            configs = (await session.scalars(select(TenantExtensionInstallConfig))).all()
            schedules = (await session.scalars(select(TenantExtensionSchedule))).all()
            removals = (await session.scalars(select(StorageRemoval))).all()
        return (
            [(row.id, row.version_id, row.granted_caps, row.granted_egress, row.previous, row.pending, row.is_enabled) for row in installs],
            [(row.install_id, row.config, row.providers) for row in configs],
            [(row.id, row.endpoint_id, row.enabled) for row in schedules],
            len(removals),
            self.installer.objects(),
            await self.installer.count(PendingObject),
        )

    async def sweep(self) -> None:
        """What could not be taken away at once goes with the next sweep."""
        self.installer.clock.advance(2)
        await sweep_objects(self.installer.db, self.installer.store, older_than=timedelta(seconds=1), now=self.installer.clock)

    async def again(self, before: State, after: State, failed: bool) -> None:
        """After failure it is as before or as after; from before, the same succeeds."""
        await self.sweep()
        found = await self.state()
        assert found in (before, after) if failed else found == after
        if found == before:
            await self.operation(self.installer, self.installer.store)
            await self.sweep()
            assert await self.state() == after


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


@pytest.fixture
async def scenario(installer: Installer, request: pytest.FixtureRequest) -> Scenario:
    scenario = Scenario(installer, request.param)
    await scenario.publish()
    await installer.install("1.0.0")
    return scenario


async def _clean(scenario: Scenario) -> tuple[State, State]:
    before = await scenario.prepare()
    await scenario.operation(scenario.installer, scenario.installer.store)
    after = await scenario.state()
    assert before != after
    return before, after


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [("install", "once"), ("rollback", "once"), *[(name, kind) for name in ("upgrade", "uninstall") for kind in KINDS]],
    indirect=["scenario"],
)
async def test_a_failure_at_any_step_leaves_before_or_after_and_the_same_again_succeeds(scenario: Scenario, kind: str) -> None:
    before, after = await _clean(scenario)
    for step in steps(shift=KINDS.index(kind)):
        assert await scenario.prepare() == before
        failure = Failure(step, lasting=kind == "lasting", late=kind == "once, after its effect")
        failed = False
        try:
            with failing(scenario.installer.db, failure):
                await scenario.operation(scenario.installer, FailingStore(scenario.installer.store, failure))
        except (BundleStoreUnavailable, OperationalError):
            failed = True
        failure.over = True
        await scenario.again(before, after, failed)
        if not failure.happened:
            break
    assert step > 8


@pytest.mark.parametrize("scenario", ["upgrade", "uninstall"], indirect=True)
async def test_what_is_cancelled_anywhere_leaves_before_or_after_and_the_same_again_succeeds(scenario: Scenario) -> None:
    before, after = await _clean(scenario)
    cancelled = 0
    for step in steps():
        assert await scenario.prepare() == before
        work = scenario.operation(scenario.installer, scenario.installer.store)
        assert asyncio.iscoroutine(work)
        task = asyncio.ensure_future(cancelled_at(work, step))
        await asyncio.wait([task])
        await scenario.again(before, after, task.cancelled())
        if not task.cancelled():
            task.result()
            break
        cancelled += 1
    assert cancelled * STRIDE > 15


@pytest.mark.parametrize("scenario", ["install again"], indirect=True)
async def test_a_failure_while_installing_again_never_loses_what_was_there(scenario: Scenario) -> None:
    before = await scenario.prepare()
    for step in steps(shift=1):
        failure = Failure(step)
        try:
            with failing(scenario.installer.db, failure):
                await scenario.operation(scenario.installer, FailingStore(scenario.installer.store, failure))
        except (BundleStoreUnavailable, OperationalError):
            pass
        failure.over = True
        assert await scenario.state() == before
        if not failure.happened:
            break
    assert step > 5


async def test_a_failure_while_installing_an_archive_leaves_before_or_after(installer: Installer) -> None:
    scenario = Scenario(installer, "install")
    for step in steps(shift=2):
        archive = installer.archive(publisher=f"publisher-{step}")
        before = await scenario.state()
        failure = Failure(step)

        async def install(store: BundleStore, archive: Path = archive) -> None:
            installer.clock.advance(1)
            await install_archive(
                collaborators(installer.db, store, now=installer.clock), archive, actor=local_actor(OTHER_TENANT), check_component=None
            )

        failed = False
        try:
            with failing(installer.db, failure):
                await install(FailingStore(installer.store, failure))
        except (BundleStoreUnavailable, OperationalError):
            failed = True
        failure.over = True
        await scenario.sweep()
        found = await scenario.state()
        if found == before:
            assert failed
            await install(installer.store)
            found = await scenario.state()
        assert [len(now) - len(then) for now, then in zip(found[:2], before[:2], strict=True)] == [1, 1]
        assert len(found[4]) == len(before[4]) + 1 and found[5] == 0
        if not failure.happened:
            break
    assert step > 8
