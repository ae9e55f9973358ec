"""The debug stream: what each call did, for the author who debugs an extension."""

from holdfast.events.delivery.http_sink import HttpSink
from holdfast.events.from_settings import configured_redis, open_redis_sink, open_stream
from holdfast.events.memory import MemoryStream
from holdfast.events.model.event import EventSink
from holdfast.events.model.stream import EventStream, StreamUnavailable
from holdfast.events.redaction import Redactor, redact
from holdfast.events.text import truncate

__all__ = [
    "EventSink",
    "EventStream",
    "HttpSink",
    "MemoryStream",
    "Redactor",
    "StreamUnavailable",
    "configured_redis",
    "open_redis_sink",
    "open_stream",
    "redact",
    "truncate",
]
