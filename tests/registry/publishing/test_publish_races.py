"""Publishing at the same time, in one process and in several: one wins, and nothing of the others stays."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from holdfast.registry.errors import VersionConflict
from holdfast.registry.models.installs import ExtensionBundle
from holdfast.registry.publishing.results import Published
from tests.error_codes import has_code
from tests.registry.faults import FailingStore, Failure
from tests.registry.publish_process import Order, forkserver_context, publish_at_once, start_process
from tests.registry.publisher import ADA, EVE, ONE_VERSION, Publisher

pytestmark = pytest.mark.slow

ONE_BUNDLE = {"bundle.tar.zst": 1, "manifest.json": 1}


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def _only_bundle(publisher: Publisher) -> str:
    """The content hash of the one bundle, which is the one in the store."""
    async with publisher.db.session() as session:
        bundle = (await session.scalars(select(ExtensionBundle))).one()
    assert bundle.storage_url is not None and (publisher.store.root / bundle.storage_url).is_file()
    return bundle.content_hash


@pytest.mark.parametrize("contents", [1, 50], ids=["the same content", "each with its own content"])
async def test_of_fifty_publishes_of_one_version_one_wins(publisher: Publisher, contents: int) -> None:
    archives = [publisher.archive(marker=str(number % contents)) for number in range(50)]
    ends = await asyncio.gather(*[publisher.publish(archive) for archive in archives], return_exceptions=True)
    (won,) = [end for end in ends if isinstance(end, Published)]
    lost = [end for end in ends if isinstance(end, VersionConflict)]
    assert len(lost) == 49 and {error.status for error in lost} == {409}
    assert await publisher.rows() == ONE_VERSION and publisher.names() == ONE_BUNDLE
    assert await _only_bundle(publisher) == won.content_hash


@pytest.mark.parametrize("contents", [1, 52], ids=["the same content", "each with its own content"])
async def test_of_fifty_two_publishes_from_four_processes_one_wins(publisher: Publisher, database_url: str, contents: int) -> None:
    archives = [str(publisher.archive(marker=str(number % contents))) for number in range(52)]
    context = forkserver_context()
    start = context.Barrier(4)
    results = [publisher.folder / f"result-{number}.json" for number in range(4)]
    processes = [
        start_process(
            context,
            publisher.folder,
            publish_at_once,
            Order(
                url=database_url,
                store=str(publisher.store.root),
                trust=str(publisher.folder / "no-keys.json"),
                archives=archives[number::4],
                signatures=[None] * 13,
            ),
            start,
            str(result),
        )
        for number, result in enumerate(results)
    ]
    for process in processes:
        await asyncio.to_thread(process.join, 120)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    outcomes = Counter[str]()
    for result in results:
        outcomes.update(json.loads(result.read_text()))
    assert outcomes == {"Published": 1, "EXTENSION_VERSION_ALREADY_EXISTS": 51}
    assert await publisher.rows() == ONE_VERSION and publisher.names() == ONE_BUNDLE
    await _only_bundle(publisher)


@pytest.mark.parametrize("contents", [1, 20], ids=["the same content", "each with its own content"])
async def test_publishes_of_one_pattern_get_numbers_without_a_gap(publisher: Publisher, contents: int) -> None:
    archives = [publisher.archive(version="1.0.*", marker=str(number % contents)) for number in range(20)]
    done = await asyncio.gather(*[publisher.publish(archive) for archive in archives])
    assert {published.version for published in done} == {f"1.0.{patch}" for patch in range(20)}
    assert publisher.names() == {"bundle.tar.zst": contents, "manifest.json": contents}


async def test_a_name_that_two_tenants_use_first_at_once_is_one_tenants(publisher: Publisher) -> None:
    archives = [publisher.archive(name=f"extension-{number}") for number in range(10)]
    ends = await asyncio.gather(
        *[publisher.publish(archive, actor=EVE if number % 2 else ADA) for number, archive in enumerate(archives)], return_exceptions=True
    )
    assert sum(isinstance(end, Published) for end in ends) == 5
    assert sum(has_code(end, "PUBLISHER_TAKEN") for end in ends) == 5
    tenants = {end.key.split("/")[1] for end in ends if isinstance(end, Published)}
    assert len(tenants) == 1 and (await publisher.rows())["extension_publisher"] == 1
    assert publisher.names() == {"bundle.tar.zst": 5, "manifest.json": 5}


async def test_publishes_that_fail_leave_the_bundle_that_others_publish_meanwhile(publisher: Publisher) -> None:
    archive = publisher.archive(version="1.0.*")

    def store(number: int) -> BundleStore:
        # Every other one fails, when it asks for the bundle, or when it has brought it.
        return FailingStore(publisher.store, Failure(2 + number // 2 % 2, late=True)) if number % 2 else publisher.store

    ends = await asyncio.gather(*[publisher.publish(archive, store=store(number)) for number in range(40)], return_exceptions=True)
    done = [end for end in ends if isinstance(end, Published)]
    assert len(done) == 20 and sum(isinstance(end, BundleStoreUnavailable) for end in ends) == 20
    assert publisher.names() == ONE_BUNDLE and (publisher.store.root / done[0].key).read_bytes() == archive.read_bytes()
    assert "extension_pending_object" not in await publisher.rows()
