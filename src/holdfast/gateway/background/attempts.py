"""Attempts of background calls: each is executed once, and its result is recorded, whatever becomes of who asked for it.

    POST, again after a lost response
          │
          ▼
    runs in this process? ──yes──▶ join it (SingleFlight: it goes on when its caller is killed)
          │ no
          ▼
    insert the row ──done──▶ execute ──▶ record the result ──▶ respond
          │ there is one already
          ▼
    finished? ──yes──▶ respond with the recorded result
          │ no: another gateway executes it, or was killed
          ▼
    wait until it is finished, at most as long as a call may take ──not finished──▶ take it over: count the repeat, execute again

The runner gets the same idempotency key for a repeated attempt: a response that it has stored is repeated, and nothing executed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.contract.background_call import BackgroundCall, BackgroundResult
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.call_attempts import CallAttempt

POLL_SECONDS = 0.2
MAX_ERROR_CHARACTERS = 4_000

Execute = Callable[[str, str, BackgroundCall], Awaitable[BackgroundResult]]
"""Executes a call: with its id, a request id, and the call. Raises nothing that a repetition could mend."""

_log = structlog.get_logger(__name__)


class BackgroundCalls:
    """The background calls of one gateway process. Belongs to one event loop."""

    def __init__(self, db: Database, *, timeout: timedelta, now: Callable[[], datetime] = utc_now) -> None:
        """`timeout` is how long a call may take: an attempt without a result that is older belongs to a gateway that ended."""
        self._db = db
        self._timeout = timeout
        self._now = now
        self._running: SingleFlight[tuple[str, int], BackgroundResult] = SingleFlight("background call")

    async def run(self, call_id: str, call: BackgroundCall, execute: Execute) -> BackgroundResult:
        """Makes one attempt with `execute`, or returns the recorded result. A caller that is cancelled leaves it running.

        Raises DatabaseError, and what `execute` raises; the attempt then has no result, and is executed again when it is asked for again.
        """
        return await self._running.run((call_id, call.number), lambda: self._run(call_id, call, execute))

    async def close(self) -> None:
        """Cancels what runs. Its attempts have no result, and are executed again when they are asked for again."""
        await self._running.close()

    async def _run(self, call_id: str, call: BackgroundCall, execute: Execute) -> BackgroundResult:
        request_id = new_id()
        repeats = 0
        if not await self._start(call_id, call, request_id):
            found = await self._wait(call_id, call.number)
            if isinstance(found, BackgroundResult):
                return found
            if not await self._take_over(found, request_id):
                return await self._run(call_id, call, execute)
            repeats = found.repeats + 1
            _log.warning("background call repeated", call=call_id, number=call.number, tenant=call.tenant_id, install=call.install_id)
        result = await execute(call_id, request_id, call)
        return await self._record(call_id, call.number, result, repeats)

    async def _start(self, call_id: str, call: BackgroundCall, request_id: str) -> bool:
        """Inserts the row; False if there is one."""
        values = {
            "call_id": call_id,
            "number": call.number,
            "tenant_id": call.tenant_id,
            "install_id": call.install_id,
            "cause": call.trigger,
            "request_id": request_id,
            "status": "started",
            "started_at": self._now(),
        }
        try:
            async with self._db.transaction() as session:
                await session.execute(insert(CallAttempt).values(values))
        except IntegrityError:
            return False
        return True

    async def _wait(self, call_id: str, number: int) -> BackgroundResult | CallAttempt:
        """The result of an attempt once it has one; its row if it is older than a call can be."""
        while True:
            async with self._db.session() as session:
                row = await session.get_one(CallAttempt, (call_id, number))
            if row.finished_at is not None:
                return _result(row)
            if self._now() - row.started_at > self._timeout:
                return row
            await asyncio.sleep(POLL_SECONDS)

    async def _take_over(self, row: CallAttempt, request_id: str) -> bool:
        """Makes the attempt this gateway's; False if another one was faster, or it has a result by now."""
        statement = (
            update(CallAttempt)
            .where(
                CallAttempt.call_id == row.call_id,
                CallAttempt.number == row.number,
                CallAttempt.repeats == row.repeats,
                CallAttempt.finished_at.is_(None),
            )
            .values(repeats=row.repeats + 1, started_at=self._now(), request_id=request_id)
            .returning(CallAttempt.call_id)
        )
        async with self._db.transaction() as session:
            return (await session.execute(statement)).first() is not None

    async def _record(self, call_id: str, number: int, result: BackgroundResult, repeats: int) -> BackgroundResult:
        values = {
            "status": result.status,
            "code": result.code,
            "error": None if result.error is None else result.error[:MAX_ERROR_CHARACTERS],
            "http_status": result.http_status,
            "retryable": result.retryable,
            "finished_at": self._now(),
        }
        mine = CallAttempt.call_id == call_id, CallAttempt.number == number, CallAttempt.repeats == repeats
        async with self._db.transaction() as session:
            await session.execute(update(CallAttempt).where(*mine, CallAttempt.finished_at.is_(None)).values(values))
            # A gateway that was taken for dead records nothing any more: what is recorded counts.
            row = (await session.scalars(select(CallAttempt).where(CallAttempt.call_id == call_id, CallAttempt.number == number))).one()
            return _result(row) if row.finished_at is not None else BackgroundResult(status=result.status, repeats=row.repeats)


def _result(row: CallAttempt) -> BackgroundResult:
    assert row.status in ("success", "error", "skipped")
    return BackgroundResult(
        status=row.status,  # type: ignore[arg-type]  # the check above is one that mypy does not read
        code=row.code,
        error=row.error,
        http_status=row.http_status,
        retryable=row.retryable,
        repeats=row.repeats,
    )
