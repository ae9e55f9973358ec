"""The errors of schedules and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from holdfast.errors import CodedError, HoldfastError


class ScheduleError(CodedError):
    """Raised for a request about a schedule that cannot be served."""

    STATUSES: ClassVar = {
        # No such schedule in this install, or no such install of this tenant, or the install is disabled.
        "schedule_not_found": 404,
        "schedule_install_not_found": 404,
        # `run now` more often than a tenant may.
        "schedule_run_rate": 429,
        # A command on a data folder runs a schedule, and no scheduler is there to start it.
        "scheduler_not_running": 409,
        # A command waited for a run that has not ended.
        "schedule_run_unfinished": 504,
    }


class EventError(CodedError):
    """Raised for a request about an event that cannot be served."""

    STATUSES: ClassVar = {
        # A filter or cursor that does not exist.
        "event_query_invalid": 400,
        # The tenant has no such event.
        "event_not_found": 404,
        # Its status does not allow it.
        "event_not_retryable": 409,
        "event_not_droppable": 409,
    }


class ScheduleInvalid(HoldfastError):
    """Raised when values of a schedule are not valid. `field_errors` has a text for each field; `details` is `{fieldErrors}`."""

    code = "schedule_invalid"
    status = 400

    def __init__(self, field_errors: Mapping[str, str]) -> None:
        self.field_errors = dict(field_errors)
        named = "; ".join(f"{name}: {text}" for name, text in self.field_errors.items())
        super().__init__(f"The schedule is not valid ({named}).", details={"fieldErrors": self.field_errors})
