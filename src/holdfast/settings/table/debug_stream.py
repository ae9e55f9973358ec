"""Settings: debug stream."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices, Field, SecretStr

from holdfast.settings.table.kinds import SettingsGroup, variables


class DebugStreamSettings(SettingsGroup):
    """Where debug events are stored, and how many."""

    title: ClassVar[str] = "Debug stream"

    debug_redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_URL", "DEBUG_REDIS_URL"),
        description="Redis server that stores the debug stream; unset means the memory of the gateway.",
    )
    debug_redis_password: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_PASSWORD", "DEBUG_REDIS_PASSWORD"),
        description="Password for RUNNER_DEBUG_REDIS_URL if the URL has none.",
    )
    debug_redis_stream_prefix: str = Field(
        "ext-debug:",
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_STREAM_PREFIX", "DEBUG_REDIS_STREAM_PREFIX"),
        description="Prefix of the stream names: `<prefix>{tenant}:{extension}`. A prefix that does not end in `:` is also the name "
        "of a stream with the events of all extensions.",
    )
    debug_redis_maxlen: int = Field(
        2_000,
        gt=0,
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_MAXLEN", "DEBUG_REDIS_MAXLEN"),
        description="Approximate number of events in a Redis stream.",
    )
    debug_max_event_bytes: int = Field(
        8_192,
        gt=0,
        validation_alias=AliasChoices("RUNNER_DEBUG_MAX_EVENT_BYTES", "DEBUG_MAX_EVENT_BYTES"),
        description="Longest message of one debug event, in bytes of UTF-8.",
    )
    debug_tail_count: int = Field(
        200,
        ge=0,
        le=2_000,
        validation_alias=variables("EXT_DEBUG_SSE_TAIL_COUNT"),
        description="Number of earlier debug events that a page shows when you open it.",
    )
