"""One transaction for an object of the bundle store and the database rows that need it: both are written, or neither.

The store has no transactions, so a row of `extension_pending_object` records that the object is on its way:

    register_pending ── commit ──> put object ──> write rows + commit_pending ── commit ──> done
          │                            │                      │         ▲
          │ fails                      │ fails, cancelled     │         │ same new row written by
          ▼                            ▼                      ▼         │ another: up to 10 times
       nothing                    cleanup_pending <───────────┴─────────┘
                                       │
              pending row is there ────┼──── pending row is gone
                       │               │              │
            object removed unless      │   own commit took effect: success, although the connection was lost
            another bundle needs it    │   a sweep removed it: the object is removed again, PendingSwept
                       ▼
                 error is raised

A process that is killed anywhere leaves the pending row; `sweep_objects` does the cleanup later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.errors import Moved, changed_meanwhile
from holdfast.registry.objects.pending import commit_pending, register_pending, try_cleanup_pending

T = TypeVar("T")

_MAX_ATTEMPTS = 10


class PendingSwept(Moved):
    """Raised when a sweep took the object for one that a killed process left, and removed it. Starting again can succeed."""


async def object_transaction(
    db: Database,
    store: BundleStore,
    *,
    key: str,
    put: Callable[[], Awaitable[None]],
    write: Callable[[AsyncSession], Awaitable[T]],
    name: str,
    now: Callable[[], datetime],
) -> T:
    """Puts the object `key` into the store with `put`, then writes the rows that need it with `write`. Returns what `write` returns.

    `write` runs in a transaction that is repeated when another transaction wrote the same new row. When anything fails or is cancelled,
    no row is written, and the object is removed unless another bundle needs it. `name` is the extension's name, for messages.

    Raises what `put` and `write` raise; RegistryError (`changed_meanwhile`) when the rows were written by others again and again;
    PendingSwept; errors of the database.
    """
    pending_id = new_id()
    written: list[T] = []
    try:
        async with db.transaction() as session:
            await register_pending(session, key, pending_id, now())
        await put()
        return await _write_rows(db, pending_id, write, written, name)
    except BaseException as error:
        removed = await try_cleanup_pending(db, store, pending_id)
        # The rows were written and the pending row is gone: the commit took effect, only its confirmation was lost. Reporting a failure
        # here would be wrong, and repeating the operation might be rejected.
        if written and removed is False and isinstance(error, Exception):
            return written[0]
        if isinstance(error, PendingSwept):
            # No pending row covers what was put after the sweep.
            await _remove_unneeded(db, store, key, now)
        raise


async def _write_rows(db: Database, pending_id: str, write: Callable[[AsyncSession], Awaitable[T]], written: list[T], name: str) -> T:
    lost: IntegrityError | StaleDataError | None = None
    for _ in range(_MAX_ATTEMPTS):
        written.clear()
        try:
            async with db.transaction() as session:
                result = await write(session)
                if not await commit_pending(session, pending_id):
                    raise PendingSwept
                written.append(result)
            return result
        except (IntegrityError, StaleDataError) as error:
            # Another transaction wrote the same new row, or deleted one that this one changed. The next attempt reads what is there now.
            lost = error
    raise changed_meanwhile(name) from lost


async def _remove_unneeded(db: Database, store: BundleStore, key: str, now: Callable[[], datetime]) -> None:
    pending_id = new_id()
    async with db.transaction() as session:
        await register_pending(session, key, pending_id, now())
    await try_cleanup_pending(db, store, pending_id)
