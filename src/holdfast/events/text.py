"""Cuts text to a number of bytes without cutting a character."""

from __future__ import annotations


def clip(text: str, max_bytes: int) -> tuple[str, bool]:
    """The longest beginning of `text` that takes at most `max_bytes` bytes of UTF-8, and whether anything was cut off.

    Characters stay whole. Lone surrogates, which UTF-8 cannot carry, become `?`.
    """
    # A character takes at least one byte, so what lies behind max_bytes characters need not be encoded to know that it goes.
    head = text[:max_bytes]
    encoded = head.encode("utf-8", errors="replace")
    if len(encoded) <= max_bytes:
        return encoded.decode("utf-8"), len(head) < len(text)
    return encoded[:max_bytes].decode("utf-8", errors="ignore"), True
