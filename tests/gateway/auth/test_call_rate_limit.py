from __future__ import annotations

import pytest

from holdfast.gateway.auth import call_rate_limit as buckets
from holdfast.gateway.auth.call_rate_limit import Decision, TokenBuckets
from tests.gateway.platform import Seconds


def test_a_full_bucket_serves_its_capacity_and_then_says_when_to_return() -> None:
    clock = Seconds()
    bucket = TokenBuckets(capacity=2, refill_per_second=0.25, clock=clock)
    assert [bucket.try_consume("t", "e") for _ in range(3)] == [Decision(True), Decision(True), Decision(False, 4)]
    clock.value = 3.0
    assert bucket.try_consume("t", "e") == Decision(False, 1)
    clock.value = 4.0
    assert bucket.try_consume("t", "e") == Decision(True)


def test_a_bucket_never_holds_more_than_its_capacity() -> None:
    clock = Seconds()
    bucket = TokenBuckets(capacity=2, refill_per_second=1, clock=clock)
    bucket.try_consume("t", "e")
    clock.value = 1_000_000.0
    assert [bucket.try_consume("t", "e").allowed for _ in range(3)] == [True, True, False]


def test_tenants_and_extensions_have_buckets_of_their_own() -> None:
    bucket = TokenBuckets(capacity=1, clock=Seconds())
    pairs = [("t", "e"), ("t", "f"), ("u", "e")]
    assert [bucket.try_consume(*pair).allowed for pair in pairs] == [True] * 3
    assert [bucket.try_consume(*pair).allowed for pair in pairs] == [False] * 3


def test_the_number_of_buckets_is_bounded_and_the_longest_unused_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MAX_BUCKETS", 2)
    bucket = TokenBuckets(capacity=1, clock=Seconds())
    for extension in ("a", "b", "a", "c"):
        bucket.try_consume("t", extension)
    assert bucket.try_consume("t", "a").allowed is False
    assert bucket.try_consume("t", "b").allowed is True
