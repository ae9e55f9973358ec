"""The errors of a change of version."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.errors import HoldfastError
from holdfast.registry.installs.permissions import Permissions
from holdfast.registry.installs.results import MissingSchedule


class ConsentRequired(HoldfastError):
    """Raised when a version requests more than the installed one. `details` is `{version, capabilities, egress}`: what is new in it."""

    code = "CONSENT_REQUIRED"
    status = 409

    def __init__(self, version: str, more: Permissions) -> None:
        lists = more.as_lists()
        names = ", ".join([*lists["capabilities"], *lists["egress"]])
        super().__init__(
            f"Version {version} requests more than the installed one: {names}.",
            hint="Check what is new, then upgrade with consent. Until then the installed version stays.",
            details={"version": version, **lists},
        )


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


class NothingToRollBack(HoldfastError):
    """Raised when an install has no version before the present one."""

    code = "nothing_to_roll_back"
    status = 409
