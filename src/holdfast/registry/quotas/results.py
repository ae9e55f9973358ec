"""What the report of quotas returns. Plain data: commands on a server use it without a database."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

MAX_LIMIT = 2**63 - 1
"""The highest limit that the databases can store."""

QuotaState = Literal["ok", "warning", "exceeded"]


class QuotaUse(Struct, frozen=True, kw_only=True):
    """One quota of an install. `state` is `warning` from 80 % of the limit on, `exceeded` when it is used up, and `ok` without a limit.

    `is_own` is whether the install has this limit of its own, in place of that of the settings.
    """

    quota: str
    used: int
    limit: int | None
    state: QuotaState
    is_own: bool = False


class InstallQuotas(Struct, frozen=True, kw_only=True):
    """The quotas of an install on the current day (UTC), which ends at `resets_at`. The storage does not begin again then."""

    registry_id: str
    install_id: str
    publisher: str
    name: str
    day: datetime
    resets_at: datetime
    quotas: list[QuotaUse]
