"""Which parts of the platform work, as this process sees them. Each is asked at most once a second, and for at most two.

states() ── younger than 1 s ──▶ the last result
   └── older ──▶ ask all parts at once ──(callers that arrive meanwhile wait for the same result)──▶ result, and a log line for each change
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from holdfast.concurrency.single_flight import SingleFlight

CACHE_SECONDS = 1.0
PART_SECONDS = 2.0
"""A bound for parts that have none of their own."""

OK = "ok"
PARTLY = "degraded"
UNREACHABLE = "unreachable"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Part:
    """A part by its name. `state` returns its state, in a word; an error, or none in time, means `unreachable`."""

    name: str
    state: Callable[[], Awaitable[str]]


class HealthCheck:
    """The states of the parts. `clock` is seconds that never go back."""

    def __init__(self, parts: Sequence[Part], *, clock: Callable[[], float]) -> None:
        self._parts = parts
        self._clock = clock
        self._flight: SingleFlight[str, dict[str, str]] = SingleFlight("health")
        self._asked: float | None = None
        self._states: dict[str, str] = {}

    async def states(self) -> dict[str, str]:
        """The state of each part by its name: `ok`, or another word."""
        if self._asked is not None and self._clock() - self._asked < CACHE_SECONDS:
            return self._states
        return await self._flight.run("", self._ask_all)

    async def _ask_all(self) -> dict[str, str]:
        asked = self._clock()
        found = await asyncio.gather(*(_ask(part) for part in self._parts))
        states = {part.name: state for part, state in zip(self._parts, found, strict=True)}
        for name, state in states.items():
            if state != self._states.get(name, OK):
                (_log.info if state == OK else _log.warning)("health_changed", part=name, state=state)
        self._asked, self._states = asked, states
        return states


async def _ask(part: Part) -> str:
    try:
        async with asyncio.timeout(PART_SECONDS):
            return await part.state()
    except Exception as error:
        _log.debug("health_check_failed", part=part.name, error=type(error).__name__)
        return UNREACHABLE
