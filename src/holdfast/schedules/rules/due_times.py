"""When a schedule is due: its cron expression in its time zone, on an instant's time line.

Clock changes, as Debian's cron has them. A schedule at fixed hours (neither its minute nor its hour begins with `*`) whose hour is skipped
is due right after it; in an hour that comes twice it is due once. Other schedules follow the clock: they are not due in a skipped hour, and
due in both of a repeated one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def due_times(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """The due times after the instant `after`, in UTC, without end; none when it is never due. `cron` and `timezone` are checked ones."""
    for due in CronSim(cron, after.astimezone(_zone(timezone))):
        yield due.astimezone(UTC)


def next_due(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first due time after the instant `after`, in UTC; None when there is none. None too for an expression or a time zone that is not
    valid: rows that others wrote may have any text."""
    try:
        return next(due_times(cron, timezone, after), None)
    except (CronSimError, ValueError, OSError, KeyError):
        return None
