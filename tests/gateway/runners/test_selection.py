from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from holdfast.gateway.runners.selection import BOUND, Ring, RunnerSelection

ADDRESSES = ["http://a:1", "http://b:1", "http://c:1"]
KEYS = [f"sha256:{number:064x}" for number in range(3_000)]


@dataclass
class One:
    """A runner as the selection sees it."""

    base_url: str
    is_up: bool = True
    running: int = 0


def runners(count: int = 3) -> list[One]:
    return [One(f"http://{index}:1") for index in range(count)]


def test_each_runner_gets_a_fair_share_of_the_bundles() -> None:
    owners = Counter(Ring(ADDRESSES).order(key)[0] for key in KEYS)
    assert all(0.7 < owners[index] / (len(KEYS) / 3) < 1.3 for index in range(3))


def test_a_runner_that_leaves_or_comes_moves_only_its_own_share() -> None:
    three, two = Ring(ADDRESSES), Ring(ADDRESSES[:2])
    for key in KEYS:
        order = three.order(key)
        # Those that belonged to the third go to the next on the ring, and all others stay.
        assert two.order(key)[0] == next(index for index in order if index != 2)


def test_the_order_does_not_depend_on_the_order_of_the_addresses() -> None:
    for key in KEYS[:100]:
        assert [ADDRESSES[index] for index in Ring(ADDRESSES).order(key)] == [
            ADDRESSES[::-1][index] for index in Ring(ADDRESSES[::-1]).order(key)
        ]


def test_one_call_at_a_time_always_goes_where_its_bundle_belongs() -> None:
    selection = RunnerSelection(runners())
    for key in KEYS[:100]:
        assert selection.candidates(key)[0] == selection.order(key)[0]


@given(st.lists(st.integers(0, 200), min_size=2, max_size=6), st.sampled_from(KEYS))
def test_no_runner_gets_more_than_its_bound(loads: list[int], key: str) -> None:
    all_runners = [One(f"http://{index}:1", running=load) for index, load in enumerate(loads)]
    selection = RunnerSelection(all_runners)
    first = selection.candidates(key)[0]
    # Rounded up: the smallest number of calls that some runner must take.
    assert all_runners[first].running < BOUND * (sum(loads) + 1) / len(loads)
    assert sorted(selection.candidates(key)) == list(range(len(loads)))


def test_many_calls_of_one_bundle_spread_as_far_as_the_bound_says() -> None:
    all_runners = runners()
    selection = RunnerSelection(all_runners)
    for _ in range(60):
        all_runners[selection.candidates(KEYS[0])[0]].running += 1
    assert sorted(runner.running for runner in all_runners) == [10, 25, 25]
    assert all_runners[selection.order(KEYS[0])[0]].running == 25


def test_a_runner_that_is_down_is_the_last_resort() -> None:
    all_runners = runners()
    selection = RunnerSelection(all_runners)
    first, second, third = selection.order(KEYS[0])
    all_runners[first].is_up = False
    assert selection.candidates(KEYS[0]) == [second, third, first]
    for runner in all_runners:
        runner.is_up = False
    assert selection.candidates(KEYS[0]) == [first, second, third]
