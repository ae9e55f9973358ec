"""UUIDs as the database stores them: 36 characters in lower case."""

from __future__ import annotations

import uuid


def as_uuid(text: str) -> str | None:
    """The canonical form of a UUID of versions 1 to 5 with the RFC variant, or None."""
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
