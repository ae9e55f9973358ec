"""A process that records calls without a pause and prints each request id when its row is durable. Arguments: URL PREFIX."""

from __future__ import annotations

import asyncio
import sys

from holdfast.gateway.audit import AuditLog
from holdfast.records.database.database import Database
from tests.gateway.audit.calls import start

CALLS_AT_ONCE = 20


async def main(url: str, prefix: str) -> None:
    log = AuditLog(Database(url))

    async def call_forever(caller: int) -> None:
        number = 0
        while True:
            number += 1
            request_id = f"{prefix}-{caller}-{number}"
            row = await start(log, request_id)
            print(request_id, flush=True)
            log.finish(row, status="ok", http_status=200, error=None)

    await asyncio.gather(*(call_forever(caller) for caller in range(CALLS_AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
