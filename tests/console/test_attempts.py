"""Counting wrong passwords."""

from __future__ import annotations

from holdfast.console.attempts import PER_ACCOUNT, PER_ADDRESS, WINDOW_S, LoginAttempts


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_account_is_closed_to_an_address_after_ten_failures_and_opens_again_one_attempt_at_a_time() -> None:
    clock = Clock()
    attempts = LoginAttempts(clock)
    for _ in range(PER_ACCOUNT):
        assert attempts.wait("a@x", "1.1.1.1") == 0
        attempts.failed("A@x ", "1.1.1.1")
    assert attempts.wait("a@x", "1.1.1.1") == WINDOW_S / PER_ACCOUNT
    assert attempts.wait("a@x", "2.2.2.2") == 0
    assert attempts.wait("b@x", "1.1.1.1") == 0
    clock.now += WINDOW_S / PER_ACCOUNT
    assert attempts.wait("a@x", "1.1.1.1") == 0
    attempts.failed("a@x", "1.1.1.1")
    assert attempts.wait("a@x", "1.1.1.1") > 0
    clock.now += WINDOW_S
    for _ in range(PER_ACCOUNT):
        assert attempts.wait("a@x", "1.1.1.1") == 0
        attempts.failed("a@x", "1.1.1.1")
    assert attempts.wait("a@x", "1.1.1.1") > 0


def test_an_address_is_closed_after_fifty_failures_whatever_the_account() -> None:
    attempts = LoginAttempts(Clock())
    for number in range(PER_ADDRESS):
        attempts.failed(f"{number}@x", "1.1.1.1")
    assert attempts.wait("new@x", "1.1.1.1") > 0
    assert attempts.wait("new@x", "2.2.2.2") == 0


def test_a_success_forgets_the_failures_of_the_account() -> None:
    attempts = LoginAttempts(Clock())
    for _ in range(PER_ACCOUNT):
        attempts.failed("a@x", "1.1.1.1")
    attempts.succeeded("a@x", "1.1.1.1")
    assert attempts.wait("a@x", "1.1.1.1") == 0


def test_logins_that_succeed_never_close_an_address() -> None:
    attempts = LoginAttempts(Clock())
    for number in range(2 * PER_ADDRESS):
        attempts.failed(f"{number}@x", "1.1.1.1")
        attempts.succeeded(f"{number}@x", "1.1.1.1")
    assert attempts.wait("new@x", "1.1.1.1") == 0
