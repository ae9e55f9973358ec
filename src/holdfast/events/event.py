"""What accepts debug events, and events that the host itself writes."""

from __future__ import annotations

import time
from typing import Protocol

from holdfast.contract.debug_event import DebugEvent, Level


class EventSink(Protocol):
    """Takes events in. `publish` never blocks, never raises and keeps a bounded number of events."""

    def publish(self, event: DebugEvent) -> None: ...


def notice(tenant_id: str, extension_id: str, message: str, *, level: Level = "warn") -> DebugEvent:
    """What the host says about the stream of an extension itself, now: of no call and no install."""
    now = time.time_ns() // 1_000_000
    return DebugEvent(ts=now, level=level, stream="host", tenant_id=tenant_id, extension_id=extension_id, message=message)
