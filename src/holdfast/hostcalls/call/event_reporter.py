"""Publishes the debug events of one call: redacted, truncated, limited in number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from holdfast.contract.debug_event import DebugEvent, Level, Stream
from holdfast.events import EventSink, Redactor
from holdfast.hostcalls.call.context import CallContext


def epoch_ms() -> int:
    return time.time_ns() // 1_000_000


class EventReporter:
    """Publishes what one call does. Masks the values of the call's secrets in every message, then truncates it."""

    def __init__(
        self,
        call: CallContext,
        sink: EventSink | None,
        *,
        secrets: Iterable[str] = (),
        max_event_bytes: int = 8_192,
        max_lines: int = 200,
        now: Callable[[], int] = epoch_ms,
    ) -> None:
        """`sink` is None when events are off. `max_lines` limits what the guest itself writes, to its log and its standard streams
        together; `now` is milliseconds since the epoch."""
        self._call = call
        self._sink = sink
        self._redactor = Redactor(secrets)
        self._max_event_bytes = max_event_bytes
        self._max_lines = max_lines
        self._lines = 0
        self._now = now

    @property
    def is_enabled(self) -> bool:
        """Whether events are on. Check it before building a costly message."""
        return self._sink is not None

    def host(self, level: Level, message: str) -> None:
        """An event of the host about this call."""
        self._publish(level, "host", message)

    def guest_line(self, level: Level, stream: Stream, line: str) -> None:
        """A line the guest wrote. Drops lines above the limit and reports that once."""
        self._lines += 1
        if self._lines <= self._max_lines:
            self._publish(level, stream, line)
        elif self._lines == self._max_lines + 1:
            self.host("warn", f"The call has written {self._max_lines} lines, its limit. Further lines are not shown.")

    def _publish(self, level: Level, stream: Stream, message: str) -> None:
        if self._sink is None:
            return
        text, truncated = self._redactor.redact_and_truncate(message, self._max_event_bytes)
        call = self._call
        self._sink.publish(
            DebugEvent(
                ts=self._now(),
                level=level,
                stream=stream,
                tenant_id=call.tenant_id,
                extension_id=call.extension_id,
                install_id=call.install_id,
                request_id=call.request_id,
                version_id=call.version_id,
                content_hash=call.content_hash,
                message=text,
                truncated=truncated,
            )
        )
