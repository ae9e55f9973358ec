"""Publishing that fails or is cancelled at any step leaves the state before or the state after, and the same again succeeds."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from holdfast.records.database.errors import DatabaseError
from holdfast.registry.objects.pending import sweep_objects
from holdfast.registry.publishing.results import Published
from tests.bundles.signers import Signers, signature_of
from tests.records.databases import on_postgres
from tests.registry.faults import STRIDE, FailingStore, Failure, cancelled_at, failing, server_ends_at, steps
from tests.registry.publisher import ONE_VERSION, Publisher

pytestmark = pytest.mark.slow

State = tuple[Counter[str], list[str]]
KINDS = ["once", "once, after its effect", "lasting"]


class Case:
    """Publishes a signed extension of its own number."""

    def __init__(self, publisher: Publisher, number: int) -> None:
        self.publisher = publisher
        self.signers = Signers(publisher.folder / "trusted-keys.json", required=True)
        self.archive = publisher.archive(publisher=f"publisher-{number}", name=f"extension-{number}")
        self.signature = signature_of(self.archive, self.signers.trusted)

    async def publish(self, store: BundleStore | None = None) -> Published:
        return await self.publisher.publish(self.archive, policy=self.signers.policy, signature=self.signature, store=store)

    async def state(self) -> State:
        return Counter(await self.publisher.rows()), self.publisher.objects()

    async def sweep(self) -> None:
        self.publisher.clock.advance(2)
        await sweep_objects(self.publisher.db, self.publisher.store, older_than=timedelta(seconds=1), now=self.publisher.clock)

    async def is_after(self, before: State) -> bool:
        """Whether one version more is there than before, with its three objects, and nothing else."""
        rows, objects = await self.state()
        more = sorted(Path(key).name for key in set(objects) - set(before[1]))
        return (
            rows - before[0] == Counter(ONE_VERSION)
            and not before[0] - rows
            and set(before[1]) <= set(objects)
            and more == ["bundle.tar.zst", "bundle.tar.zst.minisig", "manifest.json"]
        )


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def _outlives(case: Case, failure: Failure) -> None:
    """Publishes with failure in store and database, and looks at what is there afterwards."""
    before = await case.state()
    try:
        with failing(case.publisher.db, failure):
            await case.publish(FailingStore(case.publisher.store, failure))
        published = True
    except (BundleStoreUnavailable, OperationalError):
        published = False
    failure.over = True
    if published:
        assert await case.is_after(before)
        return
    if failure.lasting:
        # What could not be cleaned up while everything was down is swept later. Publishing again does not wait for that.
        if failure.at % 2:
            await case.sweep()
            assert await case.state() == before
    else:
        assert await case.state() == before
    await case.publish()
    if failure.lasting:
        await case.sweep()
    assert await case.is_after(before)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_at_any_step_leaves_before_or_after_and_the_same_again_succeeds(publisher: Publisher, kind: str) -> None:
    for step in steps(shift=KINDS.index(kind)):
        failure = Failure(step, lasting=kind == "lasting", late=kind == "once, after its effect")
        await _outlives(Case(publisher, step), failure)
        if not failure.happened:
            break
    assert step > 20


async def test_a_publish_that_is_cancelled_anywhere_leaves_before_or_after_and_the_same_again_succeeds(publisher: Publisher) -> None:
    outcomes = Counter[str]()
    for step in steps(shift=1):
        case = Case(publisher, step)
        before = await case.state()
        task = asyncio.ensure_future(cancelled_at(case.publish(), step))
        await asyncio.wait([task])
        if not task.cancelled():
            assert task.result().version == "1.0.0" and await case.is_after(before)
            break
        if await case.is_after(before):
            outcomes["after"] += 1
            continue
        assert await case.state() == before
        outcomes["before"] += 1
        await case.publish()
        assert await case.is_after(before)
    assert outcomes["before"] * STRIDE > 30


@on_postgres
async def test_a_server_that_ends_the_connection_at_any_step(publisher: Publisher) -> None:
    engine = publisher.db.sync_engine
    for step in steps(shift=2):
        case = Case(publisher, step)
        before = await case.state()
        with server_ends_at(engine, step) as ended:
            try:
                await case.publish()
                published = True
            except (OperationalError, DatabaseError):
                published = False
        if not published:
            assert await case.state() == before
            await case.publish()
        assert await case.is_after(before)
        if not ended():
            break
    assert step > 20
