"""The rate limit of logins, in the memory of one process and in a file that several share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from holdfast.console.login_rate_limit import MAX_FAILURES_PER_ACCOUNT, MAX_FAILURES_PER_ADDRESS, WINDOW_SECONDS, LoginRateLimit
from holdfast.gateway.limits.open_limits import SharedBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "file"])
def open_limit(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Callable[[], LoginRateLimit]]:
    """Opens the limit of one process."""
    with ExitStack() as opened:

        def open_one() -> LoginRateLimit:
            buckets = SharedBuckets(None if request.param == "memory" else tmp_path, clock=clock)
            opened.callback(buckets.close)
            return LoginRateLimit(buckets.open)

        yield open_one


@pytest.fixture
def limit(open_limit: Callable[[], LoginRateLimit]) -> LoginRateLimit:
    return open_limit()


def test_after_ten_failures_an_address_must_wait_and_may_then_try_once_at_a_time(limit: LoginRateLimit, clock: Clock) -> None:
    for _ in range(MAX_FAILURES_PER_ACCOUNT):
        assert limit.begin("A@x ", "1.1.1.1") == 0
    assert limit.begin("a@x", "1.1.1.1") == WINDOW_SECONDS / MAX_FAILURES_PER_ACCOUNT
    assert limit.begin("a@x", "2.2.2.2") == 0
    assert limit.begin("b@x", "1.1.1.1") == 0
    clock.now += WINDOW_SECONDS / MAX_FAILURES_PER_ACCOUNT
    assert limit.begin("a@x", "1.1.1.1") == 0
    assert limit.begin("a@x", "1.1.1.1") > 0
    clock.now += WINDOW_SECONDS
    for _ in range(MAX_FAILURES_PER_ACCOUNT):
        assert limit.begin("a@x", "1.1.1.1") == 0
    assert limit.begin("a@x", "1.1.1.1") > 0


def test_after_fifty_failures_an_address_must_wait_for_every_account(limit: LoginRateLimit) -> None:
    for number in range(MAX_FAILURES_PER_ADDRESS):
        assert limit.begin(f"{number}@x", "1.1.1.1") == 0
    assert limit.begin("new@x", "1.1.1.1") > 0
    assert limit.begin("new@x", "2.2.2.2") == 0


def test_an_attempt_that_must_wait_is_not_counted(limit: LoginRateLimit, clock: Clock) -> None:
    for number in range(MAX_FAILURES_PER_ADDRESS):
        limit.begin(f"{number}@x", "1.1.1.1")
    for _ in range(2 * MAX_FAILURES_PER_ACCOUNT):
        assert limit.begin("new@x", "1.1.1.1") > 0
    clock.now += WINDOW_SECONDS
    for _ in range(MAX_FAILURES_PER_ACCOUNT):
        assert limit.begin("new@x", "1.1.1.1") == 0


def test_a_success_resets_the_failures_of_the_account(limit: LoginRateLimit) -> None:
    for _ in range(MAX_FAILURES_PER_ACCOUNT):
        assert limit.begin("a@x", "1.1.1.1") == 0
    limit.record_success("a@x", "1.1.1.1")
    assert limit.begin("a@x", "1.1.1.1") == 0


def test_successful_logins_never_count_against_an_address(limit: LoginRateLimit) -> None:
    for number in range(2 * MAX_FAILURES_PER_ADDRESS):
        assert limit.begin(f"{number}@x", "1.1.1.1") == 0
        limit.record_success(f"{number}@x", "1.1.1.1")
    assert limit.begin("new@x", "1.1.1.1") == 0


def test_processes_that_share_the_file_count_together(open_limit: Callable[[], LoginRateLimit], request: pytest.FixtureRequest) -> None:
    one, other = open_limit(), open_limit()
    for number in range(MAX_FAILURES_PER_ACCOUNT):
        assert (one, other)[number % 2].begin("a@x", "1.1.1.1") == 0
    is_shared = request.node.callspec.params["open_limit"] == "file"
    assert (other.begin("a@x", "1.1.1.1") > 0, one.begin("a@x", "1.1.1.1") > 0) == (is_shared, is_shared)
