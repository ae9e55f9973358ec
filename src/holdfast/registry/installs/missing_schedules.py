"""Schedules that cannot follow an install to another version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.errors import HoldfastError
from holdfast.registry.installs.results import MissingSchedule

if TYPE_CHECKING:  # a command on a server imports these errors, and must not import the database
    pass


class SchedulesMissing(HoldfastError):
    """Raised when schedules call endpoints that a version does not have. `details` is `{missing: [{scheduleId, method, path}]}`."""

    code = "SCHEDULE_REMAP_FAILED"
    status = 409

    def __init__(self, version: str, missing: Sequence[MissingSchedule]) -> None:
        calls = ", ".join(sorted({f"{one.method} {one.path}".strip() or "an endpoint that is gone" for one in missing}))
        super().__init__(
            f"Version {version} has no endpoint for {len(missing)} schedule(s): {calls}.",
            hint="Change or delete these schedules, or have them disabled (--disable-missing-schedules).",
            details={"missing": [{"scheduleId": one.schedule_id, "method": one.method, "path": one.path} for one in missing]},
        )
