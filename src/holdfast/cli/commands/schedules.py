"""`holdfast schedules`: the schedules of installed extensions, and their runs."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from time import monotonic
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from holdfast.cli.terminal.clients import open_schedules
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_lines, print_table
from holdfast.client.schedules.protocol import Schedules
from holdfast.contract.schedules import InstallSchedules, RunInfo, ScheduleInfo
from holdfast.schedules.errors import ScheduleError, ScheduleInvalid

schedules = App(name="schedules", help="Show, create, change and run the schedules of installed extensions.", version_flags=[])

POLL_SECONDS = 0.5
"""Time between two looks at a run that has not ended."""

Timezone = Annotated[str | None, Parameter(help="Time zone, such as Europe/Berlin.", show_default=False)]
Payload = Annotated[str | None, Parameter(help="JSON object or array that is the body of each call.", show_default=False)]
Label = Annotated[str | None, Parameter("--name", help="Name of the schedule, unique in the extension.", show_default=False)]


@schedules.command(name="list")
async def list_schedules(extension: str | None = None, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the schedules of an installed extension, or of all.

    Args:
        extension: The extension's name, `publisher.name` or registry id. Default: all enabled installs.
    """
    async with open_schedules(target) as client:
        found = await client.list_schedules(extension)
    if json:
        print_json({"installs": msgspec.to_builtins(found)})
        return
    rows = [_row(install, schedule) for install in found for schedule in install.schedules]
    if rows:
        print_table(("EXTENSION", "NAME", "CRON", "TIME ZONE", "ENDPOINT", "STATE", "NEXT", "LAST", "ID"), rows)
    else:
        note("There are no schedules.")


