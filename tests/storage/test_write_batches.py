"""Writes of one install that wait at the same time share a transaction, and nothing else."""

from __future__ import annotations

import asyncio

from holdfast.records.database.database import Database
from holdfast.storage.ledger import Ledger
from holdfast.storage.limits import StorageLimits
from holdfast.storage.records import InstallKey, Record, Write
from holdfast.storage.service import ExtensionStorage
from holdfast.storage.write_batches import MAX_BATCH, WriteBatches
from tests.error_codes import has_code
from tests.records.databases import TENANT, Clock
from tests.storage.stores import INSTALL, counted, counts, service, usage

KEY = InstallKey(TENANT, INSTALL)


async def test_writes_that_wait_together_share_a_transaction(db: Database) -> None:
    ledgers: list[Ledger] = []

    async def note(ledger: Ledger) -> int:
        ledgers.append(ledger)
        return len(ledgers)

    batches = WriteBatches(db)
    assert await asyncio.gather(*(batches.run(KEY, note) for _ in range(MAX_BATCH + 5))) == list(range(1, MAX_BATCH + 6))
    sizes = [sum(ledger is one for ledger in ledgers) for one in dict.fromkeys(ledgers)]
    assert sizes == [1, MAX_BATCH, 4]


async def test_one_that_is_refused_does_not_touch_the_others(db: Database) -> None:
    store = service(db, namespaces=1, keys_per_namespace=3)
    writes = [store.put("n", Write(key=f"{number}", value=number)) for number in range(3)]
    refused = [
        store.put("n", Write(key="more", value=1)),
        store.put("m", Write(key="k", value=1)),
        store.put("n", Write(key="0", value=9, if_revision=5)),
        store.bulk_put("n", [Write(key="1", value=9), Write(key="2", value=9, if_revision=5)]),
        store.delete("n", "2", if_revision=5),
    ]
    again = store.put("n", Write(key="0", value="again"))
    results = await asyncio.gather(*writes, *refused, again, return_exceptions=True)
    codes = ["QUOTA_EXCEEDED", "QUOTA_EXCEEDED", *["REVISION_MISMATCH"] * 3]
    assert all(has_code(result, code) for result, code in zip(results[3:8], codes, strict=True))
    assert [(record.key, record.revision, record.value) for record in (await store.list_records("n")).records] == [
        ("0", 2, "again"),
        ("1", 1, 1),
        ("2", 1, 2),
    ]
    assert (await usage(db), await counts(db)) == await counted(db)


async def test_each_write_sees_what_those_before_it_wrote(db: Database) -> None:
    store = service(db)
    done = await asyncio.gather(
        store.put("other", Write(key="k", value=1)),
        store.put("n", Write(key="k", value=1, if_revision=0)),
        store.put("n", Write(key="k", value=22, if_revision=1)),
        store.delete("n", "k", if_revision=2),
        store.delete("n", "k"),
        store.put("n", Write(key="k", value=333, if_revision=0)),
        store.put("n", Write(key="new", value=1)),
        store.delete("n", "new"),
    )
    assert [result.revision if isinstance(result, Record) else result for result in done] == [1, 1, 2, True, False, 1, 1, True]
    assert (await store.get("n", "k")).value == 333
    assert (await usage(db), await counts(db)) == ((8, 2, 2), {"n": 1, "other": 1}) == await counted(db)


async def test_a_caller_that_leaves_takes_its_waiting_write_along_and_no_other(db: Database) -> None:
    storage = ExtensionStorage(db, limits=StorageLimits(), now=Clock())
    store = storage.of(TENANT, INSTALL)
    tasks = [asyncio.create_task(store.put("n", Write(key=f"{number}", value=1))) for number in range(4)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [False, False, True, False]
    assert [record.key for record in (await store.list_records("n")).records] == ["0", "1", "3"]


async def test_when_the_first_caller_leaves_those_that_wait_behind_it_are_served(db: Database) -> None:
    store = service(db)
    tasks = [asyncio.create_task(store.put("n", Write(key=f"{number}", value=1))) for number in range(4)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results[1:]] == [False] * 3
    assert {"1", "2", "3"} <= {record.key for record in (await store.list_records("n")).records}
    assert (await usage(db), await counts(db)) == await counted(db)


async def test_a_failure_of_the_database_is_reported_to_every_write_of_its_transaction_and_ends_with_it(db: Database) -> None:
    async def work(ledger: Ledger) -> str:
        return "done"

    async def fail(ledger: Ledger) -> str:
        raise OSError("the disk is gone")

    batches = WriteBatches(db)
    results = await asyncio.gather(
        batches.run(KEY, work), batches.run(KEY, work), batches.run(KEY, fail), batches.run(KEY, work), return_exceptions=True
    )
    assert results[0] == "done" and all(isinstance(result, OSError) for result in results[1:])
    assert await batches.run(KEY, work) == "done"


async def test_writes_of_different_installs_do_not_share(db: Database) -> None:
    ledgers: list[Ledger] = []

    async def note(ledger: Ledger) -> None:
        ledgers.append(ledger)

    batches = WriteBatches(db)
    installs = [InstallKey(TENANT, f"{number}0000000-0000-4000-8000-000000000000") for number in range(3)]
    await asyncio.gather(*(batches.run(install, note) for install in installs))
    assert len(set(map(id, ledgers))) == 3


async def test_processes_that_write_the_same_record_write_one_after_the_other(db: Database) -> None:
    other = Database(db.url)
    try:
        stores = [service(db), service(other)]
        writes = [store.put("n", Write(key="k", value=number)) for number in range(12) for store in stores]
        records = await asyncio.gather(*writes, *(store.put("n", Write(key=f"{store is stores[0]}", value=1)) for store in stores))
    finally:
        await other.close()
    assert sorted(record.revision for record in records if record.key == "k") == list(range(1, 25))
    assert (await usage(db), await counts(db)) == await counted(db)
    assert await counts(db) == {"n": 3}
