"""Settings: limits of a call."""

from __future__ import annotations

from typing import ClassVar

from holdfast.settings.table.fields import named, setting
from holdfast.settings.table.kinds import SettingsGroup


class LimitSettings(SettingsGroup):
    """Time, memory, size and concurrency of calls."""

    title: ClassVar[str] = "Limits of a call"

    call_timeout_ms: int = setting(
        5_000,
        gt=0,
        le=60_000,
        variables=named("HOLDFAST_CALL_TIMEOUT_MS"),
        description="Deadline of a call that does not set one, in milliseconds.",
    )
    call_timeout_max_ms: int = setting(
        60_000,
        gt=0,
        variables=named("HOLDFAST_CALL_TIMEOUT_MAX_MS"),
        description="Longest deadline that a caller may set, in milliseconds.",
    )
    call_memory_mb: int = setting(
        256,
        gt=0,
        le=1_024,
        variables=named("HOLDFAST_CALL_MEMORY_MB"),
        description="Maximum size of each linear memory of a call that does not set one, in MiB.",
    )
    request_body_max_bytes: int = setting(
        10 * 1024 * 1024,
        gt=0,
        variables=named("HOLDFAST_REQUEST_BODY_MAX_BYTES"),
        description="Largest request body of a call, in bytes.",
    )
    calls_per_install: int = setting(
        16,
        gt=0,
        variables=named("HOLDFAST_CALLS_PER_INSTALL"),
        description="Maximum concurrent calls of one install in one runner process.",
    )
    calls_per_process: int = setting(
        256,
        gt=0,
        variables=named("HOLDFAST_CALLS_PER_PROCESS"),
        description="Maximum concurrent calls in one runner process.",
    )
    idempotency_seconds: int = setting(
        600,
        gt=0,
        variables=named("HOLDFAST_IDEMPOTENCY_SECONDS"),
        description="Time that the response to an idempotency key is stored, in seconds.",
    )
    idempotency_max_bytes: int = setting(
        64 * 1024 * 1024,
        gt=0,
        variables=named("HOLDFAST_IDEMPOTENCY_MAX_BYTES"),
        description="Maximum size of all stored responses of one runner process, in bytes; the oldest are removed first.",
    )
