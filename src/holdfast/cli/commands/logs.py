"""`holdfast logs`: what extensions log, and how their calls ended."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from holdfast.cli.terminal.clients import warn_when_unencrypted
from holdfast.cli.terminal.options import HERE, TargetOptions
from holdfast.cli.terminal.printing import note
from holdfast.cli.terminal.results.log_lines import LogPrinter, print_json_line
from holdfast.client.gateway import find_gateway
from holdfast.client.logs import LogLines, LogSelection, follow_logs, read_logs
from holdfast.client.target import ServerTarget
from holdfast.contract.debug_event import MAX_LOG_LINES
from holdfast.errors import HoldfastError

LogLevel = Literal["debug", "info", "warn", "error"]

_SPAN = re.compile(r"(\d{1,9})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class LogOptionInvalid(HoldfastError):
    """Raised when --since is neither a length of time nor a time, or --lines is out of range."""

    code = "log_option_invalid"
    status = 400


async def logs(
    *names: str,
    follow: Annotated[bool, Parameter(("--follow", "-f"), negative="", help="Go on with new lines, until you press Ctrl-C.")] = False,
    lines: Annotated[int, Parameter(("--lines", "-n"), help=f"Number of earlier lines, at most {MAX_LOG_LINES:,}.")] = 100,
    since: Annotated[
        str | None, Parameter(help="Only lines since then: 30s, 10m, 2h, 1d, or a time such as 2026-11-30T09:00.", show_default=False)
    ] = None,
    level: Annotated[LogLevel, Parameter(help="Lowest level.")] = "info",
    request: Annotated[str, Parameter(help="Only lines of this request: its id, or the beginning of it.", show_default=False)] = "",
    target: TargetOptions = HERE,
    json: Annotated[bool, Parameter("--json", negative="", help="Print each line as one JSON object.")] = False,
) -> None:
    """Show what extensions log, and how their calls ended.

    These are the handlers' log lines, their output on stdout and stderr, stacks of errors, and start and end of each call; --level debug
    adds each host call. Values of secrets are masked. The platform keeps the last 2,000 lines of each extension until it stops, or longer
    in Redis. --follow waits for a platform that restarts.

    Args:
        names: Names, `publisher.name` or registry ids of extensions. Default: all installed extensions.
    """
    if not 0 <= lines <= MAX_LOG_LINES:
        raise LogOptionInvalid(f"--lines must be from 0 to {MAX_LOG_LINES}.", hint="Filter with --since, --level or --request.")
    selection = LogSelection(
        extensions=list(names), lines=lines, level=level, since_ms=0 if since is None else parse_since(since), request_id=request
    )
    warn_when_unencrypted(target.server_target())
    show = _printer(as_json=json, with_names=len(names) != 1)
    reports = iter([note])

    async def find() -> ServerTarget:
        # Where the command works is reported once, not after each outage.
        return await find_gateway(target, next(reports, lambda line: None))

    if not follow:
        found = await read_logs(await find(), selection)
        show(found)
        if not found.events and not json:
            note("No lines match.")
        return
    async for found in follow_logs(find, selection, note):
        show(found)


def parse_since(text: str, now: float | None = None) -> int:
    """A length of time before `now` (seconds since the epoch), or a time, as milliseconds since the epoch. Raises LogOptionInvalid."""
    span = _SPAN.fullmatch(text.strip().lower())
    if span is not None:
        return round(((time.time() if now is None else now) - int(span[1]) * _SECONDS[span[2]]) * 1_000)
    try:
        return round(datetime.fromisoformat(text.strip()).timestamp() * 1_000)
    except (ValueError, OverflowError):
        raise LogOptionInvalid(f"{text!r} is not a time.", hint="Write 30s, 10m, 2h, 1d, or a time such as 2026-11-30T09:00.") from None


def _printer(*, as_json: bool, with_names: bool) -> Callable[[LogLines], None]:
    printer = LogPrinter(sys.stdout, with_names=with_names)
    print_line = print_json_line if as_json else printer.print

    def show(found: LogLines) -> None:
        for line in found.events:
            print_line(line, found.names)
        sys.stdout.flush()

    return show
