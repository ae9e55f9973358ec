"""The limits of one call."""

from __future__ import annotations

from msgspec import Struct

MAX_RESPONSE_BODY_BYTES = 2_621_440
"""2.5 MiB. Wasmtime itself fails to lift a body above about 2.66 MiB; a fixed limit below it makes every engine version fail alike."""


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of one call. The code that starts the call has capped them; the engine enforces them."""

    timeout_ms: int = 5_000
    """Deadline of the whole call: computing, host calls and sleeping. Milliseconds."""
    memory_mb: int = 256
    """Maximum size of each linear memory, in MiB."""
    memories: int = 8
    tables: int = 64
    table_elements: int = 100_000
    instances: int = 100
    """Maximum number of core instances that instantiating the component creates."""
    log_lines: int = 200
    """Maximum number of stdout and stderr lines passed on; the engine drops the rest and writes one notice."""
    log_line_bytes: int = 8_192
    fuel: int | None = None
    """Maximum units of computing, where the engine counts them; None for no limit."""
    host_calls: int = 10_000
    """Maximum number of calls of imported world functions; the engine ends the guest at the next one. The host has lower quotas, which
    return errors that a guest can handle; this limit stops a guest that ignores those errors."""
