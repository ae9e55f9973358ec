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
from holdfast.registry.installs.dev_install import install_archive
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionInstallConfig, TenantExtensionSchedule
from holdfast.registry.models.publishing import PendingObject, StorageRemoval
from holdfast.registry.objects.pending import sweep_objects
from tests.records.databases import OTHER_TENANT
from tests.registry.collaborators import collaborators
from tests.registry.counter import NOTES, Counter
from tests.registry.faults import FailingStore, Trouble, cancelled_at, failing
from tests.registry.published import EVE

pytestmark = pytest.mark.slow

DAILY = [{"name": "Daily", "endpoint": "/daily", "cron": "0 1 * * *"}]
API = {"endpoints": [{"method": "GET", "path": "/daily", "handler": "dist/main", "schedulable": True}]}
KINDS = ["once", "once, after its effect", "lasting"]

Operation = Callable[[Counter, BundleStore], Awaitable[Any]]
State = tuple[Any, ...]


async def _install(counter: Counter, store: BundleStore) -> None:
    await counter.install("1.0.0", store=store)


async def _install_again(counter: Counter, store: BundleStore) -> None:
    await counter.install("2.0.0", store=store)


async def _upgrade(counter: Counter, store: BundleStore) -> None:
    await counter.upgrade("3.0.0", store=store, consent=True)


async def _rollback(counter: Counter, store: BundleStore) -> None:
    await counter.rollback(store=store)


async def _uninstall(counter: Counter, store: BundleStore) -> None:
    await counter.uninstall(store=store)


OPERATIONS: dict[str, Operation] = {
    "install": _install,
    "install again": _install_again,
    "upgrade": _upgrade,
    "rollback": _rollback,
    "uninstall": _uninstall,
}


class Bench:
    """Brings an install into the state in which an operation is tried, and tells its states apart."""

    def __init__(self, counter: Counter, operation: str) -> None:
        self.counter, self.name = counter, operation
        self.operation = OPERATIONS[operation]

    async def publish(self) -> None:
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            capabilities = ["cap:storage.kv", *(["cap:secrets.get"] if version == "3.0.0" else [])]
            schedules = DAILY if version != "1.0.0" else None
            await self.counter.publish(version=version, api=API, schedules=schedules, capabilities=capabilities)

    async def prepare(self) -> State:
        """The state before: nothing is installed or, for what needs more, version 2 with version 1 before it."""
        async with self.counter.db.session() as session:
            there = await session.scalar(select(TenantExtensionInstall.id).where(TenantExtensionInstall.tenant_id == OTHER_TENANT))
        if there is not None:
            await self.counter.uninstall()
        if self.name != "install":
            await self.counter.install("1.0.0")
            await self.counter.upgrade("2.0.0")
            await patch_config(self.counter.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=self.counter.clock)
        return await self.state()

    async def state(self) -> State:
        async with self.counter.db.session() as session:
            installs = (await session.scalars(select(TenantExtensionInstall))).all()
            configs = (await session.scalars(select(TenantExtensionInstallConfig))).all()
            schedules = (await session.scalars(select(TenantExtensionSchedule))).all()
            removals = (await session.scalars(select(StorageRemoval))).all()
        return (
            [(row.id, row.version_id, row.granted_caps, row.granted_egress, row.previous, row.pending, row.is_enabled) for row in installs],
            [(row.install_id, row.config, row.providers) for row in configs],
            [(row.id, row.endpoint_id, row.enabled) for row in schedules],
            len(removals),
            self.counter.objects(),
            await self.counter.count(PendingObject),
        )

    async def tidy(self) -> None:
        """What could not be taken away at once goes with the next sweep."""
        self.counter.clock.advance(2)
        await sweep_objects(self.counter.db, self.counter.store, older_than=timedelta(seconds=1), now=self.counter.clock)

    async def again(self, before: State, after: State, failed: bool) -> None:
        """After trouble it is as before or as after; from before, the same succeeds."""
        await self.tidy()
        found = await self.state()
        assert found in (before, after) if failed else found == after
        if found == before:
            await self.operation(self.counter, self.counter.store)
            await self.tidy()
            assert await self.state() == after


