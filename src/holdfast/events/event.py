"""One debug event, the batch it travels in, and what takes events in."""

from __future__ import annotations

import time
from typing import Literal, Protocol

from msgspec import Struct

Level = Literal["trace", "debug", "info", "warn", "error"]
Stream = Literal["log", "stdout", "stderr", "host"]


class DebugEvent(Struct, frozen=True, kw_only=True):
    """Something that happened in a call.

    `ts` is milliseconds since the epoch. `stream` says who spoke: `log` is the guest's logging interface, `stdout` and `stderr` its
    standard streams, `host` the host itself. `extension_id` is the registry id. `message` is already redacted and cut; `truncated` says
    that something was cut off its end.
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


class EventBatch(Struct, frozen=True):
    """The body of `POST /api/internal/ext-debug/events`: events of any tenants, oldest first."""

    events: list[DebugEvent]


class EventSink(Protocol):
    """Takes events in. `publish` never blocks, never raises and keeps a bounded number of events."""

    def publish(self, event: DebugEvent) -> None: ...


def notice(tenant_id: str, extension_id: str, message: str, *, level: Level = "warn") -> DebugEvent:
    """What the host says about the stream of an extension itself, now: of no call and no install."""
    now = time.time_ns() // 1_000_000
    return DebugEvent(ts=now, level=level, stream="host", tenant_id=tenant_id, extension_id=extension_id, message=message)
