"""Due times of a year against a list that is computed another way: by walking the minutes, or the dates, of the year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest

from holdfast.schedules.rules.due_times import due_times, next_due

YEAR = 2026
START, END = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
# Two hemispheres, a change of half an hour (Lord Howe), a change at midnight (Santiago), and a zone without changes.
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata"]
MINUTE = timedelta(minutes=1)


def year_of(cron: str, zone: str) -> list[datetime]:
    return list(takewhile(lambda due: due < END, due_times(cron, zone, START)))


def wall_times(zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Every minute of the year after its start, as an instant and on the clock of the zone."""
    instant = START + MINUTE
    while instant < END:
        yield instant, instant.astimezone(zone)
        instant += MINUTE


@pytest.mark.parametrize("zone", ZONES)
def test_a_schedule_that_follows_the_clock_is_due_whenever_the_clock_shows_it(zone: str) -> None:
    half_hours, hourly_on_mondays = [], []
    for instant, wall in wall_times(ZoneInfo(zone)):
        if wall.minute in (0, 30):
            half_hours.append(instant)
        if wall.minute == 20 and wall.isoweekday() == 1:
            hourly_on_mondays.append(instant)
    assert year_of("*/30 * * * *", zone) == half_hours
    assert year_of("20 * * * 1", zone) == hourly_on_mondays


def first_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant at which a clock first shows a time, or, where it is skipped, the first instant after the gap."""
    wall = datetime.combine(day, at)
    before = datetime.combine(day, at, tzinfo=zone).astimezone(UTC) - timedelta(hours=3)
    instant = before
    while instant.astimezone(zone).replace(tzinfo=None) < wall:
        instant += MINUTE
    return instant


@pytest.mark.parametrize("zone", ZONES)
def test_a_schedule_at_a_fixed_hour_is_due_once_on_each_of_its_days(zone: str) -> None:
    days = [date(YEAR, 1, 1) + timedelta(days=number) for number in range(-1, 366)]
    for cron, at, weekdays in (
        ("30 2 * * *", time(2, 30), range(1, 8)),
        ("15 0 * * *", time(0, 15), range(1, 8)),
        ("0 9 * * 1-5", time(9), range(1, 6)),
    ):
        expected = [first_instant(day, at, ZoneInfo(zone)) for day in days if day.isoweekday() in weekdays]
        assert year_of(cron, zone) == [due for due in expected if START < due < END]


def test_a_leap_day_is_found_and_what_is_not_valid_is_never_due() -> None:
    assert next_due("0 0 29 2 *", "UTC", datetime(2025, 3, 1, tzinfo=UTC)) == datetime(2028, 2, 29, tzinfo=UTC)
    # Rows that others wrote may have any text.
    assert next_due("0 0 31 2 *", "UTC", START) is None
    assert next_due("nonsense", "UTC", START) is None
    assert next_due("0 0 * * *", "Nowhere/Land", START) is None
    assert next_due("0 0 * * *", "../etc/passwd", START) is None


def test_a_due_time_is_after_the_given_instant() -> None:
    nine = datetime(YEAR, 6, 1, 9, tzinfo=UTC)
    assert next_due("0 9 * * *", "UTC", nine) == nine + timedelta(days=1)
    assert next_due("0 9 * * *", "UTC", nine - timedelta(microseconds=1)) == nine
