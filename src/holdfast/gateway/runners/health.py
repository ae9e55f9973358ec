"""The health of several runners: which of them get calls.

          a connection is refused, or two checks in a row fail
    up ────────────────────────────────────────────────────────▶ down
     ▲                                                             │
     └────────────────────── a check succeeds ─────────────────────┘

Only a gateway with several runners checks: with one, there is no choice. A runner that is stopping is still healthy, but not ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from holdfast.gateway.runners.runner import Runner

CHECK_SECONDS = 2.0
"""The pause between two checks of a runner that is up; of one that is down it is a quarter of that."""
FAILURES = 2

_log = structlog.get_logger(__name__)


class RunnerHealth:
    """Keeps `is_up` of the runners. Belongs to one event loop."""

    def __init__(self, runners: Sequence[Runner], is_ready: Callable[[Runner], Awaitable[bool]]) -> None:
        """`is_ready` asks a runner whether it accepts calls, and gives up after a short time."""
        self._runners = runners if len(runners) > 1 else ()
        self._is_ready = is_ready
        self._checks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts to check, at the first call; does nothing after that."""
        if not self._checks and self._runners:
            self._checks = [asyncio.create_task(self._check_forever(runner), name="check a runner") for runner in self._runners]

    def mark_down(self, runner: Runner) -> None:
        """Sends calls elsewhere until a check succeeds."""
        if runner.is_up and len(self._runners) > 1:
            runner.is_up = False
            _log.warning("runner is down", runner=runner.name)

    async def close(self) -> None:
        """Stops checking."""
        for check in self._checks:
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)

    async def _check_forever(self, runner: Runner) -> None:
        failures = 0
        while True:
            await asyncio.sleep(CHECK_SECONDS if runner.is_up else CHECK_SECONDS / 4)
            if await self._is_ready(runner):
                failures = 0
                if not runner.is_up:
                    runner.is_up = True
                    _log.info("runner is up again", runner=runner.name)
            else:
                failures += 1
                if failures >= FAILURES:
                    self.mark_down(runner)
