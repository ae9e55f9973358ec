"""Cron expressions: five fields, numeric, at least five minutes between two due times.

Syntax: a field is a list of `*`, `n` or `n-m`, each with an optional step `/s`. Days of the week are 0 to 7; 0 and 7 are Sunday. An
expression may limit the days of the month or those of the week, not both: crons disagree on what both mean.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from itertools import pairwise

CRON_MAX_LENGTH = 128
MIN_MINUTES = 5
"""Two due times of a schedule are at least so many minutes apart."""

_FIELD = re.compile(r"[0-9*/,-]+")
_PART = re.compile(r"(?:\*|([0-9]{1,4})(?:-([0-9]{1,4}))?)(?:/([0-9]{1,4}))?")
_EVERY = re.compile(r"\*/[0-9]+")
"""`*/7` is due at :56 and at :00. It is a usual expression, and no way to run more often."""
_NAMES = ("minute", "hour", "day of the month", "month", "day of the week")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_LEAP_YEAR, _OTHER_YEAR = 2024, 2023


class CronError(ValueError):
    """Raised for text that is not the cron expression of a schedule. The text says why, for the author."""


def check_cron(text: str) -> str:
    """The expression with one blank between its fields. Raises CronError."""
    if len(text) > CRON_MAX_LENGTH:
        raise CronError("Cron expression too long")
    fields = text.split()
    if len(fields) != len(_NAMES):
        raise CronError("Invalid cron expression (expected 5 fields: m h dom mon dow)")
    if not all(_FIELD.fullmatch(one) for one in fields):
        raise CronError("Invalid cron expression (unsupported characters)")
    minutes, hours, days, months, weekdays = (
        _values(field, name, low, high) for field, name, (low, high) in zip(fields, _NAMES, _RANGES, strict=True)
    )
    limits_days, limits_weekdays = len(days) < 31, not set(range(7)) <= {day % 7 for day in weekdays}
    if limits_days and limits_weekdays:
        raise CronError("Cron cannot set both day-of-month and day-of-week")
    if not any(day <= _longest(month) for month in months for day in days):
        raise CronError("Cron is never due: no such month has such a day")
    if _shortest_gap(minutes, hours, wraps=_EVERY.fullmatch(fields[0]) is None) < MIN_MINUTES:
        raise CronError(f"Cron too frequent (minimum interval is {MIN_MINUTES} minutes)")
    return " ".join(fields)


def _values(field: str, name: str, low: int, high: int) -> frozenset[int]:
    """The values that a field allows."""
    return frozenset(value for part in field.split(",") for value in _part(part, name, low, high))


def _part(part: str, name: str, low: int, high: int) -> Iterable[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise CronError(f"Invalid cron expression ({name}: {part!r} is not a number, a range or *)")
    first, last, step = match.groups()
    if step is not None and int(step) == 0:
        raise CronError(f"Invalid cron expression ({name}: a step is at least 1)")
    start = low if first is None else int(first)
    # `5/15` counts from 5 to the end, as in other crons.
    end = high if first is None or (last is None and step is not None) else int(last or first)
    if not low <= start <= high or not low <= end <= high:
        raise CronError(f"Invalid cron expression ({name} must be {low}-{high})")
    if end < start:
        raise CronError(f"Invalid cron expression ({name}: {start}-{end} goes backwards)")
    return range(start, end + 1, int(step or 1))


def _longest(month: int) -> int:
    return max(calendar.monthrange(year, month)[1] for year in (_LEAP_YEAR, _OTHER_YEAR))


def _shortest_gap(minutes: frozenset[int], hours: frozenset[int], *, wraps: bool) -> int:
    """The least minutes between two due times, whatever spelling: lists and ranges count as what they mean.

    Days are taken as following one another, so that 23:58 and 00:00 are two minutes apart. Without `wraps`, the step from one hour to the
    next does not count.
    """
    ordered = sorted(minutes)
    gaps = [after - before for before, after in pairwise(ordered)]
    if wraps and any((hour + 1) % 24 in hours for hour in hours):
        gaps.append(ordered[0] + 60 - ordered[-1])
    return min(gaps, default=60)
