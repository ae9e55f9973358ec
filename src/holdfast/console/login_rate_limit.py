"""Slows down guessing of passwords: limits failed logins per address and account, and per address, in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from holdfast.http.token_bucket import TokenBuckets

WINDOW_SECONDS = 15 * 60
MAX_FAILURES_PER_ACCOUNT = 10
MAX_FAILURES_PER_ADDRESS = 50


class LoginRateLimit:
    """So many failures at once, and as many again spread over 15 minutes. `clock` returns seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = TokenBuckets.per_window(MAX_FAILURES_PER_ACCOUNT, WINDOW_SECONDS, clock=clock)
        self._addresses = TokenBuckets.per_window(MAX_FAILURES_PER_ADDRESS, WINDOW_SECONDS, clock=clock)

    def seconds_until_allowed(self, email: str, address: str) -> int:
        """Whole seconds until somebody at this address may try this account again; 0 means now."""
        decisions = (self._accounts.peek(_account(email, address)), self._addresses.peek(address))
        return max(decision.retry_after_seconds for decision in decisions)

    def count_failure(self, email: str, address: str) -> None:
        self._accounts.acquire(_account(email, address))
        self._addresses.acquire(address)

    def record_success(self, email: str, address: str) -> None:
        """Forgets the failures of this account at this address, and takes back the failure that was counted for this attempt."""
        self._accounts.reset(_account(email, address))
        self._addresses.refund(address)


def _account(email: str, address: str) -> tuple[str, str]:
    # Per address too: otherwise a stranger who guesses would lock the owner out.
    return email.strip().lower()[:320], address
