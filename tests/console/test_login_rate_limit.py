"""The rate limit of logins."""

from __future__ import annotations

from holdfast.console.login_rate_limit import MAX_FAILURES_PER_ACCOUNT, MAX_FAILURES_PER_ADDRESS, WINDOW_SECONDS, LoginRateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_ten_failures_an_address_must_wait_and_may_then_try_once_at_a_time() -> None:
    clock = Clock()
    limit = LoginRateLimit(clock)
    for _ in range(MAX_FAILURES_PER_ACCOUNT):
        assert limit.seconds_until_allowed("a@x", "1.1.1.1") == 0
        limit.count_failure("A@x ", "1.1.1.1")
    assert limit.seconds_until_allowed("a@x", "1.1.1.1") == WINDOW_SECONDS / MAX_FAILURES_PER_ACCOUNT
    assert limit.seconds_until_allowed("a@x", "2.2.2.2") == 0
    assert limit.seconds_until_allowed("b@x", "1.1.1.1") == 0
    clock.now += WINDOW_SECONDS / MAX_FAILURES_PER_ACCOUNT
    assert limit.seconds_until_allowed("a@x", "1.1.1.1") == 0
    limit.count_failure("a@x", "1.1.1.1")
    assert limit.seconds_until_allowed("a@x", "1.1.1.1") > 0
    clock.now += WINDOW_SECONDS
    for _ in range(MAX_FAILURES_PER_ACCOUNT):
        assert limit.seconds_until_allowed("a@x", "1.1.1.1") == 0
        limit.count_failure("a@x", "1.1.1.1")
    assert limit.seconds_until_allowed("a@x", "1.1.1.1") > 0


def test_after_fifty_failures_an_address_must_wait_for_every_account() -> None:
    limit = LoginRateLimit(Clock())
    for number in range(MAX_FAILURES_PER_ADDRESS):
        limit.count_failure(f"{number}@x", "1.1.1.1")
    assert limit.seconds_until_allowed("new@x", "1.1.1.1") > 0
    assert limit.seconds_until_allowed("new@x", "2.2.2.2") == 0


def test_a_success_resets_the_failures_of_the_account() -> None:
    limit = LoginRateLimit(Clock())
    for _ in range(MAX_FAILURES_PER_ACCOUNT):
        limit.count_failure("a@x", "1.1.1.1")
    limit.record_success("a@x", "1.1.1.1")
    assert limit.seconds_until_allowed("a@x", "1.1.1.1") == 0


def test_successful_logins_never_count_against_an_address() -> None:
    limit = LoginRateLimit(Clock())
    for number in range(2 * MAX_FAILURES_PER_ADDRESS):
        limit.count_failure(f"{number}@x", "1.1.1.1")
        limit.record_success(f"{number}@x", "1.1.1.1")
    assert limit.seconds_until_allowed("new@x", "1.1.1.1") == 0
