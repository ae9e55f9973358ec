"""The schedules of a server, over its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from holdfast.client.connection import ServerConnection, open_connection
from holdfast.client.decoding import read_shape
from holdfast.client.registry.http import path_segment
from holdfast.client.target import ServerTarget
from holdfast.contract.schedules import InstallSchedules, RunInfo, RunPage, ScheduleInfo


class ServerSchedules:
    """The `Schedules` of a server, for the tenant of the API key."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def list_schedules(self, extension: str | None) -> list[InstallSchedules]:
        query = {} if extension is None else {"extension": extension}
        return read_shape(list[InstallSchedules], await self._connection.call("GET", "/api/v1/schedules", query=query), "installs")

    async def create(self, extension: str, fields: dict[str, Any]) -> ScheduleInfo:
        return read_shape(ScheduleInfo, await self._connection.call("POST", f"{_install(extension)}/schedules", json=fields), "schedule")

    async def update(self, extension: str, schedule_id: str, fields: dict[str, Any]) -> ScheduleInfo:
        return read_shape(ScheduleInfo, await self._connection.call("PATCH", _schedule(extension, schedule_id), json=fields), "schedule")

    async def delete(self, extension: str, schedule_id: str) -> None:
        await self._connection.call("DELETE", _schedule(extension, schedule_id))

    async def run_now(self, extension: str, schedule_id: str) -> RunInfo:
        return read_shape(RunInfo, await self._connection.call("POST", f"{_schedule(extension, schedule_id)}/run-now"), "run")

    async def get_run(self, extension: str, run_id: str) -> RunInfo:
        path = f"{_install(extension)}/schedule-runs/{path_segment(run_id)}"
        return read_shape(RunInfo, await self._connection.call("GET", path), "run")

    async def history(self, extension: str, schedule_id: str | None, *, limit: int, cursor: str | None) -> RunPage:
        path = f"{_install(extension)}/schedule-runs" if schedule_id is None else f"{_schedule(extension, schedule_id)}/runs"
        query = {"limit": str(limit), **({} if cursor is None else {"cursor": cursor})}
        return read_shape(RunPage, await self._connection.call("GET", path, query=query))


@asynccontextmanager
async def open_server_schedules(target: ServerTarget) -> AsyncIterator[ServerSchedules]:
    """The schedules of a server's tenant, for one command."""
    async with open_connection(target) as connection:
        yield ServerSchedules(connection)


def _install(extension: str) -> str:
    return f"/api/v1/extensions/{path_segment(extension)}"


def _schedule(extension: str, schedule_id: str) -> str:
    return f"{_install(extension)}/schedules/{path_segment(schedule_id)}"
