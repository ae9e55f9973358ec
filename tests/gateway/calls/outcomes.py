"""The extension that calls are made to, and how the one call of a test ended."""

from __future__ import annotations

from typing import Any

from tests.gateway.platform import Platform

NOTES = "/api/ext/com.example.notes/notes"


async def outcome(platform: Platform) -> tuple[str, str | None, Any]:
    """Status, error and HTTP status of the one row in the execution log."""
    (row,) = await platform.log()
    assert row.finished_at is not None and row.metrics is not None
    return row.status, row.error, row.metrics["http_status"]
