"""Deletes expired records in the background: in small batches, one install after the other, so that no install waits for another's.

    round ──► the next installs with expired records ──► one batch of each, a transaction of its own ──┐
      ▲                                                                                                │
      └── something was deleted ◄──────────────────────────────────────────────────────────────────────┘

Every operation treats an expired record as absent, so it does not matter when it is deleted, except for the space. Processes that sweep at
the same time lock the same rows of usage one after the other: what one has deleted, the other does not find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.storage import statements
from holdfast.storage.ledger import Ledger
from holdfast.storage.records import InstallKey

BATCH_RECORDS = 100
"""Records of one transaction: about a millisecond in which other writes wait."""
PAUSE_SECONDS = 0.005
"""Between two transactions, so that calls have most of the time even while much expires."""
PAGE_INSTALLS = 200
_BEFORE_ALL = InstallKey("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000")


async def sweep_expired(db: Database, *, now: Callable[[], datetime] = utc_now, pause_seconds: float = PAUSE_SECONDS) -> int:
    """Deletes every record that has expired. Returns how many."""
    swept = 0
    while removed := await sweep_round(db, now, pause_seconds):
        swept += removed
    return swept


async def remove_expired(db: Database, install: InstallKey, now: datetime, *, count: int = BATCH_RECORDS) -> int:
    """Deletes up to `count` expired records of one install. Returns how many."""
    return await db.write(partial(_remove_batch, install, now, count))


async def sweep_round(db: Database, now: Callable[[], datetime], pause_seconds: float = PAUSE_SECONDS) -> int:
    """Deletes one batch of each install that has expired records. Returns how many records."""
    removed, after = 0, _BEFORE_ALL
    while installs := await db.read(partial(_installs_after, after, now()), one_statement=True):
        for install in installs:
            removed += await remove_expired(db, install, now())
            await asyncio.sleep(pause_seconds)
        after = installs[-1]
    return removed


async def _installs_after(after: InstallKey, now: datetime, tx: HotTransaction) -> list[InstallKey]:
    params = {"tenant": after.tenant_id, "install": after.install_id, "now": now, "count": PAGE_INSTALLS}
    return [InstallKey(*row) for row in await tx.execute(statements.INSTALLS_WITH_EXPIRED, params)]


async def _remove_batch(install: InstallKey, now: datetime, count: int, tx: HotTransaction) -> int:
    ledger = await Ledger.open(tx, install, now)
    removed = await ledger.remove_expired(now, count)
    await ledger.save(now)
    return removed
