"""One event of the debug stream, and the batch in which a runner sends events to the gateway."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Level = Literal["trace", "debug", "info", "warn", "error"]
Stream = Literal["log", "stdout", "stderr", "host"]


class DebugEvent(Struct, frozen=True, kw_only=True):
    """Something that happened in a call.

    `ts` is milliseconds since the epoch. `stream` names the source: `log` is the guest's logging interface, `stdout` and `stderr` its
    standard streams, `host` the host itself. `extension_id` is the registry id. `message` is already redacted and cut; `truncated` says
    whether its end was cut off.
    """

    ts: int
    level: Level
    stream: Stream
    tenant_id: str
    extension_id: str
    install_id: str | None = None
    request_id: str | None = None
    version_id: str | None = None
    content_hash: str | None = None
    message: str
    truncated: bool = False


MAX_LOG_LINES = 2_000
"""Most lines of one response of `POST /api/ext-debug/logs`, and events of one extension that it looks through."""


class EventBatch(Struct, frozen=True):
    """The body of `POST /api/internal/ext-debug/events`: events of any tenants, oldest first."""

    events: list[DebugEvent]
