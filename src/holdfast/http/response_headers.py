"""The header fields of every response of our own."""

from __future__ import annotations

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""No one may cache our responses, and browsers must not guess their type."""
