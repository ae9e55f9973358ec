"""Writes what extensions log to the log of this process, limited in lines per second for each install.

            ┌── a token ───────────────┐
            ▼                          │
line ──▶ writing ── no token ──▶ limited (said once, lines are counted)
            ▲                          │
            └── a token: the count is logged, then the line
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from cachetools import LRUCache

from holdfast.contract.debug_event import Level, Stream
from holdfast.hostcalls.call.context import CallContext
from holdfast.http.token_bucket import TokenBuckets
from holdfast.logs import EXTENSION_LOG, LineLevel, fast_line

BURST_SECONDS = 10
"""An install may write the lines of this many seconds at once: one call with a long output is shown whole."""
_MAX_LIMITED = 10_000
_LEVELS: dict[Level, LineLevel] = {"trace": "debug", "debug": "debug", "info": "info", "warn": "warning", "error": "error"}

_log = structlog.get_logger(__name__)


class ExtensionLog:
    """The log lines of all extensions of a process. Its `write` never raises and never waits."""

    def __init__(self, lines_per_second: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`lines_per_second` is for each install, at least 1; `clock` returns seconds."""
        self._lines_per_second = lines_per_second
        self._buckets = TokenBuckets(capacity=lines_per_second * BURST_SECONDS, refill_per_second=lines_per_second, clock=clock)
        self._dropped: LRUCache[tuple[str, str], int] = LRUCache(_MAX_LIMITED)

    def write(self, call: CallContext, level: Level, stream: Stream, message: str, *, truncated: bool) -> None:
        """Logs one line (or a stack, as one message) of the call's extension. `message` is already redacted and truncated."""
        key = (call.tenant_id, call.install_id or call.extension_id)
        if not self._buckets.acquire(key).allowed:
            dropped = self._dropped[key] = self._dropped.get(key, 0) + 1
            if dropped == 1:
                _log.warning("extension_log_limited", **_names(call), lines_per_second=self._lines_per_second)
            return
        if dropped := self._dropped.pop(key, 0):
            _log.warning("extension_log_lines_dropped", **_names(call), lines=dropped)
        fields: dict[str, object] = {"message": message, "stream": stream, **_names(call), "request_id": call.request_id}
        if truncated:
            fields["truncated"] = True
        fast_line(_log, _LEVELS[level], EXTENSION_LOG, **fields)


def _names(call: CallContext) -> dict[str, object]:
    names: dict[str, object] = {"tenant": call.tenant_id, "extension": call.extension_id}
    return names if call.extension_name is None else names | {"extension_name": call.extension_name}
