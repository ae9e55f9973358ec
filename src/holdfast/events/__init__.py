"""The debug stream: what a call did, for the person who is looking."""

from holdfast.events.event import EventSink
from holdfast.events.http_sink import HttpSink
from holdfast.events.memory import MemoryStream
from holdfast.events.opening import configured_redis, open_redis_sink, open_stream
from holdfast.events.redaction import Redactor, redact
from holdfast.events.stream import EventStream, StreamUnavailable
from holdfast.events.text import clip

__all__ = [
    "EventSink",
    "EventStream",
    "HttpSink",
    "MemoryStream",
    "Redactor",
    "StreamUnavailable",
    "clip",
    "configured_redis",
    "open_redis_sink",
    "open_stream",
    "redact",
]
