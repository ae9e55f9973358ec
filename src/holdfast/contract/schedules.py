"""Schedules in responses: of the internal API `ext-scheduler`, of the gateway's API, and of commands with `--json`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct


class ScheduleInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule. `endpoint_path` and `endpoint_method` are empty when the endpoint is gone; `payload` is JSON."""

    id: str
    endpoint_path: str
    endpoint_method: str
    name: str | None
    cron: str
    timezone: str
    enabled: bool
    payload: Any
    last_run_at: datetime | None
    last_run_status: str | None
    last_error: str | None
    created_at: datetime
    next_due_at: datetime | None


class InstallSchedules(Struct, frozen=True, kw_only=True, rename="camel"):
    """The schedules of an install, the oldest first. `extension` is `publisher.name`."""

    extension: str
    install_id: str
    schedules: list[ScheduleInfo]


class EndpointInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """An endpoint of the installed version. `schedulable`: GET or POST, and no parameters in the path."""

    id: str
    method: str
    path: str
    handler: str
    schedulable: bool


class RunInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """A run. `cause` is `schedule` or `manual`; `status` is one of due, running, success, error, skipped, missed."""

    id: str
    schedule_id: str
    cause: str
    due_at: datetime
    status: str
    attempts: int
    repeats: int
    http_status: int | None
    error: str | None
    started_at: datetime | None
    finished_at: datetime | None


class RunPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Runs, the newest first. `next_cursor` is for the page after them, None at the end."""

    runs: list[RunInfo]
    next_cursor: str | None
