"""How tokens are stored: as their SHA-256. They have 256 random bits, so a plain hash cannot be reversed by search."""

from __future__ import annotations

import hashlib


def token_hash(token: str) -> str:
    """The SHA-256 of a token as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()
