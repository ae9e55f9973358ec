"""The schedules of a running platform, which does the work."""

from __future__ import annotations

from typing import Any, TypeVar

from holdfast.client.location.connection import PlatformConnection
from holdfast.contract.schedules import InstallSchedules, RunInfo, RunPage, ScheduleInfo

T = TypeVar("T")


class PlatformSchedules:
    """The `Schedules` of one tenant of a running platform; None is the development tenant."""

    def __init__(self, connection: PlatformConnection, tenant: str | None) -> None:
        self._connection = connection
        self._tenant = tenant

    async def list_schedules(self, extension: str | None) -> list[InstallSchedules]:
        return await self._call("list_schedules", list[InstallSchedules], extension=extension)

    async def create(self, extension: str, fields: dict[str, Any]) -> ScheduleInfo:
        return await self._call("create", ScheduleInfo, extension=extension, fields=fields)

    async def update(self, extension: str, schedule_id: str, fields: dict[str, Any]) -> ScheduleInfo:
        return await self._call("update", ScheduleInfo, extension=extension, schedule_id=schedule_id, fields=fields)

    async def delete(self, extension: str, schedule_id: str) -> None:
        await self._call("delete", type(None), extension=extension, schedule_id=schedule_id)

    async def run_now(self, extension: str, schedule_id: str) -> RunInfo:
        return await self._call("run_now", RunInfo, extension=extension, schedule_id=schedule_id)

    async def get_run(self, extension: str, run_id: str) -> RunInfo:
        return await self._call("get_run", RunInfo, extension=extension, run_id=run_id)

    async def history(self, extension: str, schedule_id: str | None, *, limit: int, cursor: str | None) -> RunPage:
        return await self._call("history", RunPage, extension=extension, schedule_id=schedule_id, limit=limit, cursor=cursor)

    async def _call(self, operation: str, kind: type[T], **arguments: Any) -> T:
        return await self._connection.call(f"schedules.{operation}", kind, arguments, tenant=self._tenant)
