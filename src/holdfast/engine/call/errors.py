"""How a call ends before its handler returns. `classify` turns each of these into the failure that the outcome reports."""

from __future__ import annotations


class GuestExit(Exception):
    """Raised when the guest calls `exit`; `code` is 0 for success."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the guest exited with code {code}")
        self.code = code


class LimitReached(Exception):
    """Raised when the guest reaches a counted limit; the message names the limit."""


class DeadlinePassed(Exception):
    """Raised when the call has used all its time; `timeout_ms` is the time it had."""

    def __init__(self, timeout_ms: int) -> None:
        super().__init__(f"the call did not finish within {timeout_ms} ms")
