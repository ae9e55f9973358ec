"""What is said of each call when it has ended: a line of the log, and the numbers."""

from __future__ import annotations

import asyncio

import structlog
from msgspec import Struct

from holdfast.contract.execute import Envelope, ExecuteContext
from holdfast.logs import buffered_lines, fast_info
from holdfast.runner.metrics import Metrics

_log = structlog.get_logger(__name__)


class _Ended(Struct, frozen=True, gc=False):
    about: ExecuteContext
    request_id: str | None
    envelope: Envelope
    seconds: float


class CallLog:
    """Speaks of the calls that ended in one turn of the loop at its end: between two guests a line costs three times as much. Belongs to
    one event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._ended: list[_Ended] = []

    def ended(self, about: ExecuteContext, request_id: str | None, envelope: Envelope, seconds: float) -> None:
        """A call that was answered. `request_id` is the one of the headers."""
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._tell)
        self._ended.append(_Ended(about, request_id, envelope, seconds))

    def refused(self, code: str) -> None:
        """A request that did not become a call; nobody is told of it but by its number."""
        self._metrics.outcome(code)

    def _tell(self) -> None:
        ended, self._ended = self._ended, []
        with buffered_lines():
            for one in ended:
                self._metrics.call_ended(one.envelope, one.seconds)
                fast_info(
                    _log,
                    "[POST /v1/execute]",
                    request_id=one.about.request_id or one.request_id,
                    tenant=one.about.tenant_id,
                    extension=one.about.extension_id,
                    status=one.envelope.status,
                    error=one.envelope.error,
                    ms=round(one.seconds * 1_000, 1),
                )