@pytest.fixture
def counter(db: Database, store: FolderStore, tmp_path: Path) -> Counter:
    return Counter(db, store, tmp_path)


@pytest.fixture
async def bench(counter: Counter, request: pytest.FixtureRequest) -> Bench:
    bench = Bench(counter, request.param)
    await bench.publish()
    await counter.install("1.0.0")
    return bench


async def _clean(bench: Bench) -> tuple[State, State]:
    before = await bench.prepare()
    await bench.operation(bench.counter, bench.counter.store)
    after = await bench.state()
    assert before != after
    return before, after


@pytest.mark.parametrize(
    ("bench", "kind"),
    [("install", "once"), ("rollback", "once"), *[(name, kind) for name in ("upgrade", "uninstall") for kind in KINDS]],
    indirect=["bench"],
)
async def test_trouble_at_any_step_leaves_before_or_after_and_the_same_again_succeeds(bench: Bench, kind: str) -> None:
    before, after = await _clean(bench)
    for step in range(1, 300):
        assert await bench.prepare() == before
        trouble = Trouble(step, lasting=kind == "lasting", late=kind == "once, after its effect")
        failed = False
        try:
            with failing(bench.counter.db, trouble):
                await bench.operation(bench.counter, FailingStore(bench.counter.store, trouble))
        except (BundleStoreUnavailable, OperationalError):
            failed = True
        trouble.over = True
        await bench.again(before, after, failed)
        if not trouble.struck:
            break
    assert 8 < step < 299


@pytest.mark.parametrize("bench", ["upgrade", "uninstall"], indirect=True)
async def test_what_is_cancelled_anywhere_leaves_before_or_after_and_the_same_again_succeeds(bench: Bench) -> None:
    before, after = await _clean(bench)
    cancelled = 0
    for step in range(1, 1000):
        assert await bench.prepare() == before
        work = bench.operation(bench.counter, bench.counter.store)
        assert asyncio.iscoroutine(work)
        task = asyncio.ensure_future(cancelled_at(work, step))
        await asyncio.wait([task])
        await bench.again(before, after, task.cancelled())
        if not task.cancelled():
            task.result()
            break
        cancelled += 1
    assert cancelled > 15 and step < 999


@pytest.mark.parametrize("bench", ["install again"], indirect=True)
async def test_installing_again_in_trouble_never_loses_what_was_there(bench: Bench) -> None:
    before = await bench.prepare()
    for step in range(1, 300):
        trouble = Trouble(step)
        try:
            with failing(bench.counter.db, trouble):
                await bench.operation(bench.counter, FailingStore(bench.counter.store, trouble))
        except (BundleStoreUnavailable, OperationalError):
            pass
        trouble.over = True
        assert await bench.state() == before
        if not trouble.struck:
            break
    assert 5 < step < 299


async def test_installing_an_archive_in_trouble_leaves_before_or_after(counter: Counter) -> None:
    bench = Bench(counter, "install")
    for step in range(1, 300):
        archive = counter.archive(publisher=f"publisher-{step}")
        before = await bench.state()
        trouble = Trouble(step)

        async def install(store: BundleStore, archive: Path = archive) -> None:
            counter.clock.advance(1)
            await install_archive(
                collaborators(counter.db, store, now=counter.clock), archive, actor=local_actor(OTHER_TENANT), check_component=None
            )

        failed = False
        try:
            with failing(counter.db, trouble):
                await install(FailingStore(counter.store, trouble))
        except (BundleStoreUnavailable, OperationalError):
            failed = True
        trouble.over = True
        await bench.tidy()
        found = await bench.state()
        if found == before:
            assert failed
            await install(counter.store)
            found = await bench.state()
        assert [len(now) - len(then) for now, then in zip(found[:2], before[:2], strict=True)] == [1, 1]
        assert len(found[4]) == len(before[4]) + 1 and found[5] == 0
        if not trouble.struck:
            break
    assert 8 < step < 299
