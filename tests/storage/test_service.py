from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast.records.database.database import Database
from holdfast.storage.expiry import sweep_expired
from holdfast.storage.limits import encode_cursor
from holdfast.storage.records import Write
from holdfast.storage.tables import StorageRecord
from tests.error_codes import has_code, rejected
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.storage.stores import INSTALL, OTHER_INSTALL, service, usage


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "text", "", [], [1, "a", None], {}, {"a": {"b": [1]}}])
async def test_any_json_value_comes_back_as_it_went_in(db: Database, value: Any) -> None:
    store = service(db)
    await store.put("n", Write(key="k", value=value, metadata={"m": 1}))
    record = await store.get("n", "k")
    assert record.value == value and type(record.value) is type(value)
    assert record.metadata == {"m": 1}


async def test_revisions_count_up_from_one_and_the_creation_time_stays(db: Database) -> None:
    clock = Clock()
    store = service(db, clock)
    first = await store.put("n", Write(key="k", value=1))
    clock.advance(5)
    second = await store.put("n", Write(key="k", value=2))
    assert (first.revision, second.revision) == (1, 2)
    assert second.created_at == first.created_at
    assert second.updated_at == clock()


async def test_a_write_at_another_revision_is_refused_and_changes_nothing(db: Database) -> None:
    store = service(db)
    await store.put("n", Write(key="k", value=1))
    for expected in (0, 2):
        with rejected("REVISION_MISMATCH"):
            await store.put("n", Write(key="k", value=2, if_revision=expected))
    with rejected("REVISION_MISMATCH"):
        await store.put("n", Write(key="absent", value=2, if_revision=1))
    assert (await store.get("n", "k")).value == 1
    assert (await store.put("n", Write(key="k", value=2, if_revision=1))).revision == 2


async def test_if_revision_zero_creates_only_what_is_absent(db: Database) -> None:
    store = service(db)
    assert (await store.put("n", Write(key="k", value=1, if_revision=0))).revision == 1
    with rejected("REVISION_MISMATCH"):
        await store.put("n", Write(key="k", value=2, if_revision=0))


async def test_of_many_concurrent_creates_exactly_one_succeeds(db: Database) -> None:
    store = service(db)
    results = await asyncio.gather(
        *(store.put("n", Write(key="k", value=number, if_revision=0)) for number in range(8)), return_exceptions=True
    )
    assert sum(has_code(result, "REVISION_MISMATCH") for result in results) == 7
    assert (await store.get("n", "k")).revision == 1


async def test_concurrent_first_writes_of_a_key_get_different_revisions(db: Database) -> None:
    store = service(db)
    records = await asyncio.gather(*(store.put("n", Write(key="k", value=number)) for number in range(8)))
    assert sorted(record.revision for record in records) == list(range(1, 9))
    assert (await usage(db))[1:] == (1, 1)


async def test_an_expired_record_is_gone_for_get_list_and_put(db: Database) -> None:
    clock = Clock()
    store = service(db, clock)
    await store.put("n", Write(key="k", value=1, ttl_seconds=60))
    clock.advance(59)
    assert (await store.get("n", "k")).value == 1
    clock.advance(1)
    with rejected("NOT_FOUND"):
        await store.get("n", "k")
    assert (await store.list_records("n")).records == []
    assert (await store.put("n", Write(key="k", value=2, if_revision=0))).revision == 1
    assert await usage(db) == (3, 1, 1)


async def test_a_write_without_a_time_to_live_clears_the_one_before(db: Database) -> None:
    clock = Clock()
    store = service(db, clock)
    await store.put("n", Write(key="k", value=1, ttl_seconds=60, metadata={"a": 1}))
    record = await store.put("n", Write(key="k", value=2))
    clock.advance(3_600)
    assert record.ttl_expires_at is None
    assert (await store.get("n", "k")).metadata == {}


async def test_deleting_tells_whether_there_was_something(db: Database) -> None:
    store = service(db)
    await store.put("n", Write(key="k", value=1))
    with rejected("REVISION_MISMATCH"):
        await store.delete("n", "k", if_revision=7)
    assert await store.delete("n", "k", if_revision=1) is True
    assert await store.delete("n", "k", if_revision=1) is False
    assert await usage(db) == (0, 0, 0)


