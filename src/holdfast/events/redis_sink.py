"""Brings debug events into Redis streams."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from redis.exceptions import NoPermissionError

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.delivery import DeliveringSink, NotTaken
from holdfast.events.redis_fields import common_key, stream_key, to_fields
from holdfast.events.redis_server import FAILURES, RedisServer, reason

logger = logging.getLogger(__name__)


class RedisSink(DeliveringSink):
    """A sink that adds each event to the stream of its extension and, where the prefix names one, to the common stream."""

    def __init__(self, server: RedisServer, *, prefix: str, maxlen: int, **delivery: Any) -> None:
        """`maxlen` is the events that a stream keeps, about; `delivery` is what `DeliveringSink` takes."""
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
        self._refused: set[str] = set()

    async def send(self, events: list[DebugEvent]) -> None:
        try:
            if self._failed:
                # A Redis that hangs still runs, later, what it was sent meanwhile: a batch goes only to one that answers.
                await self._client.ping()
            self._failed = True
            answers = await self._add(events)
            self._failed = False
        except FAILURES as failure:
            raise NotTaken(reason(failure)) from None
        refused = [answer for answer in answers if isinstance(answer, Exception)]
        passing = next((answer for answer in refused if not _is_lasting(answer)), None)
        if passing is not None:
            raise NotTaken(reason(passing))
        self._tell_refusals(refused)

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

    def _tell_refusals(self, refused: list[Exception]) -> None:
        kinds = {reason(refusal) for refusal in refused}
        for kind in kinds - self._refused:
            logger.error("%s does not add to a debug stream (%s); its events are dropped", self.address, kind)
        self._refused = kinds or self._refused


def _is_lasting(refusal: Exception) -> bool:
    """Whether Redis would refuse the same again: the name is taken by something else than a stream, or is not ours to write to."""
    return isinstance(refusal, NoPermissionError) or str(refusal).startswith("WRONGTYPE")
