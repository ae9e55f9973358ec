"""Settings: schedules and events."""

from __future__ import annotations

from typing import ClassVar, Literal

from holdfast.settings.table.fields import named, prefixed, setting
from holdfast.settings.table.kinds import SettingsGroup


class SchedulesSettings(SettingsGroup):
    """Recurring calls of extensions, and deliveries of events to them."""

    title: ClassVar[str] = "Schedules and events"

    scheduler: Literal["auto", "off"] = setting(
        "auto",
        variables=named("HOLDFAST_SCHEDULER"),
        description="`auto`: `holdfast up` starts a scheduler as soon as a schedule is enabled or an event waits. `off`: it does not, "
        "because `holdfast scheduler` runs elsewhere on the same database.",
    )
    scheduler_calls_at_once: int = setting(
        32,
        gt=0,
        le=1_000,
        variables=named("HOLDFAST_SCHEDULER_CALLS_AT_ONCE"),
        description="Scheduled calls that one scheduler makes at the same time.",
    )
    scheduler_lease_seconds: int = setting(
        15,
        gt=0,
        variables=named("HOLDFAST_SCHEDULER_LEASE_SECONDS"),
        description="A scheduler that gives no sign of life for so long is taken for dead: another one continues its runs. All "
        "schedulers of a database need the same value.",
    )
    schedule_retry_seconds: int = setting(
        10,
        gt=0,
        le=3_600,
        variables=named("HOLDFAST_SCHEDULE_RETRY_SECONDS"),
        description="Pause before the second attempt of a scheduled call that failed. Before the third, the last one, it is six times as "
        "long.",
    )
    schedule_catch_up_seconds: int = setting(
        3_600,
        ge=0,
        variables=named("HOLDFAST_SCHEDULE_CATCH_UP_SECONDS"),
        description="A due time that passed while no scheduler was running is made up for if it is not older: once, for the newest. "
        "Older ones are recorded as missed.",
    )
    schedule_history_days: int = setting(
        90,
        gt=0,
        variables=named("HOLDFAST_SCHEDULE_HISTORY_DAYS"),
        description="Days for which the runs of schedules are kept.",
    )
    event_attempts: int = setting(
        8,
        gt=0,
        le=100,
        variables=named("HOLDFAST_EVENT_ATTEMPTS"),
        description="Attempts to deliver an event before it becomes a dead letter. The pauses between them grow up to 2 hours.",
    )
    event_retry_seconds: int = setting(
        10,
        gt=0,
        le=7_200,
        variables=named("HOLDFAST_EVENT_RETRY_SECONDS"),
        description="Pause before the second attempt to deliver an event, in seconds. Each further pause is four times as long.",
    )
    event_history_days: int = setting(
        30,
        gt=0,
        variables=named("HOLDFAST_EVENT_HISTORY_DAYS"),
        description="Days for which events are kept: delivered ones, dead letters, and those that wait because their install is disabled.",
    )
    ext_runner_max_response_bytes: int = setting(
        256 * 1024,
        gt=0,
        variables=prefixed("EXT_RUNNER_MAX_RESPONSE_BYTES"),
        description="Largest body with which an extension may respond to a scheduled call, in bytes.",
    )
