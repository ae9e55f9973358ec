"""A process that is killed while it publishes leaves the state before or after; repeating it succeeds, and a sweep cleans up."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.objects.pending import sweep_objects
from tests.bundles.signers import Signers, signature_of
from tests.registry.faults import STRIDE, steps
from tests.registry.publish_process import Order, forkserver_context, publish_until_killed, start_process
from tests.registry.publisher import ONE_VERSION, Publisher

pytestmark = pytest.mark.slow

NEVER = 10_000
MOMENTS = 12


class Case:
    """A signed extension of its own number, and the process that publishes it."""

    def __init__(self, publisher: Publisher, url: str, number: int) -> None:
        self.publisher = publisher
        self.signers = Signers(publisher.folder / f"trusted-{number}.json", required=False)
        self.archive = publisher.archive(publisher=f"publisher-{number}", name=f"extension-{number}")
        self.signature = signature_of(self.archive, self.signers.trusted)
        self.order = Order(
            url=url,
            store=str(publisher.store.root),
            trust=str(publisher.folder / f"trusted-{number}.json"),
            archives=[str(self.archive)],
            signatures=[self.signature],
        )

    async def state(self) -> tuple[Counter[str], list[str]]:
        # What a put had not finished is no object, and goes with a later put once it is an hour old.
        return Counter(await self.publisher.rows()), [key for key in self.publisher.objects() if not key.endswith(".partial")]

    async def comes_right(self, before: tuple[Counter[str], list[str]], *, sweep_first: bool) -> bool:
        """Looks at what the process left, and publishes again unless it had published. Whether it had."""
        rows, objects = await self.state()
        rows.pop("extension_pending_object", None)
        published = rows != before[0]
        if sweep_first and not published:
            await self.sweep()
            assert await self.state() == before
        if not published:
            assert rows == before[0]
            await self.publisher.publish(self.archive, policy=self.signers.policy, signature=self.signature)
        await self.sweep()
        rows, objects = await self.state()
        more = sorted(Path(key).name for key in set(objects) - set(before[1]))
        assert rows == before[0] + Counter(ONE_VERSION) and set(before[1]) <= set(objects)
        assert more == ["bundle.tar.zst", "bundle.tar.zst.minisig", "manifest.json"]
        return published

    async def sweep(self) -> None:
        later = datetime.now(UTC) + timedelta(days=1)
        await sweep_objects(self.publisher.db, self.publisher.store, older_than=timedelta(hours=1), now=lambda: later)


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def test_killed_at_any_step(publisher: Publisher, database_url: str) -> None:
    outcomes, context = Counter[bool](), forkserver_context()
    for step in steps():
        case = Case(publisher, database_url, step)
        before = await case.state()
        process = start_process(context, publisher.folder, publish_until_killed, case.order, step)
        await asyncio.to_thread(process.join, 600)
        outcomes[await case.comes_right(before, sweep_first=step % 2 == 0)] += 1
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert outcomes[False] * STRIDE > 20 and outcomes[True] >= 1


async def test_killed_at_any_moment(publisher: Publisher, database_url: str) -> None:
    chance, context = random.Random(5), forkserver_context()
    for number in range(MOMENTS):
        case = Case(publisher, database_url, number)
        before = await case.state()
        process = start_process(context, publisher.folder, publish_until_killed, case.order, NEVER)
        await asyncio.to_thread(process.join, chance.uniform(0.02, 0.4))
        process.kill()
        await asyncio.to_thread(process.join, 600)
        await case.comes_right(before, sweep_first=number % 2 == 0)
