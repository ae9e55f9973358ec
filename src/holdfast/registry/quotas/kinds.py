"""The kinds of quotas, and how much an install may use of each in a day."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from holdfast.settings import Settings

WARN_SHARE = 0.8
"""The share of a quota from which on Holdfast warns."""

DAILY = ("calls", "cpu_ms", "fuel", "egress_bytes")
"""The quotas that begin again each day, in the order of reports. A further one, `storage_bytes`, is of what is stored at the moment."""

ALL = (*DAILY, "storage_bytes")
"""All quotas, in the order of reports."""

_PRODUCTION_CALLS = 5_000_000
_PRODUCTION_EGRESS_BYTES = 100 * 1024**3


class QuotaLimits(Struct, frozen=True, kw_only=True):
    """How much one install may use in a day (UTC), and store; None means as much as it wants."""

    calls: int | None
    cpu_ms: int | None
    fuel: int | None
    egress_bytes: int | None
    storage_bytes: int | None

    @classmethod
    def from_settings(cls, settings: Settings, *, storage_bytes: int) -> QuotaLimits:
        """The limits of the settings, or the defaults of the environment. The storage has its own limit, `storage_bytes`."""
        is_production = settings.environment == "production"
        return cls(
            calls=_limit(settings.quota_calls, _PRODUCTION_CALLS if is_production else 0),
            cpu_ms=_limit(settings.quota_cpu_ms, 0),
            fuel=_limit(settings.quota_fuel, 0),
            egress_bytes=_limit(settings.quota_egress_bytes, _PRODUCTION_EGRESS_BYTES if is_production else 0),
            storage_bytes=storage_bytes,
        )

    def replaced_by(self, overrides: QuotaOverrides) -> QuotaLimits:
        """The limits of an install that has these of its own."""
        if overrides == NO_OVERRIDES:
            return self
        return QuotaLimits(**{quota: _limit(getattr(overrides, quota), getattr(self, quota) or 0) for quota in ALL})


class QuotaOverrides(Struct, frozen=True, kw_only=True):
    """The limits that one install has of its own; None means that of the settings, and 0 as much as it wants."""

    calls: int | None = None
    cpu_ms: int | None = None
    fuel: int | None = None
    egress_bytes: int | None = None
    storage_bytes: int | None = None


NO_OVERRIDES = QuotaOverrides()


def warn_at(limit: int) -> int:
    """The use from which on a quota is nearly used."""
    return max(1, math.ceil(limit * WARN_SHARE))


def day_of(moment: datetime) -> datetime:
    """The begin of the day (UTC) in which the quotas count at that moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def next_day(day: datetime) -> datetime:
    """The begin of the day after `day`, when its quotas begin again."""
    return day + timedelta(days=1)


def _limit(configured: int | None, default: int) -> int | None:
    return (default if configured is None else configured) or None
