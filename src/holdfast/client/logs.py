"""Reads the log lines of extensions from a gateway: the newest ones, those of one request, or all that come.

read ──▶ newest lines, positions ──▶ read after the positions ──▶ lines ──▶ pause (shorter while lines come) ──┐
                                              ▲     │ no response                                                │
                                              └─────┴──▶ reported once, the gateway is looked up again ◀─────────┘

A gateway that restarts, even at another address, loses nothing that it stores: positions stay valid.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from msgspec import Struct, field

from holdfast.client.connection import ServerDenied, ServerUnreachable, ServerUnusable, open_connection
from holdfast.client.gateway import GatewayUnreachable
from holdfast.client.location.connection import PlatformUnreachable
from holdfast.client.target import ServerTarget
from holdfast.errors import HoldfastError
from holdfast.platform.lock_file import NotRunning

PATH = "/api/ext-debug/logs"
PAUSE_SECONDS = (0.2, 1.0)
"""Between two requests that found nothing: it starts with the first and doubles up to the second."""
OUTAGE_SECONDS = 1.0

_TEMPORARY = frozenset({"debug_stream_unavailable", "internal_error", "stopping"})

CALL_ENDS = ("call finished:", "call failed:", "call refused:", "call not run again:")
"""How the last event of a call begins."""


class LogLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of an extension, or of the host about its calls. `ts` is milliseconds since the epoch."""

    ts: int
    level: str
    stream: str
    extension_id: str
    request_id: str | None = None
    message: str
    truncated: bool = False


class LogSelection(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which lines; as the body of the request to the gateway."""

    extensions: list[str] = field(default_factory=list)
    lines: int = 100
    level: str = "info"
    since_ms: int = 0
    request_id: str = ""


class LogLines(Struct, frozen=True, kw_only=True):
    """Lines, oldest first, the names of their extensions by id, and the positions after them."""

    events: list[LogLine]
    names: dict[str, str]
    after: dict[str, str]
    more: bool = False


async def read_logs(gateway: ServerTarget, selection: LogSelection, after: dict[str, str] | None = None) -> LogLines:
    """The newest lines, or those after the positions of an earlier result.

    Raises ServerUnreachable, ServerUnusable, ServerDenied.
    """
    body = msgspec.to_builtins(selection) | ({} if after is None else {"after": after})
    async with open_connection(gateway) as connection:
        found = await connection.call("POST", PATH, json=body)
    try:
        return msgspec.convert(found, LogLines)
    except msgspec.ValidationError:
        raise ServerUnusable(f"{gateway.url} responded with something else than log lines.", hint="Update the server.") from None


async def follow_logs(
    find: Callable[[], Awaitable[ServerTarget]],
    selection: LogSelection,
    report: Callable[[str], None],
    *,
    pause_seconds: tuple[float, float] = PAUSE_SECONDS,
    outage_seconds: float = OUTAGE_SECONDS,
) -> AsyncIterator[LogLines]:
    """Yields the newest lines, then all that come; never ends. `find` looks up the gateway, at the start and after an outage.

    `report` receives the start and the end of an outage. Raises what `read_logs` and `find` raise, at the start; later only what a new
    attempt cannot mend.
    """
    gateway = await find()
    found = await read_logs(gateway, selection)
    is_out, pause = False, pause_seconds[0]
    while True:
        if found.events:
            pause = pause_seconds[0]
            yield found
        if not found.more:
            await asyncio.sleep(outage_seconds if is_out else pause)
            pause = min(2 * pause, pause_seconds[1])
        try:
            if is_out:
                gateway = await find()
            found = await read_logs(gateway, selection, found.after)
        except HoldfastError as error:
            if not _is_outage(error, is_new=not is_out):
                raise
            if not is_out:
                report(f"{error.message} Waiting for it.")
            is_out, found = True, msgspec.structs.replace(found, events=[], more=False)
            continue
        if is_out:
            is_out = False
            report(f"{gateway.url} responds again.")


async def read_call(gateway: ServerTarget, extension: str, request_id: str, *, level: str, seconds: float) -> AsyncIterator[LogLine]:
    """Yields the lines of one call that has got its response. They arrive later: it waits for the last one, at most `seconds`.

    Raises ServerUnreachable, ServerUnusable, ServerDenied.
    """
    selection = LogSelection(extensions=[extension], request_id=request_id, level=level, lines=2_000)
    deadline, after = time.monotonic() + seconds, None
    while True:
        found = await read_logs(gateway, selection, after)
        for line in found.events:
            yield line
            if line.stream == "host" and line.message.startswith(CALL_ENDS):
                return
        if time.monotonic() > deadline:
            return
        after = found.after
        await asyncio.sleep(PAUSE_SECONDS[0] / 2)


def _is_outage(error: HoldfastError, *, is_new: bool) -> bool:
    """Whether the gateway may respond later. A key that is rejected may be one of before a restart, unless it was just looked up."""
    if isinstance(error, ServerDenied):
        return error.server_code in _TEMPORARY or (error.server_code == "unauthenticated" and is_new)
    return isinstance(error, ServerUnreachable | ServerUnusable | GatewayUnreachable | NotRunning | PlatformUnreachable)
