"""One scheduler: finds what is due, starts its runs, and continues those of schedulers that ended. Any number may run on one database.

    every POLL_SECONDS       cursors of new and changed schedules, claims of what is due, starts of their workflows
                             next to it, claims of events that can be delivered
    five times a lease       its own sign of life; then the runs of schedulers without one
    every SWEEP_SECONDS      runs that were claimed, but whose workflow was not started, or failed; events too, every 5 s
    every hour               runs, attempts, events and workflows that are older than the history is kept

It claims no more than it can run: what waits in its memory would wait longer than in another scheduler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from holdfast.errors import HoldfastError
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.schedules.due.claims import claim_due
from holdfast.schedules.due.cursors import refresh_cursors, remove_orphans
from holdfast.schedules.engine import executors
from holdfast.schedules.engine.durable import DurableEngine
from holdfast.schedules.events.deliveries import SWEEP_SECONDS as EVENT_SWEEP_SECONDS
from holdfast.schedules.events.deliveries import EventQueue
from holdfast.schedules.history import delete_history
from holdfast.schedules.runs.rows import RunEnd, end_run
from holdfast.schedules.runs.workflow import ScheduleRuns
from holdfast.schedules.tables import RUN_IS_OPEN, ScheduleRun

POLL_SECONDS = 0.5
SWEEP_SECONDS = 15.0
HISTORY_SECONDS = 3_600.0
MAX_MANUAL = 20
"""So many runs by hand are started at a time."""

STALE = timedelta(seconds=30)
"""A run that was claimed so long ago should have a workflow."""

_log = structlog.get_logger(__name__)


class Adopted(Exception):
    """Raised when another scheduler has taken over: this one was silent for too long, and has to start again under a new id."""


class SchedulerOptions(Struct, frozen=True, kw_only=True):
    """`catch_up`: a due time that passed while no scheduler ran is made up for if it is not older. `history`: how long runs are kept.
    `event_history`: how long events are kept, also those that wait. `lease`: a scheduler without a sign of life for so long is taken for
    dead."""

    at_once: int = 32
    catch_up: timedelta = timedelta(hours=1)
    history: timedelta = timedelta(days=90)
    event_history: timedelta = timedelta(days=30)
    lease: timedelta = timedelta(seconds=15)


class Scheduler:
    """A scheduler in this process. `run` runs until it is cancelled."""

    def __init__(
        self,
        db: Database,
        engine: DurableEngine,
        runs: ScheduleRuns,
        options: SchedulerOptions,
        *,
        events: EventQueue | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._engine = engine
        self._runs = runs
        self._options = options
        self._events = events
        self._now = now

    async def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Runs until it is cancelled. Raises Adopted, DatabaseError when it cannot start."""
        await executors.register(self._db, self._engine.executor_id, self._now())
        await self._engine.start()
        on_ready()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_repeat(self._poll, POLL_SECONDS))
                group.create_task(_repeat(self._renew, self._options.lease.total_seconds() / executors.RENEWALS_PER_LEASE))
                group.create_task(_repeat(self._sweep, SWEEP_SECONDS))
                group.create_task(_repeat(self._forget, HISTORY_SECONDS))
                if self._events is not None:
                    # Apart from the schedules: neither waits for the other.
                    group.create_task(_repeat(self._events.poll, POLL_SECONDS))
                    group.create_task(_repeat(self._events.sweep, EVENT_SWEEP_SECONDS))
        finally:
            await self._engine.stop()
            await executors.stop(self._db, self._engine.executor_id, self._now())

    async def _poll(self) -> None:
        # Twice what runs at once: half of it runs, half of it waits to run at once. More is claimed when the waiting half is used up.
        while True:
            # Each time: who changes a schedule or runs one by hand does not wait until thousands that are due are through.
            while await refresh_cursors(self._db, self._now()):
                pass
            await self._start_manual()
            if not await self._runs.wait_for_capacity(self._options.at_once, seconds=POLL_SECONDS):
                return
            free = 2 * self._options.at_once - self._runs.open
            claimed = await claim_due(self._db, self._now(), limit=free, catch_up=self._options.catch_up)
            for run_id in claimed:
                await self._engine.start_workflow(self._runs.run, run_id)
            if len(claimed) < free:
                return

    async def _start_manual(self) -> None:
        """Starts the runs that people asked for."""
        asked = select(ScheduleRun.id).where(RUN_IS_OPEN, ScheduleRun.status == "due", ScheduleRun.cause == "manual")
        async with self._db.session() as session:
            run_ids = (await session.scalars(asked.order_by(ScheduleRun.created_at).limit(MAX_MANUAL))).all()
        for run_id in run_ids:
            await self._engine.start_workflow(self._runs.run, run_id)

    async def _renew(self) -> None:
        if not await executors.renew(self._db, self._engine.executor_id, self._now()):
            raise Adopted(self._engine.executor_id)
        dead = await executors.claim_dead(self._db, self._engine.executor_id, self._now(), self._options.lease)
        if dead:
            count = await self._engine.adopt(dead)
            _log.warning("runs of ended schedulers continue", schedulers=len(dead), runs=count)

    async def _sweep(self) -> None:
        """Starts what was claimed and not started, and ends runs whose workflow will not end them."""
        await remove_orphans(self._db)
        async with self._db.session() as session:
            open_runs = select(ScheduleRun.id).where(RUN_IS_OPEN, ScheduleRun.created_at < self._now() - STALE)
            stale = (await session.scalars(open_runs.order_by(ScheduleRun.created_at).limit(200))).all()
        for run_id in stale:
            try:
                reason = await self._engine.ended(run_id)
            except LookupError:
                await self._engine.start_workflow(self._runs.run, run_id)
                continue
            if reason is not None:
                _log.error("schedule run was abandoned", run=run_id, reason=reason)
                end = RunEnd("error", f"The scheduler could not complete the run: {reason}.")
                await end_run(self._db, run_id, end, attempts=0, repeats=0, now=self._now())

    async def _forget(self) -> None:
        before = self._now() - self._options.history
        while await delete_history(self._db, before):
            pass
        if self._events is not None:
            while await self._events.forget(self._now() - self._options.event_history) or await self._events.forget_excess():
                pass
        while await self._engine.forget_before(before):
            pass


async def _repeat(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Does the work again and again. An error that may pass, such as a database that is away, is logged, and the next time is tried."""
    while True:
        try:
            await work()
        except (HoldfastError, SQLAlchemyError, OSError) as error:
            _log.warning("the scheduler failed", part=work.__name__.strip("_"), error=getattr(error, "code", type(error).__name__))
        await asyncio.sleep(seconds)
