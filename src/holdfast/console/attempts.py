"""Slows down guessing of passwords: counts failures per address and per account, in memory, bounded."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

WINDOW_S = 15 * 60
PER_ACCOUNT = 10
PER_ADDRESS = 50
_KEPT = 10_000


class LoginAttempts:
    """Failures of the last 15 minutes. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait(self, email: str, address: str) -> int:
        """Whole seconds until this account may be tried again from this address; 0 when it may now."""
        return max(self._wait(key, limit) for key, limit in _keys(email, address))

    def failed(self, email: str, address: str) -> None:
        """Remembers a refused password."""
        for key, limit in _keys(email, address):
            failures = self._failures.setdefault(key, deque(maxlen=limit))
            failures.append(self._now())
            self._failures.move_to_end(key)
        while len(self._failures) > _KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, email: str, address: str) -> None:
        """Forgets the failures of this account from this address, and the one that `failed` counted for the address just before."""
        (account, _), (everybody, _) = _keys(email, address)
        self._failures.pop(account, None)
        if failures := self._failures.get(everybody):
            failures.pop()

    def _wait(self, key: tuple[str, str], limit: int) -> int:
        failures = self._failures.get(key)
        if failures is None or len(failures) < limit:
            return 0
        # The deque holds the last `limit` failures; when its oldest leaves the window there is room for another.
        remaining = failures[0] + WINDOW_S - self._now()
        return max(0, int(remaining) + 1) if remaining > 0 else 0


def _keys(email: str, address: str) -> list[tuple[tuple[str, str], int]]:
    # An account is counted per address, so that a stranger's guesses do not lock its owner out.
    return [((email.strip().lower()[:320], address), PER_ACCOUNT), (("", address), PER_ADDRESS)]
