"""Runs the writes of one install that wait at the same time in one transaction, so that a busy install pays for one commit, not for each.

    run(operation)
        │ no other write for this install runs   │ one does
        ▼                                        ▼
    transaction with this operation          wait in the queue of the install
        │                                        │
        ▼ finished                               │ the task takes up to MAX_BATCH, in their order,
    queue not empty: start the task ────────────►│ one transaction for all, again until the queue is empty
                                                 ▼
                                             result or error of each

An operation that raises StorageError changes nothing (see `Ledger`) and does not touch the others of its transaction. One that raises
RunAgain starts over in the next transaction. A failure of the database fails all of them. A caller that is cancelled while its operation
waits takes it out of the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.storage.errors import StorageError
from holdfast.storage.ledger import Ledger, Place
from holdfast.storage.records import InstallKey

MAX_BATCH = 32


class RunAgain(Exception):
    """Raised by an operation that has done as much as one transaction may, and has more to do."""


T = TypeVar("T")

StorageOperation = Callable[[Ledger], Awaitable[T]]
_Waiting = tuple[StorageOperation[Any], Sequence[Place], asyncio.Future[Any]]


class WriteBatches:
    """The queues of one process. All writes of an install must go through one object of it, or they wait for each other's commits."""

    def __init__(self, db: Database) -> None:
        self._db = db
        # An install is in here as long as one of its transactions runs.
        self._queues: dict[InstallKey, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_growth: Callable[[InstallKey, int, int, int | None], object] | None = None
        """Called after a commit with which an install stores more: with the install, its bytes before and after, and its own limit."""

    async def run(self, install: InstallKey, operation: StorageOperation[T], places: Sequence[Place] = ()) -> T:
        """The result of `operation`, after its transaction is committed. Raises what it raises.

        `places` are the records that it will look for: those of all operations of a transaction are read together.
        """
        while True:
            try:
                return await self._run_once(install, operation, places)
            except RunAgain:
                continue

    async def _run_once(self, install: InstallKey, operation: StorageOperation[T], places: Sequence[Place]) -> T:
        queue = self._queues.get(install)
        if queue is not None:
            future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            queue.append((operation, places, future))
            return await future
        self._queues[install] = deque()
        try:
            (outcome,) = await self._write(install, ((operation, places),))
        finally:
            self._continue(install)
        if isinstance(outcome, StorageError | RunAgain):
            raise outcome
        return cast(T, outcome)

    async def _write(self, install: InstallKey, operations: Sequence[tuple[StorageOperation[Any], Sequence[Place]]]) -> list[Any]:
        outcomes, before, after, own_limit = await self._db.write(partial(_run_all, install, operations))
        if after > before and self.on_growth is not None:
            self.on_growth(install, before, after, own_limit)
        return outcomes

    def _continue(self, install: InstallKey) -> None:
        if not self._queues[install]:
            del self._queues[install]
            return
        task = asyncio.create_task(self._run_queue(install))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_queue(self, install: InstallKey) -> None:
        queue = self._queues[install]
        try:
            while queue:
                batch = [waiting for waiting in (queue.popleft() for _ in range(min(len(queue), MAX_BATCH))) if not waiting[2].done()]
                if batch:
                    await self._run_batch(install, batch)
        finally:
            del self._queues[install]
            # Only when the task is cancelled, at the end of the process.
            for *_, future in queue:
                future.cancel()

    async def _run_batch(self, install: InstallKey, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._write(install, [(operation, places) for operation, places, _ in batch])
        except BaseException as error:
            _resolve(batch, [error] * len(batch))
            if not isinstance(error, Exception):
                raise
        else:
            _resolve(batch, outcomes)


def _resolve(batch: Sequence[_Waiting], outcomes: Sequence[Any]) -> None:
    for (*_, future), outcome in zip(batch, outcomes, strict=True):
        if future.done():
            continue
        if isinstance(outcome, asyncio.CancelledError):
            future.cancel()
        elif isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


async def _run_all(
    install: InstallKey, operations: Sequence[tuple[StorageOperation[Any], Sequence[Place]]], tx: HotTransaction
) -> tuple[list[Any], int, int, int | None]:
    """The result of each operation, or its StorageError or RunAgain; and the install's bytes before and after, and its own limit."""
    now = utc_now()
    ledger = await Ledger.open(tx, install, now)
    before = ledger.bytes_used
    await ledger.load(place for _, places in operations for place in places)
    outcomes: list[Any] = []
    for operation, _ in operations:
        try:
            outcomes.append(await operation(ledger))
        except (StorageError, RunAgain) as error:
            outcomes.append(error)
    await ledger.save(now)
    return outcomes, before, ledger.bytes_used, ledger.own_limit