@schedules.command(name="show")
async def show_schedule(extension: str, schedule: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show a schedule with its payload and its last error.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        schedule: The name or id of the schedule.
    """
    async with open_schedules(target) as client:
        found = await _find(client, extension, schedule)
    _print_schedule(found, as_json=json)


@schedules.command
async def create(
    extension: str,
    endpoint: str,
    cron: str,
    /,
    *,
    name: Label = None,
    timezone: Timezone = None,
    payload: Payload = None,
    disabled: Annotated[bool, Parameter(negative="", help="Create it disabled.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Create a schedule.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        endpoint: The endpoint to call, such as "POST /daily".
        cron: Minute, hour, day of the month, month and day of the week, such as "0 9 * * *".
    """
    fields: dict[str, Any] = {"endpoint": endpoint, "cron": cron, "enabled": not disabled, **_given(name, timezone, payload)}
    async with open_schedules(target) as client:
        created = await client.create(extension, fields)
    _print_schedule(created, as_json=json)


@schedules.command
async def update(
    extension: str,
    schedule: str,
    /,
    *,
    endpoint: Annotated[str | None, Parameter(help='Endpoint to call, such as "POST /daily".', show_default=False)] = None,
    cron: Annotated[str | None, Parameter(help='When it is due, such as "0 9 * * *".', show_default=False)] = None,
    name: Label = None,
    timezone: Timezone = None,
    payload: Payload = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Change a schedule. What you do not give stays as it is.

    An empty --name or --payload removes it.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        schedule: The name or id of the schedule.
    """
    fields = {
        **_given(name, timezone, payload),
        **({} if endpoint is None else {"endpoint": endpoint}),
        **({} if cron is None else {"cron": cron}),
    }
    if not fields:
        raise ScheduleInvalid({"schedule": "nothing to change was given; add an option such as --cron"})
    await _change(target, extension, schedule, fields, as_json=json)


@schedules.command
async def enable(extension: str, schedule: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Enable a schedule.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        schedule: The name or id of the schedule.
    """
    await _change(target, extension, schedule, {"enabled": True}, as_json=json)


@schedules.command
async def disable(extension: str, schedule: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Disable a schedule and keep its history.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        schedule: The name or id of the schedule.
    """
    await _change(target, extension, schedule, {"enabled": False}, as_json=json)


@schedules.command(name="delete")
async def delete_schedule(extension: str, schedule: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Delete a schedule. A run that has begun is completed.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        schedule: The name or id of the schedule.
    """
    async with open_schedules(target) as client:
        found = await _find(client, extension, schedule)
        await client.delete(extension, found.id)
    if json:
        print_json({"id": found.id})
    else:
        print_lines(f"Deleted the schedule {found.name or found.id}")


@schedules.command
async def run(
    extension: str,
    schedule: str,
    /,
    *,
    no_wait: Annotated[bool, Parameter(negative="", help="Print the id of the run, and do not wait for its end.")] = False,
    timeout: Annotated[int, Parameter(help="Longest wait for its end, in seconds.", validator=Number(gte=1, lte=86_400))] = 600,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Run a schedule now, even a disabled one, and wait for the end of the run.

    The exit code is 1 when the run failed, or has not ended within the timeout.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        schedule: The name or id of the schedule.
    """
    async with open_schedules(target) as client:
        found = await _find(client, extension, schedule)
        started = await client.run_now(extension, found.id)
        ended = started if no_wait else await _wait(client, extension, started, timeout)
    if json:
        print_json({"run": msgspec.to_builtins(ended)})
    elif no_wait:
        print_lines(ended.id)
    else:
        print_lines(f"{ended.status}: {found.name or found.id}, {_milliseconds(ended)} ms, {ended.attempts} attempts")
        if ended.error is not None:
            note(ended.error)
    if not no_wait and ended.status != "success":
        sys.exit(1)


@schedules.command
async def history(
    extension: str,
    schedule: str | None = None,
    /,
    *,
    limit: Annotated[int, Parameter(help="Number of runs, at most 200.", validator=Number(gte=1, lte=200))] = 25,
    cursor: Annotated[str | None, Parameter(help="The `nextCursor` of the page before, from --json.", show_default=False)] = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """List runs, the newest first, with how they ended.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        schedule: The name or id of the schedule. Default: all of the extension, and those that were deleted.
    """
    async with open_schedules(target) as client:
        names = {one.id: one.name or one.id for install in await client.list_schedules(extension) for one in install.schedules}
        schedule_id = None if schedule is None else next((key for key, name in names.items() if name == schedule), schedule)
        page = await client.history(extension, schedule_id, limit=limit, cursor=cursor)
    if json:
        print_json(msgspec.to_builtins(page))
        return
    if page.runs:
        headings = ("DUE", "SCHEDULE", "CAUSE", "STARTED", "MS", "STATUS", "ATTEMPTS", "ERROR")
        print_table(headings, [_run_row(one, names.get(one.schedule_id, one.schedule_id)) for one in page.runs])
    else:
        note("There are no runs.")
    if page.next_cursor is not None:
        note(f"There are older runs: --cursor {page.next_cursor}")


async def _find(client: Schedules, extension: str, schedule: str) -> ScheduleInfo:
    """The schedule with this id or, else, this name. Raises ScheduleError."""
    found = [one for install in await client.list_schedules(extension) for one in install.schedules if schedule in (one.id, one.name)]
    if not found:
        raise ScheduleError(
            "schedule_not_found", f"{extension} has no schedule {schedule!r}.", hint="`holdfast schedules list` shows what there is."
        )
    return min(found, key=lambda one: one.id != schedule)


async def _change(target: TargetOptions, extension: str, schedule: str, fields: dict[str, Any], *, as_json: bool) -> None:
    async with open_schedules(target) as client:
        found = await _find(client, extension, schedule)
        changed = await client.update(extension, found.id, fields)
    _print_schedule(changed, as_json=as_json)


async def _wait(client: Schedules, extension: str, run: RunInfo, timeout: int) -> RunInfo:
    """The run after its end. Raises ScheduleError (`schedule_run_unfinished`)."""
    end = monotonic() + timeout
    while run.finished_at is None:
        if monotonic() >= end:
            what = "No scheduler has started the run" if run.status == "due" else "The run has not ended"
            raise ScheduleError(
                "schedule_run_unfinished", f"{what} {run.id} within {timeout} s.", hint="`holdfast schedules history` shows how it ends."
            )
        await asyncio.sleep(POLL_SECONDS)
        run = await client.get_run(extension, run.id)
    return run


def _given(name: str | None, timezone: str | None, payload: str | None) -> dict[str, Any]:
    """The fields of the options that are given. Raises ScheduleInvalid for a payload that is not JSON."""
    fields: dict[str, Any] = {}
    if name is not None:
        fields["name"] = name or None
    if timezone is not None:
        fields["timezone"] = timezone
    if payload is not None:
        try:
            fields["payload"] = msgspec.json.decode(payload) if payload else None
        except msgspec.DecodeError as error:
            raise ScheduleInvalid({"payload": f"not JSON: {error}"}) from None
    return fields


def _print_schedule(schedule: ScheduleInfo, *, as_json: bool) -> None:
    if as_json:
        print_json({"schedule": msgspec.to_builtins(schedule)})
        return
    lines = [
        ("id", schedule.id),
        ("endpoint", _endpoint(schedule)),
        ("due", f"{schedule.cron} {schedule.timezone}"),
        ("state", "enabled" if schedule.enabled else "disabled"),
        ("next", _time(schedule.next_due_at)),
        ("last run", _last(schedule)),
        *([("error", schedule.last_error)] if schedule.last_error else []),
        *([("payload", msgspec.json.encode(schedule.payload).decode())] if schedule.payload is not None else []),
    ]
    print_lines(schedule.name or "(no name)", *(f"  {name:<10} {text}" for name, text in lines))


def _row(install: InstallSchedules, schedule: ScheduleInfo) -> tuple[str, ...]:
    return (
        install.extension,
        schedule.name or "",
        schedule.cron,
        schedule.timezone,
        _endpoint(schedule),
        "enabled" if schedule.enabled else "disabled",
        _time(schedule.next_due_at),
        _last(schedule),
        schedule.id,
    )


def _run_row(run: RunInfo, name: str) -> tuple[str, ...]:
    return (
        _time(run.due_at),
        name,
        run.cause,
        _time(run.started_at),
        _milliseconds(run),
        run.status,
        str(run.attempts),
        run.error or "",
    )


def _endpoint(schedule: ScheduleInfo) -> str:
    return f"{schedule.endpoint_method} {schedule.endpoint_path}" if schedule.endpoint_method else "an endpoint that no longer exists"


def _last(schedule: ScheduleInfo) -> str:
    return "-" if schedule.last_run_at is None else f"{schedule.last_run_status} {_time(schedule.last_run_at)}"


def _time(instant: datetime | None) -> str:
    return "-" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S}Z"


def _milliseconds(run: RunInfo) -> str:
    if run.started_at is None or run.finished_at is None:
        return "-"
    return f"{(run.finished_at - run.started_at).total_seconds() * 1000:.0f}"
