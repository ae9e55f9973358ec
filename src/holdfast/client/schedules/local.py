"""The schedules of a data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from holdfast.client.data_folder import open_records, require_tenant
from holdfast.contract.schedules import InstallSchedules, RunInfo, RunPage, ScheduleInfo
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.schedules.definitions.history import CursorInvalid
from holdfast.schedules.definitions.service import ScheduleService
from holdfast.schedules.errors import ScheduleError
from holdfast.schedules.need import is_scheduler_alive
from holdfast.settings import Settings


class LocalSchedules:
    """The `Schedules` of a tenant in a database. `starts_scheduler`: a platform starts a scheduler as soon as a run is due."""

    def __init__(self, db: Database, tenant_id: str, *, lease: timedelta, starts_scheduler: bool) -> None:
        self._db = db
        self._tenant_id = tenant_id
        self._actor = local_actor(tenant_id)
        self._service = ScheduleService(db)
        self._lease = lease
        self._starts_scheduler = starts_scheduler

    async def list_schedules(self, extension: str | None) -> list[InstallSchedules]:
        return await self._service.list_by_install(self._tenant_id, extension)

    async def create(self, extension: str, fields: dict[str, Any]) -> ScheduleInfo:
        return await self._service.create(*await self._install(extension), actor=self._actor, **fields)

    async def update(self, extension: str, schedule_id: str, fields: dict[str, Any]) -> ScheduleInfo:
        return await self._service.update(*await self._install(extension), schedule_id, actor=self._actor, **fields)

    async def delete(self, extension: str, schedule_id: str) -> None:
        await self._service.delete(*await self._install(extension), schedule_id, actor=self._actor)

    async def run_now(self, extension: str, schedule_id: str) -> RunInfo:
        install = await self._install(extension)
        if not (self._starts_scheduler or await is_scheduler_alive(self._db, utc_now(), self._lease)):
            raise ScheduleError(
                "scheduler_not_running",
                "No scheduler is running, so nothing would start the run.",
                hint="Start the platform with `holdfast up`, then run the schedule again.",
            )
        return await self._service.run_now(*install, schedule_id, actor=self._actor)

    async def get_run(self, extension: str, run_id: str) -> RunInfo:
        return await self._service.get_run(*await self._install(extension), run_id)

    async def history(self, extension: str, schedule_id: str | None, *, limit: int, cursor: str | None) -> RunPage:
        install = await self._install(extension)
        try:
            return await self._service.history(*install, schedule_id, limit=limit, cursor=cursor)
        except ValueError:
            raise CursorInvalid from None

    async def _install(self, extension: str) -> tuple[str, str]:
        return self._tenant_id, await self._service.install_id_of(self._tenant_id, extension)


@asynccontextmanager
async def open_local_schedules(settings: Settings, tenant: str | None) -> AsyncIterator[LocalSchedules]:
    """The schedules of a tenant (None: the development tenant) in a data folder. Raises AccountError (`tenant_unknown`)."""
    async with open_records(settings, uses_development_tenant=tenant is None) as db:
        lease = timedelta(seconds=settings.scheduler_lease_seconds)
        yield LocalSchedules(db, await require_tenant(db, tenant), lease=lease, starts_scheduler=False)
