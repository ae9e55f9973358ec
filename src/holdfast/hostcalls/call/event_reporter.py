"""Reports what one call does: every event to the debug stream, and what people look for to the log. Redacted, truncated, limited in number.

                                debug stream    log of the process
lines of the guest              yes             yes
host, level warn or error       yes             yes
host, below that                yes             no
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from holdfast.contract.debug_event import DebugEvent, Level, Stream
from holdfast.events import EventSink, Redactor
from holdfast.hostcalls.call.context import CallContext
from holdfast.hostcalls.call.extension_log import ExtensionLog

_MAX_REPEATED = 100
_LOGGED: frozenset[Level] = frozenset({"warn", "error"})


def epoch_ms() -> int:
    return time.time_ns() // 1_000_000


class EventReporter:
    """Reports what one call does. Masks the values of the call's secrets in every message, then truncates it."""

    def __init__(
        self,
        call: CallContext,
        sink: EventSink | None,
        *,
        log: ExtensionLog | None = None,
        secrets: Iterable[str] = (),
        max_event_bytes: int = 8_192,
        max_lines: int = 200,
        now: Callable[[], int] = epoch_ms,
    ) -> None:
        """`sink` is None when events are off, `log` when lines do not go to the log. `max_lines` limits what the guest
        itself writes, to its log and its standard streams together; `now` is milliseconds since the epoch."""
        self._call = call
        self._sink = sink
        self._log = log
        self._redactor = Redactor(secrets)
        self._max_event_bytes = max_event_bytes
        self._max_lines = max_lines
        self._lines = 0
        self._repeatable: list[str] = []
        self._now = now

    def wants(self, level: Level) -> bool:
        """Whether an event of the host of this level is reported anywhere. Check it before building a costly message."""
        return self._sink is not None or (self._log is not None and level in _LOGGED)

    def host(self, level: Level, message: str) -> None:
        """An event of the host about this call."""
        self._report(level, "host", message, logged=level in _LOGGED)

    def guest_line(self, level: Level, stream: Stream, line: str) -> None:
        """A line the guest wrote. Drops lines above the limit and reports that once.

        The SDKs write an uncaught error twice, because other hosts show only one of the two: to the log and then to stderr. Only the first
        is reported.
        """
        if stream == "stderr" and self._is_repeated(line):
            return
        if stream == "log" and level == "error":
            self._repeatable = line.split("\n")[:_MAX_REPEATED][::-1]
        self._lines += 1
        if self._lines <= self._max_lines:
            self._report(level, stream, line, logged=True)
        elif self._lines == self._max_lines + 1:
            self.host("warn", f"The call has written {self._max_lines} lines, its limit. Further lines are not shown.")

    def _is_repeated(self, line: str) -> bool:
        """Whether the line is the next one of the error that the guest has just logged, or its beginning: the SDK cuts the text."""
        if self._repeatable and line and self._repeatable[-1].startswith(line):
            self._repeatable.pop()
            return True
        self._repeatable = []
        return False

    def _report(self, level: Level, stream: Stream, message: str, *, logged: bool) -> None:
        log = self._log if logged else None
        if self._sink is None and log is None:
            return
        text, truncated = self._redactor.redact_and_truncate(message, self._max_event_bytes)
        call = self._call
        if log is not None:
            log.write(call, level, stream, text, truncated=truncated)
        if self._sink is None:
            return
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
