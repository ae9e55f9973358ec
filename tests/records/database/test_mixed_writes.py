"""Jobs and transactions of several pools at once, some of which are cancelled at random moments."""

from __future__ import annotations

import asyncio
import contextlib
import random

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.models.users import Role
from tests.records.database.roles import adding, role_names
from tests.records.databases import TENANT
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS

AT_ONCE = 40


class Mixture:
    """Writes roles in every way, and remembers which writes were acknowledged and which may have happened."""

    def __init__(self, pools: list[Database], chance: random.Random) -> None:
        self.acknowledged: set[str] = set()
        self.possible: set[str] = set()
        self._pools = pools
        self._chance = chance

    async def write(self, name: str) -> None:
        db = self._chance.choice(self._pools)
        how = self._chance.choice((self._by_job, self._by_job, self._by_batch, self._by_orm, self._by_failing_job))
        try:
            if await how(db, name):
                self.acknowledged.add(name)
        except asyncio.CancelledError:
            self.possible.add(name)
            raise

    async def _by_job(self, db: Database, name: str) -> bool:
        await db.write(adding(name))
        return True

    async def _by_batch(self, db: Database, name: str) -> bool:
        await db.submit(adding(name))
        return True

    async def _by_orm(self, db: Database, name: str) -> bool:
        async with db.transaction() as session:
            session.add(Role(tenant=TENANT, role_name=name))
            await session.flush()
        return True

    async def _by_failing_job(self, db: Database, name: str) -> bool:
        async def job(tx: HotTransaction) -> None:
            await adding(name)(tx)
            raise LookupError

        with contextlib.suppress(LookupError):
            await db.write(job)
        return False


async def test_acknowledged_writes_are_there_and_failed_ones_are_not_in_spite_of_cancelled_callers(db: Database) -> None:
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    pools = [db, Database(db.url), Database(db.url, durability="power")]
    mixture = Mixture(pools, chance)
    for batch in range(repetitions(4, long=200)):
        tasks = [asyncio.create_task(mixture.write(f"{batch} {number}")) for number in range(AT_ONCE)]
        for task in chance.sample(tasks, AT_ONCE // 5):
            await asyncio.sleep(chance.choice((0, 0, 0.001)))
            task.cancel()
        _, stuck = await asyncio.wait(tasks, timeout=MAX_WAIT_SECONDS)
        assert not stuck, seed
        failed = [task.exception() for task in tasks if not task.cancelled() and task.exception() is not None]
        assert failed == [], seed
    found = set(await role_names(db))
    assert mixture.acknowledged <= found <= mixture.acknowledged | mixture.possible, seed
    for pool in pools[1:]:
        await pool.close()
