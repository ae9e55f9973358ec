"""Expired records are deleted in the background, and no operation shows whether they have been."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.storage.expiry import BATCH_RECORDS, remove_expired, sweep_expired, sweep_round
from holdfast.storage.records import InstallKey, Write
from holdfast.storage.service import StorageService
from holdfast.storage.tables import StorageRecord
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.storage.stores import INSTALL, OTHER_INSTALL, counted, counts, service, usage


async def rows(db: Database, install: str = INSTALL) -> int:
    async with db.session() as session:
        query = select(func.count()).where(StorageRecord.extension_install_id == install)
        return await session.scalar(query) or 0


async def fill(store: StorageService, namespace: str, count: int, *, ttl_seconds: int | None) -> None:
    for start in range(0, count, 20):
        items = [Write(key=f"{number:05}", value=1, ttl_seconds=ttl_seconds) for number in range(start, min(start + 20, count))]
        await store.bulk_put(namespace, items)


async def test_no_operation_deletes_an_expired_record_and_none_sees_it(db: Database) -> None:
    clock = Clock()
    store = service(db, clock)
    await store.put("n", Write(key="gone", value=1, ttl_seconds=60))
    await store.put("n", Write(key="here", value=1))
    clock.advance(60)
    with rejected("NOT_FOUND"):
        await store.get("n", "gone")
    assert await store.delete("n", "gone", if_revision=9) is False
    with rejected("REVISION_MISMATCH"):
        await store.put("n", Write(key="gone", value=2, if_revision=1))
    await store.put("n", Write(key="other", value=1))
    assert [record.key for record in (await store.list_records("n")).records] == ["here", "other"]
    assert await rows(db) == 3


async def test_a_put_over_an_expired_record_starts_again_in_its_place(db: Database) -> None:
    clock = Clock()
    store = service(db, clock, keys_per_namespace=1, namespaces=1, total_bytes=20)
    await store.put("n", Write(key="k", value="x" * 14, ttl_seconds=60))
    clock.advance(60)
    record = await store.put("n", Write(key="k", value="y" * 14, if_revision=0))
    assert (record.revision, record.created_at, record.ttl_expires_at) == (1, clock(), None)
    assert await usage(db) == (18, 1, 1) and await rows(db) == 1


async def test_the_sweep_deletes_what_has_expired_of_every_install_and_nothing_else(db: Database) -> None:
    clock = Clock()
    installs = [(TENANT, INSTALL), (TENANT, OTHER_INSTALL), (OTHER_TENANT, new_id())]
    for tenant, install in installs:
        store = service(db, clock, tenant=tenant, install=install)
        await fill(store, "a", 3, ttl_seconds=60)
        await store.put("b", Write(key="short", value=1, ttl_seconds=60))
        await store.put("c", Write(key="long", value=1, ttl_seconds=61))
        await store.put("c", Write(key="forever", value=1))
    assert await sweep_expired(db, now=clock) == 0
    clock.advance(60)
    assert await sweep_expired(db, now=clock) == 12
    for _, install in installs:
        assert (await usage(db, install), await counts(db, install)) == ((6, 2, 1), {"c": 2}) == await counted(db, install)


async def test_a_batch_is_bounded_and_takes_what_expired_first(db: Database) -> None:
    clock = Clock()
    store = service(db, clock)
    await store.put("late", Write(key="k", value=1, ttl_seconds=120))
    await fill(store, "early", 5, ttl_seconds=60)
    clock.advance(120)
    install = InstallKey(TENANT, INSTALL)
    assert [await remove_expired(db, install, clock(), count=4) for _ in range(3)] == [4, 2, 0]
    await fill(store, "early", 3, ttl_seconds=60)
    await store.put("late", Write(key="k", value=1, ttl_seconds=61))
    clock.advance(61)
    assert await remove_expired(db, install, clock(), count=3) == 3
    assert await counts(db) == {"late": 1}


async def test_no_install_waits_until_all_records_of_another_are_deleted(db: Database) -> None:
    clock = Clock()
    first, last = sorted((INSTALL, OTHER_INSTALL))
    await fill(service(db, clock, install=first), "n", 3 * BATCH_RECORDS, ttl_seconds=60)
    await fill(service(db, clock, install=last), "n", 5, ttl_seconds=61)
    clock.advance(61)
    assert await sweep_round(db, clock) == BATCH_RECORDS + 5
    assert (await rows(db, first), await rows(db, last)) == (2 * BATCH_RECORDS, 0)
    assert await sweep_expired(db, now=clock) == 2 * BATCH_RECORDS


async def test_data_that_has_expired_is_no_reason_to_refuse_a_write(db: Database) -> None:
    clock = Clock()
    store = service(db, clock, namespaces=2, keys_per_namespace=3, total_bytes=40)
    await fill(store, "a", 3, ttl_seconds=60)
    await store.put("b", Write(key="k", value="x" * 20, ttl_seconds=60))
    clock.advance(60)
    await store.bulk_put("c", [Write(key="k", value="y" * 20), Write(key="l", value=1)])
    assert await usage(db) == (27, 2, 1)
    with rejected("QUOTA_EXCEEDED") as refused:
        await store.put("d", Write(key="k", value="x" * 20))
    assert refused.value.details == {"limit": 40, "attempted": 51}


async def test_a_write_that_would_be_refused_deletes_what_has_expired_in_several_transactions(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    store = service(db, clock, keys_per_namespace=10)
    await fill(store, "n", 7, ttl_seconds=60)
    await fill(store, "m", 10, ttl_seconds=61)
    clock.advance(61)
    monkeypatch.setattr("holdfast.storage.service.EXPIRED_BEFORE_REFUSAL", 2)
    done = await asyncio.gather(
        store.put("m", Write(key="new", value=1)), store.put("n", Write(key="also", value=1)), store.put("m", Write(key="one", value=1))
    )
    # The records of `n` expired first; once two of `m` are deleted, the writes fit.
    assert [record.revision for record in done] == [1, 1, 1]
    assert (await usage(db), await counts(db)) == await counted(db)


async def test_processes_that_sweep_at_once_and_write_meanwhile_keep_the_counts(db: Database) -> None:
    clock = Clock()
    store = service(db, clock)
    await fill(store, "n", 260, ttl_seconds=60)
    clock.advance(60)
    other = Database(db.url)
    try:
        both = asyncio.gather(sweep_expired(db, now=clock, pause_seconds=0), sweep_expired(other, now=clock, pause_seconds=0))
        written = service(other, clock)
        for number in range(5):
            await written.put("n", Write(key=f"{number * 50:05}", value="new"))
        swept = await both
    finally:
        await other.close()
    assert 255 <= sum(swept) <= 260
    assert (await usage(db), await counts(db)) == ((5 * 7, 5, 1), {"n": 5}) == await counted(db)
