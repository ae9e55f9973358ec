"""The gateways that follow the change feed of a Postgres database: how long they trust it, and how the others learn who they are.

    gateway                                              database
      │ LISTEN holdfast_changes, holdfast_confirm            │
      │ pg_advisory_lock(GATEWAYS, number) ─────────────────▶│ in pg_locks while the session lives
      │ every RENEW_SECONDS: SELECT 1 ──────────────────────▶│ lease until LEASE_SECONDS after this was sent
      │                                                      │
      │                a process that revokes: COMMIT ──────▶│
      │                       reads the numbers in pg_locks ◀│
      │◀─────────────── NOTIFY holdfast_confirm, nonce ──────│
      │ NOTIFY holdfast_confirmed, nonce and number ────────▶│──▶ that process, until it has heard all, or LEASE_SECONDS passed

Notifications arrive in the order of commits, so a gateway that sees the nonce has seen the change. A gateway that took its lock after the
numbers were read began after the commit, and has nothing older in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

GATEWAYS = 1_213_156_678
"""The first number of the advisory locks; arbitrary. The second is the gateway's own."""
CONFIRM = "holdfast_confirm"
CONFIRMED = "holdfast_confirmed"

LEASE_SECONDS = 1.0
RENEW_SECONDS = 0.3

NUMBERS = (
    "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted "  # noqa: S608 (a constant)
    f"AND classid = {GATEWAYS} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Selects the numbers of the gateways whose sessions live."""

lease_clock: Callable[[], float] = (
    # Of a laptop that slept, the ordinary monotonic clock says that no time has passed.
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)
"""Seconds that never go back."""
