"""TokenBuckets: a burst, then a steady rate, for each key."""

from __future__ import annotations

from holdfast.http.token_bucket import Decision, TokenBuckets


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_full_bucket_allows_its_capacity_and_then_says_when_to_return() -> None:
    clock = Clock()
    buckets = TokenBuckets(capacity=2, refill_per_second=0.25, clock=clock)
    assert [buckets.acquire("a") for _ in range(3)] == [
        Decision(True, 0, limit=2, remaining=1, reset_seconds=4),
        Decision(True, 0, limit=2, remaining=0, reset_seconds=8),
        Decision(False, 4, limit=2, remaining=0, reset_seconds=8),
    ]
    clock.now = 3.0
    assert buckets.acquire("a") == Decision(False, 1, limit=2, remaining=0, reset_seconds=5)
    clock.now = 4.0
    assert buckets.acquire("a") == Decision(True, 0, limit=2, remaining=0, reset_seconds=8)


def test_a_bucket_never_holds_more_than_its_capacity() -> None:
    clock = Clock()
    buckets = TokenBuckets(capacity=2, refill_per_second=1, clock=clock)
    buckets.acquire("a")
    clock.now = 1_000_000.0
    assert [buckets.acquire("a").allowed for _ in range(3)] == [True, True, False]


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = TokenBuckets(capacity=1, clock=Clock())
    keys = [("t", "e"), ("t", "f"), ("u", "e")]
    assert [buckets.acquire(key).allowed for key in keys] == [True] * 3
    assert [buckets.acquire(key).allowed for key in keys] == [False] * 3


def test_the_number_of_buckets_is_bounded_and_the_one_unused_for_longest_is_dropped() -> None:
    buckets = TokenBuckets(capacity=1, clock=Clock(), max_buckets=2)
    for key in "abac":
        buckets.acquire(key)
    assert buckets.acquire("a").allowed is False
    assert buckets.acquire("b").allowed is True


def test_a_denied_request_costs_nothing() -> None:
    clock = Clock()
    buckets = TokenBuckets(capacity=1, refill_per_second=1, clock=clock)
    for _ in range(10):
        buckets.acquire("a")
    clock.now = 1.0
    assert buckets.acquire("a").allowed is True


def test_peek_takes_no_token() -> None:
    buckets = TokenBuckets(capacity=1, refill_per_second=0.5, clock=Clock())
    assert [buckets.peek("a").allowed for _ in range(2)] == [True] * 2
    buckets.acquire("a")
    assert (buckets.peek("a").allowed, buckets.peek("a").retry_after_seconds) == (False, 2)


def test_refund_returns_one_token_and_reset_all() -> None:
    buckets = TokenBuckets(capacity=2, refill_per_second=0.001, clock=Clock())
    for _ in range(2):
        buckets.acquire("a")
    buckets.refund("a")
    assert [buckets.acquire("a").allowed for _ in range(2)] == [True, False]
    buckets.reset("a")
    for _ in range(3):
        buckets.refund("a")
    assert [buckets.acquire("a").allowed for _ in range(3)] == [True, True, False]


def test_a_window_allows_its_count_at_once_and_spreads_as_many_over_each_window() -> None:
    clock = Clock()
    buckets = TokenBuckets.per_window(2, 60, clock=clock)
    decisions = [buckets.acquire("a") for _ in range(3)]
    assert [(decision.allowed, decision.retry_after_seconds) for decision in decisions] == [(True, 0), (True, 0), (False, 30)]
    clock.now = 30
    assert [buckets.acquire("a").allowed for _ in range(2)] == [True, False]
    clock.now = 90
    assert [buckets.acquire("a").allowed for _ in range(3)] == [True, True, False]
