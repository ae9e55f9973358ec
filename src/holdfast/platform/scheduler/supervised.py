"""The scheduler of `holdfast up`: a child process that starts when there is something to schedule.

waiting ──a schedule is enabled, or a run is open──▶ child, restarted when it ends
   ▲ asks the database every few seconds: an extension without schedules needs no further process
"""

from __future__ import annotations

import asyncio
import sys

import structlog
from sqlalchemy.exc import SQLAlchemyError

from holdfast.errors import HoldfastError
from holdfast.platform.environment import scheduler_environment
from holdfast.processes.child_process import ParentPipe, SupervisedChild
from holdfast.records.database.database import Database
from holdfast.schedules.need import is_scheduler_needed
from holdfast.settings import Settings

MODULE = "holdfast.platform.scheduler"
PAUSE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


async def run_scheduler_process(settings: Settings, db: Database, *, pause_seconds: float = PAUSE_SECONDS) -> None:
    """Runs until it is cancelled, for settings of `platform_settings`."""
    await _wait_until_needed(db, pause_seconds)
    pipe = ParentPipe()
    try:
        command = [sys.executable, "-m", MODULE, "--parent-pipe", str(pipe.child_end)]
        await SupervisedChild("scheduler", command, environment=scheduler_environment(settings), pass_fds=[pipe.child_end]).run()
    finally:
        pipe.close()


async def _wait_until_needed(db: Database, pause_seconds: float) -> None:
    while True:
        try:
            if await is_scheduler_needed(db):
                return
        except (HoldfastError, SQLAlchemyError) as error:
            _log.warning("the schedules cannot be read", error=getattr(error, "code", type(error).__name__))
        await asyncio.sleep(pause_seconds)
