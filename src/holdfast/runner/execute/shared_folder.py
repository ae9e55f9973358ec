"""What the workers of one runner share: the names in the folder HOLDFAST_WORKERS_DIR."""

from __future__ import annotations

METRICS = "metrics"
RESPONSES = "responses"
"""Responses to idempotency keys."""

SHARED = (METRICS, RESPONSES)
