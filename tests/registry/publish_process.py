"""A process that publishes: several times at once, or once and killed at one of its steps."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import event

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.trust_store import TrustStore
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.protocol import BundleStore
from holdfast.errors import HoldfastError
from holdfast.records.database.database import Database
from holdfast.registry.publishing.publish import publish_bundle
from tests.registry.collaborators import collaborators
from tests.registry.publisher import ADA

T = TypeVar("T")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a process publishes, and where. Paths are text, `signatures` are those of `archives`."""

    url: str
    store: str
    trust: str
    archives: list[str]
    signatures: list[bytes | None]


def forkserver_context() -> ForkServerContext:
    """Makes processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    # The drivers too, which SQLAlchemy imports when a process opens its first connection: a tenth of a second for PostgreSQL.
    context.set_forkserver_preload([__name__, "aiosqlite", "psycopg"])
    return context


def start_process(context: ForkServerContext, folder: Path, work: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Starts a process that does the work. Its temporary files are in `folder`, because a killed process leaves them behind."""
    process = context.Process(target=_run_in, args=(str(folder), work, *arguments))
    process.start()
    return process


def _run_in(folder: str, work: Callable[..., None], *arguments: Any) -> None:
    # TMPDIR has no effect here: the fork server has read it already.
    tempfile.tempdir = folder
    work(*arguments)


def publish_at_once(order: Order, start: Barrier, result: str) -> None:
    """Publishes all archives at once, when everybody is there; writes what came of each into the file `result`."""

    async def run() -> list[str]:
        db = Database(order.url)
        try:
            await asyncio.to_thread(start.wait, 60)
            ends = await asyncio.gather(*_publishes(order, db, FolderStore(Path(order.store))), return_exceptions=True)
        finally:
            await db.close()
        return [end.code if isinstance(end, HoldfastError) else type(end).__name__ for end in ends]

    Path(result).write_text(json.dumps(asyncio.run(run())))


def publish_until_killed(order: Order, step: int) -> None:
    """Publishes the first archive, and is killed at the step number `step`, if it comes to that."""
    work_until_killed(order.url, order.store, step, lambda db, store: _publishes(order, db, store)[0])


def work_until_killed(url: str, store: str, step: int, work: Callable[[Database, BundleStore], Awaitable[object]]) -> None:
    """Does the work on the database `url` and the folder `store`. Each statement, commit and operation of the store is a step, and the end
    is the last; at number `step` this process is killed."""
    count = 0

    def take_step(*_: object) -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        db = Database(url)
        event.listen(db.sync_engine, "before_cursor_execute", take_step)
        event.listen(db.sync_engine, "commit", take_step)
        await work(db, _SteppingStore(FolderStore(Path(store)), take_step))
        take_step()
        await db.close()

    asyncio.run(run())


def _publishes(order: Order, db: Database, store: BundleStore) -> list[Awaitable[Any]]:
    policy = TrustPolicy(TrustStore(Path(order.trust)), required=False)
    return [
        publish_bundle(collaborators(db, store, policy=policy), Path(archive), actor=ADA, signature=signature, check_component=None)
        for archive, signature in zip(order.archives, order.signatures, strict=True)
    ]


class _SteppingStore:
    """A store that takes a step after each operation: what comes before one is what the step before has left."""

    def __init__(self, store: BundleStore, take_step: Callable[[], None]) -> None:
        self._store, self._take_step = store, take_step

    async def put(self, key: str, source: Path) -> None:
        await self._do(self._store.put(key, source))

    async def delete(self, key: str) -> None:
        await self._do(self._store.delete(key))

    async def exists(self, key: str) -> bool:
        return await self._do(self._store.exists(key))

    async def check(self) -> None:
        await self._store.check()

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        self._take_step()
        async with aclosing(self._store.get(key)) as pieces:
            async for piece in pieces:
                yield piece

    async def _do(self, work: Awaitable[T]) -> T:
        result = await work
        self._take_step()
        return result
