"""The sink protocol, and events that the host itself writes. The event type is in `holdfast.contract.debug_event`."""

from __future__ import annotations

import time
from typing import Protocol

from holdfast.contract.debug_event import DebugEvent, Level


class EventSink(Protocol):
    """Accepts events. `publish` never blocks, never raises, and keeps a limited number of events."""

    def publish(self, event: DebugEvent) -> None: ...


def notice(tenant_id: str, extension_id: str, message: str, *, level: Level = "warn") -> DebugEvent:
    """A message of the host about the stream of an extension, at the current time. It belongs to no call and no install."""
    now = time.time_ns() // 1_000_000
    return DebugEvent(ts=now, level=level, stream="host", tenant_id=tenant_id, extension_id=extension_id, message=message)
