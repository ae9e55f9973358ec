"""Settings: debug stream."""

from __future__ import annotations

from typing import ClassVar

from holdfast.settings.table.fields import SecretStr, named, prefixed, setting
from holdfast.settings.table.kinds import SettingsGroup


class DebugStreamSettings(SettingsGroup):
    """Where debug events are stored, and how many; which lines of extensions are in the runner's log."""

    title: ClassVar[str] = "Debug stream and logs of extensions"

    debug_redis_url: SecretStr | None = setting(
        None,
        variables=named("RUNNER_DEBUG_REDIS_URL", "DEBUG_REDIS_URL"),
        description="Redis server that stores the debug stream; unset means the memory of the gateway.",
    )
    debug_redis_password: SecretStr | None = setting(
        None,
        variables=named("RUNNER_DEBUG_REDIS_PASSWORD", "DEBUG_REDIS_PASSWORD"),
        description="Password for RUNNER_DEBUG_REDIS_URL if the URL has none.",
    )
    debug_redis_stream_prefix: str = setting(
        "ext-debug:",
        variables=named("RUNNER_DEBUG_REDIS_STREAM_PREFIX", "DEBUG_REDIS_STREAM_PREFIX"),
        description="Prefix of the stream names: `<prefix>{tenant}:{extension}`. A prefix that does not end in `:` is also the name "
        "of a stream with the events of all extensions.",
    )
    debug_redis_maxlen: int = setting(
        2_000,
        gt=0,
        variables=named("RUNNER_DEBUG_REDIS_MAXLEN", "DEBUG_REDIS_MAXLEN"),
        description="Approximate number of events in a Redis stream.",
    )
    debug_max_event_bytes: int = setting(
        8_192,
        gt=0,
        variables=named("RUNNER_DEBUG_MAX_EVENT_BYTES", "DEBUG_MAX_EVENT_BYTES"),
        description="Longest message of one debug event, in bytes of UTF-8.",
    )
    extension_log_lines_per_second: int = setting(
        100,
        ge=0,
        le=100_000,
        variables=named("HOLDFAST_EXTENSION_LOG_LINES_PER_SECOND"),
        description="Lines of one installed extension that a runner writes to its own log in a second, ten times as many at once; 0"
        " writes none. The debug stream has them in any case.",
    )
    debug_tail_count: int = setting(
        200,
        ge=0,
        le=2_000,
        variables=prefixed("EXT_DEBUG_SSE_TAIL_COUNT"),
        description="Number of earlier debug events that a page shows when you open it.",
    )
