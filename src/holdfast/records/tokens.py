"""How tokens are kept: as their SHA-256. They are 256 random bits, so a plain hash cannot be searched backwards."""

from __future__ import annotations

import hashlib


def token_hash(token: str) -> str:
    """The SHA-256 of a token as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()
