"""The workflow of a run: attempts until one succeeds, with the same idempotency key, through kills of this process.

    begin, attempt 1 ──success, skipped, or an error that no repetition mends──▶ end
          │ retryable error                                                     ▲
          ▼                                                                     │
    sleep (durable) ──▶ attempt 2 ──▶ sleep ──▶ attempt 3 ──────────────────────┘
          ▲     │
          └─────┘ the gateway is not reachable: the same attempt again, as long as UNREACHABLE_SECONDS

Each attempt is a step: its outcome is recorded, and it is not made again after a kill. A step that was under way is repeated; the gateway
knows the attempt by its number and does not execute it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from dbos import DBOS, DBOSConfiguredInstance

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.errors import DatabaseError
from holdfast.schedules.engine.durable import MAX_RECOVERIES
from holdfast.schedules.runs.gateway_client import GatewayClient, GatewayUnavailable
from holdfast.schedules.runs.rows import RunEnd, begin_run, end_run, read_call, run_end

MAX_ATTEMPTS = 3
RETRY_SECONDS = 10.0
RETRY_FACTOR = 6
"""Each pause between two attempts is so many times the one before."""

UNREACHABLE_SECONDS = 3_600.0
"""A run ends with an error when no gateway was reachable for so long."""

UNREACHABLE_BACK_OFF_SECONDS = 30.0
_OUTCOME, _OVER, _FAILED, _UNREACHABLE = "outcome", "over", "failed", "unreachable"
_DATABASE_ATTEMPTS = 200

_log = structlog.get_logger(__name__)


def _is_of_database(error: BaseException) -> bool:
    return isinstance(error, DatabaseError)


@DBOS.dbos_class("ScheduleRuns")
class ScheduleRuns(DBOSConfiguredInstance):
    """Runs schedules. One in a process, because the durable engine finds it by its name."""

    def __init__(
        self,
        db: Database,
        gateway: GatewayClient,
        *,
        at_once: int,
        retry_seconds: float = RETRY_SECONDS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`at_once` bounds the calls of this process that run at the same time; `retry_seconds` is the first pause between two attempts."""
        super().__init__("schedule-runs")
        self._db = db
        self._gateway = gateway
        self._slots = asyncio.Semaphore(at_once)
        self._retry_seconds = retry_seconds
        self._now = now
        self.open = 0
        """How many workflows of this process have not ended."""
        self._ended = asyncio.Event()

    @DBOS.workflow(name="schedule_run", max_recovery_attempts=MAX_RECOVERIES)
    async def run(self, run_id: str) -> None:
        """One run, from its row that is due to its recorded end."""
        self.open += 1
        try:
            await self._attempts(run_id)
        finally:
            self.open -= 1
            self._ended.set()

    async def wait_for_capacity(self, most: int, *, seconds: float) -> bool:
        """Returns True as soon as at most so many workflows are open, False when that takes longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while self.open > most:
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            return False
        return True

    async def _attempts(self, run_id: str) -> None:
        number, repeats, waited = 1, 0, 0.0
        while True:
            result = await self._attempt(run_id, number, repeats, waited > UNREACHABLE_SECONDS)
            if result[_OUTCOME] == _OVER:
                return
            if result[_OUTCOME] == _UNREACHABLE:
                pause = min(1.0 + waited / 2, UNREACHABLE_BACK_OFF_SECONDS)
                waited += pause
            else:
                pause = self._retry_seconds * RETRY_FACTOR ** (number - 1)
                number, repeats, waited = number + 1, repeats + result["repeats"], 0.0
            await DBOS.sleep_async(pause)

    # One step, not three: each costs a transaction of the engine. All that it writes may be written again.
    @DBOS.step(retries_allowed=True, max_attempts=_DATABASE_ATTEMPTS, interval_seconds=0.5, backoff_rate=1.1, should_retry=_is_of_database)
    async def _attempt(self, run_id: str, number: int, repeats: int, gives_up: bool) -> dict[str, Any]:
        """Makes one attempt, and records the end of the run unless there is another attempt to make. With `gives_up`, a gateway that is not
        reachable ends the run too. `repeats` is that of the attempts before."""
        end = await begin_run(self._db, run_id, self._now())
        if end is not None:
            return await self._end(run_id, end, number - 1, repeats)
        async with self._slots:
            call = await read_call(self._db, run_id, number)
            if isinstance(call, RunEnd):
                return await self._end(run_id, call, number - 1, repeats)
            try:
                result = await self._gateway.call(run_id, call)
            except GatewayUnavailable as error:
                _log.warning("scheduled call not sent", run=run_id, schedule=call.schedule_id, tenant=call.tenant_id, reason=str(error))
                if gives_up:
                    return await self._end(run_id, RunEnd("error", f"No gateway was reachable: {error}."), number - 1, repeats)
                return {_OUTCOME: _UNREACHABLE}
        if result.retryable and number < MAX_ATTEMPTS:
            return {_OUTCOME: _FAILED, "repeats": result.repeats}
        return await self._end(run_id, run_end(result), number, repeats + result.repeats)

    async def _end(self, run_id: str, end: RunEnd, attempts: int, repeats: int) -> dict[str, Any]:
        await end_run(self._db, run_id, end, attempts=attempts, repeats=repeats, now=self._now())
        log = _log.info if end.status == "success" else _log.warning
        log("schedule run ended", run=run_id, status=end.status, error=end.error, attempts=attempts)
        return {_OUTCOME: _OVER}
