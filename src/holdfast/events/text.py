"""Truncates text to a number of bytes without splitting a character."""

from __future__ import annotations


def truncate(text: str, max_bytes: int) -> tuple[str, bool]:
    """The longest start of `text` that fits in `max_bytes` bytes of UTF-8, and whether the text was longer.

    Never splits a character. Lone surrogates, which UTF-8 cannot encode, become `?`.
    """
    # A character needs at least one byte, so there is no need to encode more than max_bytes characters.
    head = text[:max_bytes]
    encoded = head.encode("utf-8", errors="replace")
    if len(encoded) <= max_bytes:
        return encoded.decode("utf-8"), len(head) < len(text)
    return encoded[:max_bytes].decode("utf-8", errors="ignore"), True
