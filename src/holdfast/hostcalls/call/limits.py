"""The limits of the host functions of one call."""

from __future__ import annotations

from msgspec import Struct


class HostLimits(Struct, frozen=True, kw_only=True):
    """Limits of one call. `log_lines` counts the guest's log and standard streams together."""

    host_calls: int = 1_000
    fetches: int = 50
    fetches_at_once: int = 6
    log_lines: int = 200
    event_bytes: int = 8_192
