from __future__ import annotations

import pytest

from holdfast.bundles.manifest.fields.cron import CronError, check_cron


@pytest.mark.parametrize(
    "text",
    [
        *("*/5 * * * *", "*/7 * * * *", "*/10 * * * *", "0 * * * *", "0,5,55 * * * *", "7-57/10 * * * *", "5/15 * * * *"),
        *("0 9 * * *", "0 9 * * 1-5", "0 9 * * 0", "0 9 * * 7", "30 4 1,15 * *", "0 0 29 2 *", "58 23,0 * * *"),
        # A field that names every day limits nothing.
        *("0 9 * * 0-6", "0 9 1-31 * 1", "0 9 */1 * 1"),
    ],
)
def test_these_are_expressions_of_schedules(text: str) -> None:
    assert check_cron(text) == text


def test_blanks_between_fields_become_one() -> None:
    assert check_cron(" 0\t9  * * * ") == "0 9 * * *"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 9 * *", "Invalid cron expression (expected 5 fields: m h dom mon dow)"),
        ("0 0 9 * * *", "Invalid cron expression (expected 5 fields: m h dom mon dow)"),
        ("@daily", "Invalid cron expression (expected 5 fields: m h dom mon dow)"),
        ("0 9 * * MON", "Invalid cron expression (unsupported characters)"),
        ("0 9 L * *", "Invalid cron expression (unsupported characters)"),
        ("99 99 * * *", "Invalid cron expression (minute must be 0-59)"),
        ("0 24 * * *", "Invalid cron expression (hour must be 0-23)"),
        ("0 9 0 * *", "Invalid cron expression (day of the month must be 1-31)"),
        ("0 9 * 13 *", "Invalid cron expression (month must be 1-12)"),
        ("0 9 * * 8", "Invalid cron expression (day of the week must be 0-7)"),
        ("0 9-5 * * *", "Invalid cron expression (hour: 9-5 goes backwards)"),
        ("0 */0 * * *", "Invalid cron expression (hour: a step is at least 1)"),
        ("0 , * * *", "Invalid cron expression (hour: '' is not a number, a range or *)"),
        ("0 1--2 * * *", "Invalid cron expression (hour: '1--2' is not a number, a range or *)"),
        ("0 9 1 * 1", "Cron cannot set both day-of-month and day-of-week"),
        ("0 0 31 2 *", "Cron is never due: no such month has such a day"),
        ("0 0 31 4,6,9,11 *", "Cron is never due: no such month has such a day"),
        (f"{'0,' * 60}0 9 * * *", "Cron expression too long"),
    ],
)
def test_what_is_not_one_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(CronError) as refused:
        check_cron(text)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    "text",
    [
        *("* * * * *", "*/1 * * * *", "*/4 * * * *", "0-59 * * * *", "1-59/1 * * * *", "0-59/2 9 * * *", "0,1,2,3 * * * *"),
        # Another field does not make it rarer in the hour in which it is due.
        *("* 9 * * *", "*/2 * 1 * *", "0,3 9 * * 1", "59,0 * * * *", "0,58 22,23 * * *", "58,0 23,0 * * *"),
    ],
)
def test_no_spelling_gets_around_the_five_minutes(text: str) -> None:
    with pytest.raises(CronError, match="too frequent"):
        check_cron(text)
