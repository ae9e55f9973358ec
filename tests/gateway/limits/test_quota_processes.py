"""Quotas counted by several real processes, one of which is killed."""

from __future__ import annotations

import signal
import subprocess
import sys

from sqlalchemy import create_engine, text

from tests.records.databases import TENANT
from tests.waiting import MAX_WAIT_SECONDS

EXTENSION = "11111111-aaaa-4aaa-8aaa-111111111111"
CALLS = 300

# Counts so many calls, or calls without end; prints how many it has counted after each write.
COUNT = """
import asyncio, itertools, sys
from holdfast.contract.execute import CallUsage
from holdfast.events.memory import MemoryStream
from holdfast.gateway.limits.quotas import InstallQuotas
from holdfast.records.database.database import Database
from holdfast.registry.quotas.kinds import QuotaLimits

async def main(url, tenant, extension, calls):
    db = Database(url)
    limits = QuotaLimits(calls=10**9, cpu_ms=None, fuel=None, egress_bytes=None, storage_bytes=None)
    quotas = InstallQuotas(db, limits, MemoryStream(), interval=0.005)
    for number in range(1, calls + 1) if calls else itertools.count(1):
        await quotas.start(tenant, extension)
        quotas.add(tenant, extension, CallUsage(egress_bytes=10))
        if number % 10 == 0:
            await asyncio.sleep(0.002)
        if not calls and number % 50 == 0:
            await quotas.flush()
            print(number, flush=True)
    await quotas.close()
    await db.close()

asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
"""


def counter(url: str, calls: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", COUNT, url, TENANT, EXTENSION, str(calls)], stdout=subprocess.PIPE, text=True)


def stored(url: str) -> tuple[int, int]:
    """The calls and the egress bytes that are in the table."""
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        calls, egress = connection.execute(text("SELECT sum(invocations), sum(egress_bytes) FROM extension_quota_usage")).one()
    engine.dispose()
    return int(calls), int(egress)


def test_the_table_has_the_sum_of_all_processes_and_what_a_killed_one_had_written(database_url: str) -> None:
    killed, *others = [counter(database_url, calls) for calls in (0, CALLS, CALLS)]
    assert killed.stdout is not None
    with killed.stdout as output:
        counted = [int(output.readline()) for _ in range(3)][-1]
    killed.send_signal(signal.SIGKILL)
    killed.wait(MAX_WAIT_SECONDS)
    for one in others:
        one.communicate(timeout=MAX_WAIT_SECONDS)
    assert [one.returncode for one in others] == [0, 0]
    calls, egress = stored(database_url)
    assert calls - 2 * CALLS >= counted
    assert egress == 10 * calls
