"""The debug stream: what a call did, for the person who is looking."""

from holdfast.events.event import DebugEvent, EventBatch, EventSink, Level, Stream
from holdfast.events.http_sink import HttpSink
from holdfast.events.memory import MemoryStream
from holdfast.events.opening import configured_redis, open_redis_sink, open_stream
from holdfast.events.redaction import Redactor, redact
from holdfast.events.stream import EventStream, StreamUnavailable
from holdfast.events.text import clip

__all__ = [
    "DebugEvent",
    "EventBatch",
    "EventSink",
    "EventStream",
    "HttpSink",
    "Level",
    "MemoryStream",
    "Redactor",
    "Stream",
    "StreamUnavailable",
    "clip",
    "configured_redis",
    "open_redis_sink",
    "open_stream",
    "redact",
]
