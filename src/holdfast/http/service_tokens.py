"""How services recognise each other's tokens."""

from __future__ import annotations

import hmac

KNOWN_DEFAULTS = frozenset({"local-runner-key", "changeme", "change-me", "secret"})
"""Tokens from examples, which everyone knows. Production rejects them."""


def is_same_token(offered: str | None, expected: str | None) -> bool:
    """Whether both are the same token, compared in constant time; False when either is missing or empty."""
    if not offered or not expected:
        return False
    return hmac.compare_digest(offered.encode(), expected.encode())
