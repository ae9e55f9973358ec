"""How often and how long an operation on a remote store is tried.

request ──▶ response that settles it ─────────────────────────────────▶ result
   ▲   └──▶ temporary failure ──▶ attempts and time left? ──no──▶ BundleStoreUnavailable
   │                                       │ yes
   └────── pause (doubles, with jitter) ◀──┘
   one deadline for all attempts and pauses together
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from typing import TypeVar

import structlog
from msgspec import Struct

from holdfast.bundles.store.errors import BundleStoreUnavailable

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Time limits in seconds: to connect, between two pieces of data, for a whole read and a whole write.

    An operation has `attempts` attempts. The pauses between them double from `first_pause` up to `longest_pause`, with jitter.
    """

    connect: float = 5.0
    idle: float = 10.0
    reading: float = 60.0
    writing: float = 300.0
    attempts: int = 4
    first_pause: float = 0.2
    longest_pause: float = 2.0


DEFAULT_RETRY_POLICY = RetryPolicy()


class RetryLoop:
    """The attempts of one operation: counted, with pauses between them, and with one deadline for all."""

    def __init__(self, store: str, policy: RetryPolicy, seconds: float, *, once: bool = False) -> None:
        """`store` is the name that errors and the log use. `seconds` is the time for all attempts; `once` allows one attempt only."""
        self._store = store
        self._policy = policy
        self._attempts_left = 0 if once else policy.attempts - 1
        self._pause = policy.first_pause
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def within_deadline(self, work: Awaitable[_T]) -> _T:
        """The result of `work`. Raises TimeoutError when the deadline comes first."""
        async with asyncio.timeout_at(self._deadline):
            return await work

    async def wait_for_next(self, reason: str) -> None:
        """Waits before the next attempt. Raises BundleStoreUnavailable when there is none left. `reason` says what failed."""
        # Jitter spreads the attempts of many clients of a store that has just come back.
        pause = random.uniform(self._pause / 2, self._pause)  # noqa: S311 - protects nothing
        if self._attempts_left == 0 or asyncio.get_running_loop().time() + pause >= self._deadline:
            raise self.give_up(reason)
        _log.warning("A request to the bundle store failed; trying again", store=self._store, reason=reason)
        await asyncio.sleep(pause)
        self._attempts_left -= 1
        self._pause = min(2 * self._pause, self._policy.longest_pause)

    def give_up(self, reason: str) -> BundleStoreUnavailable:
        """The error to raise when there is no further attempt."""
        return BundleStoreUnavailable(
            f"The bundle store {self._store} cannot be used: {reason}.",
            rule="store_unreachable",
            hint="Check that it runs and that BUNDLE_STORE_BASE names it, then try again.",
        )