async def test_paging_shows_every_record_exactly_once_in_the_order_of_keys(db: Database) -> None:
    store = service(db)
    keys = sorted(f"{number:03}" for number in range(25))
    for key in keys:
        await store.put("n", Write(key=key, value=key))
    for size in (1, 2, 5, 7, 24, 25, 26):
        seen, cursor = [], None
        while True:
            page = await store.list_records("n", limit=size, cursor=cursor)
            seen += [record.key for record in page.records]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == keys


async def test_a_page_has_25_records_unless_asked_otherwise_and_never_above_100(db: Database) -> None:
    store = service(db)
    for start in range(0, 120, 20):
        await store.bulk_put("n", [Write(key=f"{number:03}", value=1) for number in range(start, start + 20)])
    assert [len((await store.list_records("n", limit=limit)).records) for limit in (None, 1_000, 0, -5)] == [25, 100, 1, 1]


async def test_a_prefix_is_taken_literally_and_by_letter_case(db: Database) -> None:
    store = service(db)
    keys = ["a%b", "a%bc", "aXb", "A%b", "a_", "ab", "é1", "é2", "f", "\U0010ffff", "\U0010ffffx"]
    await store.bulk_put("n", [Write(key=key, value=1) for key in keys])

    async def found(prefix: str) -> list[str]:
        return [record.key for record in (await store.list_records("n", key_prefix=prefix)).records]

    assert await found("a%b") == ["a%b", "a%bc"]
    assert await found("a_") == ["a_"]
    assert await found("é") == ["é1", "é2"]
    assert await found("\U0010ffff") == ["\U0010ffff", "\U0010ffffx"]
    assert len(await found("")) == len(keys)


@pytest.mark.parametrize("cursor", ["", "!", "AAAA", "e30", "eyJrZXkiOjF9", "x" * 5_000, encode_cursor("k" * 300)])
async def test_a_cursor_that_list_did_not_make_is_refused(db: Database, cursor: str) -> None:
    with rejected("VALIDATION_FAILED"):
        await service(db).list_records("n", cursor=cursor)


async def test_a_bulk_write_is_all_or_nothing(db: Database) -> None:
    store = service(db)
    await store.put("n", Write(key="b", value="old"))
    with rejected("REVISION_MISMATCH"):
        await store.bulk_put("n", [Write(key="a", value=1), Write(key="b", value=1, if_revision=9)])
    with rejected("NOT_FOUND"):
        await store.get("n", "a")
    assert [record.revision for record in await store.bulk_put("n", [Write(key="a", value=1), Write(key="b", value=1)])] == [1, 2]


@pytest.mark.parametrize(
    ("writes", "code"),
    [
        ([], "VALIDATION_FAILED"),
        ([Write(key="a", value=1), Write(key="a", value=2)], "VALIDATION_FAILED"),
        ([Write(key=str(number), value=1) for number in range(21)], "LIMIT_EXCEEDED"),
        ([Write(key=str(number), value="x" * 60_000) for number in range(9)], "LIMIT_EXCEEDED"),
    ],
)
async def test_a_bulk_write_outside_its_limits_is_refused(db: Database, writes: list[Write], code: str) -> None:
    with rejected(code):
        await service(db).bulk_put("n", writes)


@pytest.mark.parametrize(
    ("namespace", "write", "code"),
    [
        ("", Write(key="k", value=1), "VALIDATION_FAILED"),
        ("n" * 129, Write(key="k", value=1), "VALIDATION_FAILED"),
        ("n", Write(key="", value=1), "VALIDATION_FAILED"),
        ("n", Write(key="k" * 257, value=1), "VALIDATION_FAILED"),
        ("n", Write(key="a/b", value=1), "VALIDATION_FAILED"),
        ("n", Write(key="k", value="\x00"), "VALIDATION_FAILED"),
        ("n", Write(key="k", value="\ud800"), "VALIDATION_FAILED"),
        ("n", Write(key="k", value={"\x00": 1}), "VALIDATION_FAILED"),
        ("n", Write(key="k", value="x" * 65_535), "LIMIT_EXCEEDED"),
        ("n", Write(key="k", value=1, metadata={"m": "x" * 4_090}), "LIMIT_EXCEEDED"),
        ("n", Write(key="k", value=1, ttl_seconds=59), "LIMIT_EXCEEDED"),
        ("n", Write(key="k", value=1, ttl_seconds=2_592_001), "LIMIT_EXCEEDED"),
    ],
)
async def test_a_write_outside_the_limits_is_refused(db: Database, namespace: str, write: Write, code: str) -> None:
    with rejected(code):
        await service(db).put(namespace, write)


