"""What commands do with schedules: `local` does it on a data folder, `http` on a server."""

from __future__ import annotations

from typing import Any, Protocol

from holdfast.contract.schedules import InstallSchedules, RunInfo, RunPage, ScheduleInfo


class Schedules(Protocol):
    """The schedules of one tenant. `extension` is as in `Registry`. Every method raises HoldfastError."""

    async def list_schedules(self, extension: str | None) -> list[InstallSchedules]:
        """The schedules of one install, or (None) of every enabled install that has some."""
        ...

    async def create(self, extension: str, fields: dict[str, Any]) -> ScheduleInfo:
        """Creates a schedule. `fields`: endpoint, cron, and what else there is of timezone, enabled, name, payload."""
        ...

    async def update(self, extension: str, schedule_id: str, fields: dict[str, Any]) -> ScheduleInfo:
        """Changes the fields that are given; None clears name and payload."""
        ...

    async def delete(self, extension: str, schedule_id: str) -> None:
        """Deletes a schedule; its history stays."""
        ...

    async def run_now(self, extension: str, schedule_id: str) -> RunInfo:
        """Adds a run that a scheduler starts. Raises ScheduleError (`scheduler_not_running`) on a data folder without a scheduler."""
        ...

    async def get_run(self, extension: str, run_id: str) -> RunInfo:
        """One run."""
        ...

    async def history(self, extension: str, schedule_id: str | None, *, limit: int, cursor: str | None) -> RunPage:
        """The runs of a schedule, or (None) of all of an install, the newest first."""
        ...
