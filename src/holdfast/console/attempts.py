"""Slows down guessing of passwords: limits attempts per address and account, and per address, in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from holdfast.http.token_bucket import TokenBuckets

WINDOW_S = 15 * 60
PER_ACCOUNT = 10
PER_ADDRESS = 50


class LoginAttempts:
    """So many failures at once, and as many again spread over 15 minutes. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._accounts = TokenBuckets.per_window(PER_ACCOUNT, WINDOW_S, clock=now)
        self._addresses = TokenBuckets.per_window(PER_ADDRESS, WINDOW_S, clock=now)

    def wait(self, email: str, address: str) -> int:
        """Whole seconds until this account may be tried again from this address; 0 when it may be tried now."""
        decisions = (self._accounts.peek(_account(email, address)), self._addresses.peek(address))
        return max(decision.retry_after_seconds for decision in decisions)

    def failed(self, email: str, address: str) -> None:
        """Counts a failure."""
        self._accounts.acquire(_account(email, address))
        self._addresses.acquire(address)

    def succeeded(self, email: str, address: str) -> None:
        """Forgets the failures of this account from this address, and the one that `failed` counted for the address just before."""
        self._accounts.reset(_account(email, address))
        self._addresses.refund(address)


def _account(email: str, address: str) -> tuple[str, str]:
    # An account is counted per address, so that a stranger's guesses do not lock its owner out.
    return email.strip().lower()[:320], address
