"""What the debug stream is to those who read it, wherever it is kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from holdfast.contract.debug_event import DebugEvent
from holdfast.errors import HoldfastError
from holdfast.events.event import EventSink

Entry = tuple[str, DebugEvent]
"""An event and its id. Ids are text that only their stream understands; `BEFORE_ALL` lies before every event, and `NOT_KEPT` is the id of
what the host says to one reader about the stream, which is in no stream."""

BEFORE_ALL = "0"
NOT_KEPT = ""


class StreamUnavailable(HoldfastError):
    """Raised when the place where events are kept does not answer. It may do so a moment later."""

    code = "debug_stream_unavailable"
    status = 503


class EventStream(EventSink, Protocol):
    """Takes events in and keeps a bounded tail of them for each (tenant, extension), whose ids are compared without regard to case.

    Reading raises StreamUnavailable.
    """

    def is_id(self, text: str) -> bool:
        """Whether `text` can be an id of this stream, or is `BEFORE_ALL`. Only such text may be given to the methods below."""

    async def tail(self, tenant_id: str, extension_id: str, count: int) -> list[Entry]:
        """The last `count` events, oldest first."""

    async def after(self, tenant_id: str, extension_id: str, after_id: str, count: int) -> list[Entry]:
        """The first `count` of the kept events that came after `after_id`, oldest first: what a reader that polls asks for."""

    def subscribe(self, tenant_id: str, extension_id: str, after_id: str) -> AsyncGenerator[Entry, None]:
        """Yields every event after `after_id`, kept ones first, then new ones as they come; never ends.

        A reader so slow that events were pushed out before it took them is told so in their place by an entry with the id `NOT_KEPT`;
        otherwise there are no gaps and no repetitions. With `BEFORE_ALL` it begins at the oldest event that is kept.
        """
