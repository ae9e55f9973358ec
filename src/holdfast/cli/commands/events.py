"""`holdfast events`: the events of installed extensions, their dead letters, and what to do with them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_lines, print_table
from holdfast.contract.extension_events import EventInfo

Status = Literal["waiting", "delivering", "delivered", "dead", "dropped"]

events = App(name="events", help="Show the events of installed extensions, and retry or drop dead letters.", version_flags=[])


@events.command(name="list")
async def list_events(
    name: str | None = None,
    /,
    *,
    status: Annotated[Status | None, Parameter(help="Only events in this status.", show_default=False)] = None,
    limit: Annotated[int, Parameter(help="Number of events, at most 200.", validator=Number(gte=1, lte=200))] = 25,
    cursor: Annotated[str | None, Parameter(help="The `nextCursor` of the page before, from --json.", show_default=False)] = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """List events, the newest first.

    A dead letter (`dead`) was given up; later events of its subject were delivered.

    Args:
        name: The extension's name, `publisher.name` or registry id. Default: all installed extensions.
    """
    async with open_registry(target) as registry:
        page = await registry.events(name, status=status, limit=limit, cursor=cursor)
    if json:
        print_json(msgspec.to_builtins(page))
        return
    if page.events:
        print_table(("ID", "OCCURRED", "TOPIC", "SUBJECT", "EXTENSION", "STATUS", "ATTEMPTS"), [_row(event) for event in page.events])
    else:
        note("There are no such events.")
    if page.lost:
        note(f"{page.lost:,} events were lost, because too many were waiting.")
    if page.next_cursor is not None:
        note(f"There are older events: --cursor {page.next_cursor}")


@events.command(name="show")
async def show_event(event: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show an event with its data, and how its last attempt ended.

    Args:
        event: The id of the event.
    """
    async with open_registry(target) as registry:
        details = await registry.event(event)
    if json:
        print_json(msgspec.to_builtins(details))
        return
    shown = msgspec.to_builtins(details.event)
    lines = [f"{name}: {value}" for name, value in shown.items() if value is not None]
    print_lines("\n".join([*lines, f"data: {msgspec.json.encode(details.data).decode()}"]))


@events.command(name="retry")
async def retry_event(event: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Deliver a dead letter again. A header tells the extension that it is out of order.

    Args:
        event: The id of the event.
    """
    async with open_registry(target) as registry:
        changed = await registry.retry_event(event)
    _print_change(changed, "is delivered again as soon as a scheduler is running", as_json=json)


@events.command(name="drop")
async def drop_event(event: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Give up an event that waits, or a dead letter.

    Later events of its subject need not wait for it any more. `holdfast events retry` undoes it.

    Args:
        event: The id of the event.
    """
    async with open_registry(target) as registry:
        changed = await registry.drop_event(event)
    _print_change(changed, "is dropped", as_json=json)


def _print_change(event: EventInfo, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"event": msgspec.to_builtins(event)})
        return
    print_lines(f"The event {event.topic} of {event.extension} {what}.")


def _row(event: EventInfo) -> tuple[str, ...]:
    status = f"{event.status} (out of order)" if event.out_of_order else event.status
    return (
        event.id,
        f"{event.occurred_at:%Y-%m-%d %H:%M:%S}",
        event.topic,
        event.subject,
        event.extension,
        status,
        str(event.attempts),
    )
