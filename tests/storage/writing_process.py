"""A process that writes records without a pause, and prints `key revision` when a write is acknowledged. Arguments: URL PREFIX."""

from __future__ import annotations

import asyncio
import sys

from holdfast.records.database.database import Database
from holdfast.storage.records import Write
from holdfast.storage.service import ExtensionStorage
from tests.records.databases import TENANT
from tests.storage.stores import INSTALL

WRITERS = 12


async def main(url: str, prefix: str) -> None:
    store = ExtensionStorage(Database(url)).of(TENANT, INSTALL)

    async def write_forever(writer: int) -> None:
        number = 0
        while True:
            number += 1
            # Half of the writes are to new keys, half to one that all writers share.
            key = f"{prefix}-{writer}-{number % 50}" if number % 2 else "shared"
            record = await store.put("n", Write(key=key, value=[writer, number]))
            print(record.key, record.revision, flush=True)

    await asyncio.gather(*(write_forever(writer) for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
