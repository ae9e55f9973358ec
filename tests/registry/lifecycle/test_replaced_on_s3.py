"""Two gateways on one PostgreSQL and one S3-compatible store: their installs and sweeps at the same time lose nothing and leave nothing."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.open_store import open_store
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.call_context import install_context
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.lifecycle.replaced import sweep_replaced
from holdfast.registry.models.installs import ExtensionBundle
from holdfast.registry.models.publishing import PendingObject
from holdfast.settings import Settings
from tests.bundles.s3_server import make_bucket, s3_server
from tests.records.databases import TENANT, migrated, on_postgres
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS

NOTES = "com.example.notes"


def a_day_ahead() -> datetime:
    """For sweeps: everything that is not active is due at once."""
    return utc_now() + timedelta(days=2)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The database as another process has it."""
    db = Database(url)
    try:
        yield db
    finally:
        await db.close()


def stored(bucket: str) -> list[str]:
    listing = httpx2.get(bucket, trust_env=False, timeout=MAX_WAIT_SECONDS).text
    return sorted(re.findall(r"<Key>([^<]+)</Key>", listing))


@pytest.mark.postgres
@on_postgres
async def test_installs_and_sweeps_of_two_gateways(tmp_path: Path, database_url: str) -> None:
    archives = [archive_of(tmp_path / f"{n}.tar.zst", marker=str(n), version=f"1.{n % 2}.0") for n in range(6)]
    order = random.Random(9)
    rounds = repetitions(5, long=60)
    with s3_server(tmp_path) as origin:
        bucket = make_bucket(origin, "bundles")
        given: dict[str, Any] = {"bundle_store_base": bucket, "s3_access_key": "a", "s3_secret_key": "s"}
        async with migrated(tmp_path, url=database_url) as one, opened(database_url) as two:
            stores = {db: open_store(Settings(_env_file=None, **given)) for db in (one, two)}

            async def install_some(db: Database) -> None:
                for _ in range(rounds):
                    using = collaborators(db, stores[db])
                    await install_archive(using, order.choice(archives), actor=local_actor(TENANT), check_component=None)

            async def sweep_some(db: Database) -> None:
                for _ in range(rounds):
                    await sweep_replaced(db, stores[db], now=a_day_ahead)

            await asyncio.gather(*[work(db) for db in stores for work in (install_some, sweep_some)])
            context = await install_context(one, TENANT, NOTES)
            assert context is not None and context.content_hash is not None
            assert bundle_key(TENANT, context.registry_id, context.content_hash) in stored(bucket)
            await sweep_replaced(two, stores[two], now=a_day_ahead)
            async with two.session() as session:
                assert (await session.scalars(select(PendingObject))).all() == []
                bundles = (await session.scalars(select(ExtensionBundle.storage_url))).all()
            assert sorted(str(url) for url in bundles) == stored(bucket)