async def test_a_write_at_the_limits_is_accepted(db: Database) -> None:
    store = service(db)
    await store.put("n" * 128, Write(key="k" * 256, value="x" * 65_534, metadata={"m": "x" * 4_088}, ttl_seconds=60))
    await store.put("n", Write(key="k", value=1, ttl_seconds=2_592_000))
    assert (await usage(db))[0] == 65_536 + 4_096 + 1 + 2


async def test_a_value_nested_too_deep_is_refused(db: Database) -> None:
    value: Any = 1
    for _ in range(70):
        value = [value]
    with rejected("VALIDATION_FAILED", match="64 levels"):
        await service(db).put("n", Write(key="k", value=value))


async def test_no_more_namespaces_keys_or_bytes_than_the_quota(db: Database) -> None:
    store = service(db, namespaces=2, keys_per_namespace=2, total_bytes=20)
    await store.put("a", Write(key="1", value=1))
    await store.put("a", Write(key="2", value=1))
    await store.put("b", Write(key="1", value=1))
    for namespace, write in (("c", Write(key="1", value=1)), ("a", Write(key="3", value=1)), ("b", Write(key="2", value="x" * 20))):
        with rejected("QUOTA_EXCEEDED") as refused:
            await store.put(namespace, write)
        assert refused.value.details["attempted"] > refused.value.details["limit"]
    assert await usage(db) == (9, 3, 2)
    await store.put("a", Write(key="1", value=2))


async def test_usage_follows_every_write(db: Database) -> None:
    clock = Clock()
    store = service(db, clock)
    await store.put("a", Write(key="1", value="four"))
    assert await usage(db) == (8, 1, 1)
    await store.put("a", Write(key="1", value="x", metadata={"m": 1}))
    assert await usage(db) == (10, 1, 1)
    await store.put("b", Write(key="1", value=1, ttl_seconds=60))
    assert await usage(db) == (13, 2, 2)
    clock.advance(60)
    await sweep_expired(db, now=clock)
    assert await usage(db) == (10, 1, 1)


async def test_records_that_another_program_inserted_are_used_and_never_make_the_usage_negative(db: Database) -> None:
    store = service(db)
    async with db.transaction() as session:
        for key in ("k", "l", "m"):
            session.add(
                StorageRecord(
                    **{"tenant": TENANT, "extension_install_id": INSTALL, "namespace": "n", "key": key, "revision": 5, "value": "theirs"},
                    **{"value_size_bytes": 8, "metadata_size_bytes": 2, "created_at": Clock()(), "updated_at": Clock()()},
                )
            )
    assert (await store.get("n", "k")).value == "theirs"
    assert (await store.put("n", Write(key="k", value=1, if_revision=5))).revision == 6
    assert await store.delete("n", "l") is True
    assert min(await usage(db)) == 0
    await store.put("n", Write(key="new", value="mine"))
    assert await usage(db) == (8, 1, 1)
    assert await store.delete("n", "m") is True
    assert [record.key for record in (await store.list_records("n")).records] == ["k", "new"]


async def test_installs_and_tenants_see_nothing_of_each_other(db: Database) -> None:
    await service(db).put("n", Write(key="k", value="mine"))
    for stranger in (service(db, tenant=OTHER_TENANT), service(db, install=OTHER_INSTALL)):
        with rejected("NOT_FOUND"):
            await stranger.get("n", "k")
        assert (await stranger.list_records("n")).records == []
        assert await stranger.delete("n", "k") is False
        assert (await stranger.put("n", Write(key="k", value="theirs"))).revision == 1
    assert (await service(db).get("n", "k")).value == "mine"


async def test_a_get_at_another_revision_is_refused(db: Database) -> None:
    store = service(db)
    await store.put("n", Write(key="k", value=1))
    with rejected("REVISION_MISMATCH"):
        await store.get("n", "k", if_revision=2)
    assert (await store.get("n", "k", if_revision=1)).value == 1
