"""The rows of runs: begin, end, and what a run calls.

    due ──begin──▶ running ──end──▶ success, error, skipped
     └──begin, while another run of the schedule is running──▶ skipped

The unique index of running rows decides between two runs of one schedule, on both databases.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.background_call import BackgroundCall, BackgroundResult
from holdfast.records.database.database import Database
from holdfast.registry.models.installs import ExtensionApiEndpoint, TenantExtensionInstall, TenantExtensionSchedule
from holdfast.schedules.tables import ScheduleRun

NOT_OVER = "An earlier run of the schedule was not over."
DISABLED = "The schedule is disabled."
DELETED = "The schedule was deleted."
ENDPOINT_GONE = "Schedule endpoint not found; disabling schedule"
OTHER_VERSION = "Schedule endpoint does not belong to installed version"
MAX_ERROR_CHARACTERS = 4_000


class RunEnd(Struct, frozen=True):
    """How a run ends. `disables` is whether the schedule cannot run any more."""

    status: str
    error: str | None = None
    http_status: int | None = None
    disables: bool = False


async def begin_run(db: Database, run_id: str, now: datetime) -> RunEnd | None:
    """Makes a run the running one of its schedule. Returns its end if it must not run. A run that has begun already stays so."""
    try:
        async with db.transaction() as session:
            run = await session.get(ScheduleRun, run_id)
            if run is None:
                return RunEnd("skipped", DELETED)
            if run.status == "running":
                return None
            if run.status != "due":
                return RunEnd(run.status, run.error, run.http_status)
            run.status, run.started_at = "running", now
            await session.flush()
    except IntegrityError:
        return RunEnd("skipped", NOT_OVER)
    return None


async def read_call(db: Database, run_id: str, number: int) -> BackgroundCall | RunEnd:
    """The call of attempt `number` of a run, as its schedule is now; the end of the run if there is nothing to call."""
    async with db.session() as session:
        run = await session.get(ScheduleRun, run_id)
        if run is None:
            return RunEnd("skipped", DELETED)
        schedule = await session.scalar(
            select(TenantExtensionSchedule).where(
                TenantExtensionSchedule.id == run.schedule_id, TenantExtensionSchedule.tenant_id == run.tenant_id
            )
        )
        if schedule is None:
            return RunEnd("skipped", DELETED)
        if not schedule.enabled and run.cause == "schedule":
            return RunEnd("skipped", DISABLED)
        return await _call_of(session, run, schedule, number)


async def _call_of(session: AsyncSession, run: ScheduleRun, schedule: TenantExtensionSchedule, number: int) -> BackgroundCall | RunEnd:
    endpoint = await session.get(ExtensionApiEndpoint, schedule.endpoint_id)
    if endpoint is None:
        return RunEnd("error", ENDPOINT_GONE, disables=True)
    version = await session.scalar(
        select(TenantExtensionInstall.version_id).where(
            TenantExtensionInstall.id == schedule.install_id, TenantExtensionInstall.tenant_id == schedule.tenant_id
        )
    )
    if version is not None and version != endpoint.version_id:
        return RunEnd("error", OTHER_VERSION)
    return BackgroundCall(
        tenant_id=schedule.tenant_id,
        install_id=schedule.install_id,
        number=number,
        method=endpoint.method,
        path=endpoint.path,
        trigger="schedule",
        schedule_id=schedule.id,
        body_b64=_body(endpoint.method, schedule.payload_json),
    )


def _body(method: str, payload: object) -> bytes | None:
    """The body of a call: the payload as JSON; none for GET, and none without a payload."""
    return None if method == "GET" or payload is None else msgspec.json.encode(payload)


async def end_run(db: Database, run_id: str, end: RunEnd, *, attempts: int, repeats: int, now: datetime) -> None:
    """Records the end of a run, and with its schedule what the list of schedules shows. A run that has ended keeps its end."""
    async with db.transaction() as session:
        values = {
            "status": end.status,
            "error": None if end.error is None else end.error[:MAX_ERROR_CHARACTERS],
            "http_status": end.http_status,
            "attempts": attempts,
            "repeats": repeats,
            "finished_at": now,
        }
        ended = await session.scalar(
            update(ScheduleRun)
            .where(ScheduleRun.id == run_id, ScheduleRun.status.in_(("due", "running")))
            .values(values)
            .returning(ScheduleRun.schedule_id)
        )
        if ended is None or end.status == "skipped":
            return
        last = {"last_run_at": now, "last_run_status": end.status, "last_error": values["error"]}
        if end.disables:
            last["enabled"] = False
        await session.execute(update(TenantExtensionSchedule).where(TenantExtensionSchedule.id == ended).values(last))


def run_end(result: BackgroundResult) -> RunEnd:
    """The end of a run whose last attempt had this result."""
    if result.status == "success":
        return RunEnd("success", None, result.http_status)
    return RunEnd(result.status, result.error or result.code, result.http_status, disables=result.code == "endpoint_missing")
