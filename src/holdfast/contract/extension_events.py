"""Events in responses: of the gateway's API, and of commands with `--json`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct


class EventInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event for one install. `status` is waiting, delivering, delivered, dead or dropped.

    `attempts` counts the calls of the endpoint. `available_at` is when a waiting event is delivered at the earliest.
    """

    id: str
    topic: str
    subject: str
    extension: str
    install_id: str
    status: str
    occurred_at: datetime
    available_at: datetime
    finished_at: datetime | None
    attempts: int
    out_of_order: bool
    http_status: int | None
    error: str | None


class EventDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event with the data that the endpoint receives."""

    event: EventInfo
    data: dict[str, Any]


class EventPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Events, the newest first. `next_cursor` is for the page after them, None at the end.

    `lost` is how many events the install, or all installs, never got, because too many were waiting.
    """

    events: list[EventInfo]
    lost: int
    next_cursor: str | None
