"""How often and how long a store on another machine is tried."""

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
    """How long a store may take, in seconds: to take a connection, to send or take the next bytes, for a reading and a writing as a whole.

    An operation is tried `attempts` times; the pauses between double from `first_pause` up to `longest_pause`, with jitter.
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
    """The attempts of one operation: counted, with pauses between, and with one deadline for all of them."""

    def __init__(self, name: str, retry_policy: RetryPolicy, seconds: float, *, once: bool = False) -> None:
        self._name = name
        self._retry_policy = retry_policy
        self._left = 0 if once else retry_policy.attempts - 1
        self._pause = retry_policy.first_pause
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def within(self, work: Awaitable[_T]) -> _T:
        """The result of `work`. Raises TimeoutError when the deadline comes first."""
        async with asyncio.timeout_at(self._deadline):
            return await work

    async def another(self, trouble: str) -> None:
        """Waits for the next attempt. Raises BundleStoreUnavailable when there is none."""
        pause = random.uniform(self._pause / 2, self._pause)  # noqa: S311 - spreads the attempts of many, protects nothing
        if self._left == 0 or asyncio.get_running_loop().time() + pause >= self._deadline:
            raise self.given_up(trouble)
        _log.warning(f"The bundle store {self._name} cannot be used: {trouble}. Trying again")
        await asyncio.sleep(pause)
        self._left -= 1
        self._pause = min(2 * self._pause, self._retry_policy.longest_pause)

    def given_up(self, trouble: str) -> BundleStoreUnavailable:
        """What to raise when there is no further attempt."""
        return BundleStoreUnavailable(
            f"The bundle store {self._name} cannot be used: {trouble}.",
            hint="See that it runs and that BUNDLE_STORE_BASE names it, then try again.",
        )
