"""Slows down guessing of passwords: limits failed logins per address and account, and per address, for all gateway processes together."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.http.token_bucket import Buckets, Rate

WINDOW_SECONDS = 15 * 60
MAX_FAILURES_PER_ACCOUNT = 10
MAX_FAILURES_PER_ADDRESS = 50


class LoginRateLimit:
    """So many failures at once, and as many again spread over 15 minutes."""

    def __init__(self, open_buckets: Callable[[str, Rate], Buckets]) -> None:
        """`open_buckets` opens buckets by name; processes that open the same name may share them."""
        self._accounts = open_buckets("login-account", Rate.per_window(MAX_FAILURES_PER_ACCOUNT, WINDOW_SECONDS))
        self._addresses = open_buckets("login-address", Rate.per_window(MAX_FAILURES_PER_ADDRESS, WINDOW_SECONDS))

    def begin(self, email: str, address: str) -> int:
        """Counts an attempt as a failure, and returns 0; or counts nothing, and returns in how many whole seconds the next may begin.

        In one step: otherwise attempts that run at the same time would all pass under the limit.
        """
        account = _account(email, address)
        decision = self._accounts.acquire(account)
        if not decision.allowed:
            return max(decision.retry_after_seconds, self._addresses.peek(address).retry_after_seconds)
        decision = self._addresses.acquire(address)
        if not decision.allowed:
            self._accounts.refund(account)
        return decision.retry_after_seconds

    def record_success(self, email: str, address: str) -> None:
        """Forgets the failures of this account at this address, and takes back the failure that was counted for this attempt."""
        self._accounts.reset(_account(email, address))
        self._addresses.refund(address)


def _account(email: str, address: str) -> tuple[str, str]:
    # Per address too: otherwise a stranger who guesses would lock the owner out.
    return email.strip().lower()[:320], address
