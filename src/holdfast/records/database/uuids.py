"""UUIDs as the database stores them: 36 characters in lower case."""

from __future__ import annotations

import os
import re
import time
import uuid

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_VARIANTS = "89ab"


def as_uuid(text: str) -> str | None:
    """The canonical form of a UUID of versions 1 to 5 with the RFC variant, or None."""
    # Nearly all are in that form, and parsing takes much longer.
    if _CANONICAL.fullmatch(text):
        return text
    if len(text) != 36:
        return None
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    if value.variant != uuid.RFC_4122 or value.version not in (1, 2, 3, 4, 5):
        return None
    return str(value)


def new_id() -> str:
    """A random UUID as text."""
    return str(uuid.uuid4())


def time_ordered_id() -> str:
    """A UUID of version 7 (RFC 9562) as text: new ones sort behind old ones, so that an index grows at its end."""
    chance = os.urandom(10).hex()
    milliseconds = f"{time.time_ns() // 1_000_000:012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7{chance[:3]}-{_VARIANTS[int(chance[3], 16) & 3]}{chance[4:7]}-{chance[7:19]}"
