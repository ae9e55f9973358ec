"""The debug stream as readers see it, wherever its events are stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from holdfast.contract.debug_event import DebugEvent
from holdfast.errors import HoldfastError
from holdfast.events.model.event import EventSink

Entry = tuple[str, DebugEvent]
"""An event and its id. Ids are text that only their stream understands; `BEFORE_ALL` is before every event, and `NOT_STORED` is the id of
a message from the host to one reader about the stream, which no stream stores."""

BEFORE_ALL = "0"
NOT_STORED = ""


class StreamUnavailable(HoldfastError):
    """Raised when the store of the events does not respond. Temporary: reading may work a moment later."""

    code = "debug_stream_unavailable"
    status = 503


class EventStream(EventSink, Protocol):
    """Accepts events and keeps a limited tail of them for each (tenant, extension); ids of these are compared without case.

    Reading raises StreamUnavailable.
    """

    def is_id(self, text: str) -> bool:
        """Whether `text` can be an id of this stream, or is `BEFORE_ALL`. Pass only such text to the methods below."""

    async def tail(self, tenant_id: str, extension_id: str, count: int) -> list[Entry]:
        """The last `count` events, oldest first."""

    async def after(self, tenant_id: str, extension_id: str, after_id: str, count: int) -> list[Entry]:
        """The first `count` stored events after `after_id`, oldest first: for readers that poll."""

    def subscribe(self, tenant_id: str, extension_id: str, after_id: str) -> AsyncGenerator[Entry, None]:
        """Yields every event after `after_id`, stored ones first, then new ones as they arrive; never ends.

        A reader that is too slow gets an entry with the id `NOT_STORED` in place of events that were dropped before it read them; otherwise
        there are no gaps and no repetitions. With `BEFORE_ALL` it starts at the oldest stored event.
        """
