"""A process that follows the change feed of a database: `python -m tests.records.changes.following_process URL TENANT`.

Prints `ready` when it has a lease; then, for each line that it reads, what a call would find now: `nothing` without a lease, `same` when
the tenant's stamp is that of the last line, else `changed`.
"""

from __future__ import annotations

import asyncio
import sys

from holdfast.records.changes.open_feed import change_feed
from holdfast.records.database.address import database_address
from tests.waiting import until


async def main(url: str, tenant_id: str) -> None:
    feed = change_feed(database_address(url))
    async with feed.follow():
        await until(lambda: feed.mark() is not None)
        last = feed.stamp(tenant_id)
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            found = feed.stamp(tenant_id)
            print("nothing" if found is None else "same" if found == last else "changed", flush=True)
            last = found if found is not None else last


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
