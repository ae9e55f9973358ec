"""The workflow of a run: attempts until one succeeds, with the same idempotency key, through kills of this process.

    begin ──▶ attempt 1 ──success, skipped, or an error that no repetition mends──▶ end
                 │ retryable error                                                    ▲
                 ▼                                                                    │
              sleep (durable) ──▶ attempt 2 ──▶ sleep ──▶ attempt 3 ──────────────────┘
                 ▲     │
                 └─────┘ the gateway is not reachable: the same attempt again, as long as UNREACHABLE_SECONDS

Each box is a step: its result is recorded, and not computed again after a kill. A step that was under way is repeated; the gateway knows
the attempt by its number and does not execute it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from dbos import DBOS, DBOSConfiguredInstance

from holdfast.contract.background_call import BackgroundResult
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
_UNREACHABLE = "unreachable"
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

    @DBOS.workflow(name="schedule_run", max_recovery_attempts=MAX_RECOVERIES)
    async def run(self, run_id: str) -> None:
        """One run, from its row that is due to its recorded end."""
        self.open += 1
        try:
            ended = await self._begin(run_id)
            if ended is None:
                await self._attempts(run_id)
            elif ended["status"] in ("due", "running"):
                return
            else:
                await self._end(run_id, ended, 0, 0)
        finally:
            self.open -= 1

    async def _attempts(self, run_id: str) -> None:
        number, repeats, unreachable = 1, 0, 0.0
        while True:
            result = await self._attempt(run_id, number)
            if result.get("status") == _UNREACHABLE:
                pause = min(1.0 + unreachable / 2, UNREACHABLE_BACK_OFF_SECONDS)
                unreachable += pause
                if unreachable <= UNREACHABLE_SECONDS:
                    await DBOS.sleep_async(pause)
                    continue
                result = {"end": _fields(RunEnd("error", f"No gateway was reachable: {result['error']}."))}
            if "end" in result:
                await self._end(run_id, result["end"], number - 1, repeats)
                return
            repeats += result["repeats"]
            if not result["retryable"] or number == MAX_ATTEMPTS:
                await self._end(run_id, _fields(run_end(_result(result))), number, repeats)
                return
            await DBOS.sleep_async(self._retry_seconds * RETRY_FACTOR ** (number - 1))
            number += 1

    @DBOS.step(retries_allowed=True, max_attempts=_DATABASE_ATTEMPTS, interval_seconds=0.5, backoff_rate=1.1, should_retry=_is_of_database)
    async def _begin(self, run_id: str) -> dict[str, Any] | None:
        end = await begin_run(self._db, run_id, self._now())
        return None if end is None else _fields(end)

    @DBOS.step(retries_allowed=True, max_attempts=_DATABASE_ATTEMPTS, interval_seconds=0.5, backoff_rate=1.1, should_retry=_is_of_database)
    async def _attempt(self, run_id: str, number: int) -> dict[str, Any]:
        """The fields of a BackgroundResult; `end` when there is nothing to call; or the status `unreachable`."""
        async with self._slots:
            call = await read_call(self._db, run_id, number)
            if isinstance(call, RunEnd):
                return {"end": _fields(call)}
            try:
                result = await self._gateway.call(run_id, call)
            except GatewayUnavailable as error:
                _log.warning("scheduled call not sent", run=run_id, schedule=call.schedule_id, tenant=call.tenant_id, reason=str(error))
                return {"status": _UNREACHABLE, "error": str(error)}
        return {
            "status": result.status,
            "code": result.code,
            "error": result.error,
            "http_status": result.http_status,
            "retryable": result.retryable,
            "repeats": result.repeats,
        }

    @DBOS.step(retries_allowed=True, max_attempts=_DATABASE_ATTEMPTS, interval_seconds=0.5, backoff_rate=1.1, should_retry=_is_of_database)
    async def _end(self, run_id: str, end: dict[str, Any], attempts: int, repeats: int) -> None:
        await end_run(self._db, run_id, RunEnd(**end), attempts=attempts, repeats=repeats, now=self._now())
        log = _log.info if end["status"] == "success" else _log.warning
        log("schedule run ended", run=run_id, status=end["status"], error=end["error"], attempts=attempts)


def _fields(end: RunEnd) -> dict[str, Any]:
    return {"status": end.status, "error": end.error, "http_status": end.http_status, "disables": end.disables}


def _result(fields: dict[str, Any]) -> BackgroundResult:
    return BackgroundResult(**fields)
