"""Limits of request bodies."""

from __future__ import annotations

from collections.abc import Mapping

BODY_SECONDS = 60.0
"""How long a whole request body may take to arrive."""


def is_declared_larger(headers: Mapping[str, str], max_bytes: int) -> bool:
    """Whether `content-length` declares more than `max_bytes`, so that a request can be rejected before its body is read.

    False without a valid declaration: the bytes must be counted while they are read in any case.
    """
    declared = headers.get("content-length", "")
    return declared.isdecimal() and int(declared) > max_bytes
