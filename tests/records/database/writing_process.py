"""A process that writes roles, some by jobs and some by the ORM: `python -m tests.records.database.writing_process URL NAME COUNT`."""

from __future__ import annotations

import asyncio
import sys

from holdfast.records.database.database import Database
from holdfast.records.models.users import Role
from tests.records.database.roles import adding
from tests.records.databases import TENANT


async def main(url: str, name: str, count: int) -> None:
    db = Database(url)

    async def write(number: int) -> None:
        if number % 10:
            await db.write(adding(f"{name} {number}"))
        else:
            async with db.transaction() as session:
                session.add(Role(tenant=TENANT, role_name=f"{name} {number}"))

    for first in range(0, count, 20):
        await asyncio.gather(*(write(number) for number in range(first, min(first + 20, count))))
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
