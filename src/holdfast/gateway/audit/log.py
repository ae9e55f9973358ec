"""The audit log of calls. Rows of calls that run together are committed together.

    start(): row in `_starts` ─┐                       ┌─► commit ─► start() returns, the call may be dispatched
                               ├─► one batch at a time ┤
    finish(): end in `_ends`  ─┘                       └─► failed ─► start() raises; ends are kept for the next attempt

    a batch begins         as soon as a start waits and no batch is under way; what comes meanwhile is the next batch
    it takes ends along    when there are 64, or 0.2 s after the first: many rows change for one commit, and no start waits for more
    the process is killed  rows of running calls stay `started`; the periodic pass marks them as cut off

A batch takes what waits when its transaction begins, not when it is queued.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from holdfast.gateway.audit.minutes import MinuteCounts
from holdfast.gateway.audit.rows import MAX_REQUEST_ID, AuditRow, CallEnd, Status, insert_starts, update_ends
from holdfast.gateway.http.errors import GatewayError
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.errors import DatabaseError
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.uuids import time_ordered_id

MAX_KEPT_ENDS = 10_000
"""So many ends are kept while the database cannot be written to; then the oldest are dropped, and their rows become cut off."""
FLUSH_SECONDS = 0.2
FULL_BATCH = 64
"""So many ends are written at once: about half a millisecond of the event loop on SQLite."""
_MAX_BATCH = 4 * FULL_BATCH
_RETRY_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
_CLOSE_ATTEMPTS = 20
_MAX_ATTEMPTS = 10

_Start = tuple[dict[str, Any], "asyncio.Future[None]"]

_log = structlog.get_logger(__name__)


class AuditLog:
    """The audit log of one process. It is for one event loop; `close` writes what is left."""

    def __init__(self, db: Database, *, now: Callable[[], datetime] = utc_now, max_kept_ends: int = MAX_KEPT_ENDS) -> None:
        self._db = db
        self._now = now
        self._starts: deque[_Start] = deque()
        self._ends: deque[CallEnd] = deque()
        self._max_kept_ends = max_kept_ends
        self._dropped = 0
        self._batch: tuple[list[_Start], list[CallEnd]] = [], []
        self._writing: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ends_are_due = False
        self._failing = False

    @property
    def is_failing(self) -> bool:
        """Whether the last batch could not be written."""
        return self._failing

    async def start(
        self,
        *,
        tenant_id: str,
        registry_id: str,
        version_id: str,
        request_id: str,
        method: str,
        path: str,
        endpoint_template: str,
        principal_kind: str,
        user_id: str,
    ) -> AuditRow:
        """Records that a call begins; returns when the row is durable.

        `path` is the concrete path, `endpoint_template` the declared one; `principal_kind` is `msp` or `client`.
        Raises GatewayError (`access_policy_unavailable`) when it cannot be recorded: no call without its row.
        """
        metrics = {
            "method": method,
            "path": path,
            "endpoint_template": endpoint_template,
            "principal_kind": principal_kind,
            "user_id": user_id,
        }
        row = AuditRow(time_ordered_id(), tenant_id, registry_id, self._now(), metrics)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        parameters = {
            "id": row.row_id,
            "tenant_id": tenant_id,
            "registry_id": registry_id,
            "version_id": version_id,
            "request_id": request_id[:MAX_REQUEST_ID],
            "started_at": row.started_at,
            "metrics": metrics,
        }
        self._starts.append((parameters, written))
        if self._writing is None:
            self._write_soon()
        try:
            await written
        except asyncio.CancelledError:
            # A row that waits is dropped. One that is being written gets an end.
            if all(waiting is not written for _, waiting in self._starts):
                self.finish(row, status="error", http_status=None, error="cancelled")
            raise
        except Exception as error:
            _log.error("audit_start_failed", request_id=request_id, exc_info=error)
            raise GatewayError(
                "access_policy_unavailable", "The call could not be recorded.", hint="Try again; the log has the details."
            ) from error
        return row

    def finish(self, row: AuditRow, *, status: Status, http_status: int | None, error: str | None) -> None:
        """Records how the call ended: within 0.2 seconds, or as soon as the database can be written to."""
        duration_ms = round((time.perf_counter() - row.started) * 1_000, 1)
        parameters = {
            "row_id": row.row_id,
            "of_tenant": row.tenant_id,
            "finished_at": self._now(),
            "end_status": status,
            "end_error": error,
            "end_metrics": {**row.metrics, "http_status": http_status, "duration_ms": duration_ms},
        }
        is_error = http_status is None or http_status >= 500
        self._keep(CallEnd(row.tenant_id, row.registry_id, row.started_at, duration_ms, is_error, parameters))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._write_ends_soon)
        elif len(self._ends) == FULL_BATCH:
            self._write_ends_soon()

    async def flush(self) -> bool:
        """Writes every queued end now; false when the database cannot be written to."""
        while self._ends or self._writing is not None:
            self._write_ends_soon()
            writing = self._writing
            assert writing is not None
            await asyncio.wait([writing])
            if writing.cancelled() or writing.exception() is not None:
                return False
        return True

    async def close(self) -> None:
        """Writes what is left, for five seconds at most, and says in the log what it could not write."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                for _ in range(_CLOSE_ATTEMPTS):
                    if await self.flush():
                        break
                    await asyncio.sleep(FLUSH_SECONDS)
        if self._timer is not None:
            self._timer.cancel()
        if self._ends:
            _log.error("audit_ends_dropped", count=len(self._ends), reason="the process ends")

    def _keep(self, end: CallEnd) -> None:
        self._ends.append(end)
        if len(self._ends) > self._max_kept_ends:
            self._ends.popleft()
            self._dropped += 1

    def _keep_failed(self, end: CallEnd, error: BaseException) -> None:
        """Keeps an end that could not be written; one that is at fault itself, only for some attempts."""
        if not isinstance(error, DatabaseError):
            end.attempts += 1
        if end.attempts < _MAX_ATTEMPTS:
            self._keep(end)
        else:
            _log.error("audit_end_failed", audit_row=end.parameters["row_id"], exc_info=error)

    def _write_ends_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ends_are_due = True
        if self._writing is None:
            self._write_soon()

    def _write_soon(self) -> None:
        with_ends = self._ends_are_due and bool(self._ends)
        job = self._write_all if with_ends else self._write_starts
        self._writing = self._db.submit(job, one_statement=not with_ends)
        self._writing.add_done_callback(self._written)

    async def _write_starts(self, tx: HotTransaction) -> None:
        await self._write(tx, with_ends=False)

    async def _write_all(self, tx: HotTransaction) -> None:
        await self._write(tx, with_ends=True)

    async def _write(self, tx: HotTransaction, *, with_ends: bool) -> None:
        """The job of one batch."""
        starts = [start for start in self._starts if not start[1].done()]
        self._starts.clear()
        ends: list[CallEnd] = []
        if with_ends:
            ends = [self._ends.popleft() for _ in range(min(len(self._ends), _MAX_BATCH))]
            # More than that wait only after an outage; they are written at once, but not in one piece.
            self._ends_are_due = bool(self._ends)
        self._batch = starts, ends
        await self._write_rows(tx, starts=starts, ends=ends)

    async def _write_rows(self, tx: HotTransaction, *, starts: list[_Start], ends: list[CallEnd]) -> None:
        is_sqlite = self._db.is_sqlite
        if starts:
            await insert_starts(tx, [parameters for parameters, _ in starts], is_sqlite=is_sqlite)
        if ends:
            new = await update_ends(tx, ends, is_sqlite=is_sqlite)
            await MinuteCounts.of(new).write(tx, is_sqlite=is_sqlite)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        (starts, ends), self._batch = self._batch, ([], [])
        error = asyncio.CancelledError() if writing.cancelled() else writing.exception()
        if error is None:
            self._failing = False
            for _, written in starts:
                if not written.done():
                    written.set_result(None)
            self._report_dropped()
            if self._starts or (self._ends_are_due and self._ends):
                self._write_soon()
        else:
            self._failed(starts, ends, error)

    def _failed(self, starts: list[_Start], ends: list[CallEnd], error: BaseException) -> None:
        _log.warning("audit_write_failed", starts=len(starts), ends=len(ends), error=getattr(error, "code", type(error).__name__))
        self._failing = True
        if not isinstance(error, DatabaseError) and len(starts) + len(ends) > 1:
            # One of the rows is at fault, and it must not take the others with it.
            self._writing = asyncio.ensure_future(self._write_each(starts, ends))
            self._writing.add_done_callback(self._written)
            return
        # The database is at fault: it would keep those waiting that no batch took yet, too.
        starts += self._starts
        self._starts.clear()
        for _, written in starts:
            if not written.done():
                written.set_exception(error)
        later = list(self._ends)
        self._ends.clear()
        for end in ends:
            self._keep_failed(end, error)
        for end in later:
            self._keep(end)
        # Also without ends: an empty batch finds out when the database can be used again.
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._write_ends_soon)

    async def _write_each(self, starts: list[_Start], ends: list[CallEnd]) -> None:
        for start in starts:
            try:
                await self._db.submit(partial(self._write_rows, starts=[start], ends=[]))
            except Exception as error:
                if not start[1].done():
                    start[1].set_exception(error)
            else:
                if not start[1].done():
                    start[1].set_result(None)
        for end in ends:
            try:
                await self._db.submit(partial(self._write_rows, starts=[], ends=[end]))
            except Exception as error:
                self._keep_failed(end, error)

    def _report_dropped(self) -> None:
        if self._dropped:
            _log.error("audit_ends_dropped", count=self._dropped, reason="the database could not be written to")
            self._dropped = 0
