"""The values that the fields of a schedule may have. Each function returns the value to store; its ValueError has a text for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from holdfast.bundles.manifest.fields.cron import check_cron
from holdfast.bundles.manifest.fields.time_zones import is_time_zone
from holdfast.schedules.errors import ScheduleInvalid

TIMEZONE_MAX_LENGTH = 64
NAME_MAX_LENGTH = 128
PAYLOAD_MAX_CHARACTERS = 100_000
UTC = "UTC"


def check_timezone(value: str | None) -> str:
    """The name of a time zone of the IANA database; UTC for none."""
    name = (value or "").strip()
    if not name:
        return UTC
    if len(name) > TIMEZONE_MAX_LENGTH:
        raise ValueError("Timezone too long")
    if not is_time_zone(name):
        raise ValueError("Invalid timezone")
    return name


def check_name(value: str | None) -> str | None:
    """The name without blanks around it; None for a blank one."""
    name = (value or "").strip()
    if len(name) > NAME_MAX_LENGTH:
        raise ValueError("Name too long")
    return name or None


def check_payload(value: Any) -> Any:
    """A JSON object or array, or None."""
    if value is None:
        return None
    if not isinstance(value, dict | list):
        raise ValueError("Payload must be a JSON object or array")
    if len(msgspec.json.encode(value).decode()) > PAYLOAD_MAX_CHARACTERS:
        raise ValueError("Payload too large")
    return value


CHECKS: dict[str, Callable[[Any], Any]] = {
    "cron": check_cron,
    "timezone": check_timezone,
    "name": check_name,
    "payload": check_payload,
    "enabled": bool,
}


def check_fields(given: dict[str, Any]) -> dict[str, Any]:
    """The values to store for the fields that are given. Raises ScheduleInvalid with a text for each field that is wrong."""
    checked: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in given.items():
        try:
            checked[name] = CHECKS[name](value)
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise ScheduleInvalid(errors)
    return checked
