"""Writes debug events to Redis streams."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import structlog
from redis.exceptions import NoPermissionError

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.delivery.batching_sink import BatchingSink, DeliveryFailed
from holdfast.events.redis.fields import common_key, stream_key, to_fields
from holdfast.events.redis.server import FAILURES, RedisServer, reason

_log = structlog.get_logger(__name__)


class RedisSink(BatchingSink):
    """A sink that adds each event to the stream of its extension and, where the prefix names one, to the common stream."""

    def __init__(self, server: RedisServer, *, prefix: str, maxlen: int, **delivery: Any) -> None:
        """`maxlen` is about how many events a stream keeps; `delivery` is passed to `BatchingSink`."""
        super().__init__(_RedisTransport(server, prefix, maxlen), **delivery)


class _RedisTransport:
    name = "Redis"

    def __init__(self, server: RedisServer, prefix: str, maxlen: int) -> None:
        self.address = f"Redis at {server}"
        self._client = server.client(connections=2)
        self._prefix = prefix
        self._common = common_key(prefix)
        self._maxlen = maxlen
        self._failed = False
        self._logged: set[str] = set()

    async def send(self, events: list[DebugEvent]) -> None:
        try:
            if self._failed:
                # A Redis that hangs executes what it received later, so a retried batch could arrive twice: check that it responds first.
                await self._client.ping()
            self._failed = True
            replies = await self._add(events)
            self._failed = False
        except FAILURES as failure:
            raise DeliveryFailed(reason(failure)) from None
        errors = [reply for reply in replies if isinstance(reply, Exception)]
        temporary = next((error for error in errors if not _is_permanent(error)), None)
        if temporary is not None:
            raise DeliveryFailed(reason(temporary))
        self._log_errors(errors)

    async def close(self) -> None:
        with suppress(*FAILURES):
            await self._client.aclose()

    async def _add(self, events: list[DebugEvent]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for event in events:
                fields: dict[Any, Any] = {**to_fields(event)}
                pipeline.xadd(stream_key(self._prefix, event.tenant_id, event.extension_id), fields, maxlen=self._maxlen)
                if self._common is not None:
                    pipeline.xadd(self._common, fields, maxlen=self._maxlen)
            return list(await pipeline.execute(raise_on_error=False))

    def _log_errors(self, errors: list[Exception]) -> None:
        """Logs each kind of error once, not for every event."""
        kinds = {reason(error) for error in errors}
        for kind in kinds - self._logged:
            _log.error("debug events dropped, Redis cannot add them to a stream", receiver=self.address, reason=kind)
        self._logged = kinds or self._logged


def _is_permanent(error: Exception) -> bool:
    """Whether a retry would fail too: the key holds another type than a stream, or the user may not write to it."""
    return isinstance(error, NoPermissionError) or str(error).startswith("WRONGTYPE")
