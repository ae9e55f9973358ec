"""The format of events in Redis: the names of the streams, and the fields of an entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from holdfast.contract.debug_event import DebugEvent, Level, Stream

LEVELS: dict[str, Level] = {level: level for level in get_args(Level)}
STREAMS: dict[str, Stream] = {stream: stream for stream in get_args(Stream)}

_WHEN_SET = (
    ("tenant", "tenant_id"),
    ("extension", "extension_id"),
    ("install", "install_id"),
    ("request", "request_id"),
    ("version", "version_id"),
    ("content_hash", "content_hash"),
)


def stream_key(prefix: str, tenant_id: str, extension_id: str) -> str:
    """`<prefix>{tenant}:{extension}` in lower case, without an empty part; `<prefix>unknown` when both are empty."""
    return prefix + (":".join(part.lower() for part in (tenant_id, extension_id) if part) or "unknown")


def common_key(prefix: str) -> str | None:
    """The stream with the events of all extensions: the prefix itself. None for a prefix that is empty or ends in `:`."""
    return prefix if prefix and not prefix.endswith(":") else None


def to_fields(event: DebugEvent) -> dict[str, str]:
    """The fields of an entry, as text, without ids that are not set."""
    fields = {"ts": str(event.ts), "level": event.level, "stream": event.stream}
    for field, attribute in _WHEN_SET:
        if value := getattr(event, attribute):
            fields[field] = value
    fields["message"] = event.message
    fields["truncated"] = "1" if event.truncated else "0"
    return fields


def from_fields(fields: Mapping[str, str]) -> DebugEvent:
    """The event of an entry that any runner may have written. Missing or unknown values become defaults."""
    return DebugEvent(
        ts=_epoch_ms(fields.get("ts", "")),
        level=LEVELS.get(fields.get("level", ""), "info"),
        stream=STREAMS.get(fields.get("stream", ""), "log"),
        tenant_id=fields.get("tenant", ""),
        extension_id=fields.get("extension", ""),
        install_id=fields.get("install"),
        request_id=fields.get("request"),
        version_id=fields.get("version"),
        content_hash=fields.get("content_hash"),
        message=fields.get("message", ""),
        truncated=fields.get("truncated") in ("1", "true"),
    )


def _epoch_ms(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return int(text)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1_000)
    except (ValueError, OverflowError):
        return 0
