"""The debug stream: what a call did, for the person who is looking."""

from holdfast.events.delivery import HttpSink
from holdfast.events.event import DebugEvent, EventBatch, EventSink, Level, Stream
from holdfast.events.memory import MemoryStream
from holdfast.events.redaction import Redactor, redact
from holdfast.events.text import clip

__all__ = ["DebugEvent", "EventBatch", "EventSink", "HttpSink", "Level", "MemoryStream", "Redactor", "Stream", "clip", "redact"]
