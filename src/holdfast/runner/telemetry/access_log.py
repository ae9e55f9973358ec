"""The access log: one line and the metrics of each call, when it has ended."""

from __future__ import annotations

import asyncio

import structlog
from msgspec import Struct

from holdfast.contract.execute import BEING_PREPARED, Envelope, ExecuteContext
from holdfast.logs import LineLevel, buffered_lines, fast_line
from holdfast.runner.telemetry.metrics import Metrics

_EVENT = "[POST /v1/execute]"

_log = structlog.get_logger(__name__)


class _EndedCall(Struct, frozen=True, gc=False):
    context: ExecuteContext
    request_id: str | None
    envelope: Envelope
    seconds: float


class CallLog:
    """Logs calls. Belongs to one event loop.

    The guide tells operators to look for the lines `[POST /v1/execute]`, at level ERROR or WARN for failures:

        the extension responded, below 500      info
        the extension responded with 5xx        warning
        not run: asked for too much, or busy    warning
        not run: still being prepared           info: the caller sends it again
        failed: trap, deadline, bundle, host    error

    Fast: the calls that end in one iteration of the loop are logged together at its end, through the short form of the logger. Between two
    guests a line costs three times as much. Otherwise each is logged by structlog when it ends. The lines are the same.
    """

    def __init__(self, metrics: Metrics, *, fast: bool = True) -> None:
        self._metrics = metrics
        self._fast = fast
        self._ended: list[_EndedCall] = []

    def call_ended(self, context: ExecuteContext, request_id: str | None, envelope: Envelope, seconds: float) -> None:
        """A call that got a response. `request_id` is the one of the headers."""
        call = _EndedCall(context, request_id, envelope, seconds)
        if not self._fast:
            self._metrics.call_ended(envelope, seconds)
            getattr(_log, _level(call.envelope))(_EVENT, **_fields(call))
            return
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._write_lines)
        self._ended.append(call)

    def request_failed(self, code: str) -> None:
        """A request that did not become a call: only the metrics count it."""
        self._metrics.outcome(code)

    def _write_lines(self) -> None:
        ended, self._ended = self._ended, []
        with buffered_lines():
            for call in ended:
                self._metrics.call_ended(call.envelope, call.seconds)
                fast_line(_log, _level(call.envelope), _EVENT, **_fields(call))


def _level(envelope: Envelope) -> LineLevel:
    if envelope.error is None:
        return "info" if envelope.status < 500 else "warning"
    if envelope.error == BEING_PREPARED:
        return "info"
    return "error" if envelope.status >= 500 else "warning"


def _fields(call: _EndedCall) -> dict[str, object]:
    return {
        "request_id": call.context.request_id or call.request_id,
        "tenant": call.context.tenant_id,
        "extension": call.context.extension_id,
        "status": call.envelope.status,
        "error": call.envelope.error,
        "ms": round(call.seconds * 1_000, 1),
    }
