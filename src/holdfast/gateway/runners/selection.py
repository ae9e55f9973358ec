"""Which runner gets a call: consistent hashing on the bundle hash, with bounded load.

Each runner has POINTS points on a ring of 64-bit numbers. A bundle belongs to the runner with the first point after its hash, and after
that to the runners in the order of their points: when a runner is added or removed, only its share of the bundles moves. A runner with more
than BOUND times its share of the running calls passes further ones to the next on the ring.

Literature: Karger et al., "Consistent Hashing and Random Trees" (1997); Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded
Loads" (2018).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol, TypeVar

from cachetools import LRUCache

POINTS = 128
BOUND = 1.25
_MAX_ORDERS = 10_000


class Candidate(Protocol):
    """A runner as the selection sees it."""

    base_url: str
    is_up: bool
    running: int


R = TypeVar("R", bound=Candidate)


class Ring:
    """The order of the runners for each bundle: the same in every gateway that has the same addresses."""

    def __init__(self, addresses: Sequence[str]) -> None:
        points = sorted((_number(f"{address}#{index}"), own) for own, address in enumerate(addresses) for index in range(POINTS))
        self._count = len(addresses)
        self._numbers = [number for number, _ in points]
        self._owners = [own for _, own in points]

    def order(self, key: str) -> tuple[int, ...]:
        """The indices of all addresses, first the one to which `key` belongs."""
        start = bisect_right(self._numbers, _number(key))
        order: dict[int, None] = {}
        for step in range(len(self._owners)):
            order.setdefault(self._owners[(start + step) % len(self._owners)])
            if len(order) == self._count:
                break
        return tuple(order)


class RunnerSelection:
    """Puts the runners into the order in which they may get the calls of a bundle."""

    def __init__(self, runners: Sequence[R]) -> None:
        self._runners: Sequence[Candidate] = runners
        self._ring = Ring([runner.base_url for runner in runners])
        self._orders: LRUCache[str, tuple[int, ...]] = LRUCache(_MAX_ORDERS)

    def order(self, key: str) -> tuple[int, ...]:
        """The indices of the runners on the ring, whatever their health and load."""
        order = self._orders.get(key)
        if order is None:
            order = self._orders[key] = self._ring.order(key)
        return order

    def candidates(self, key: str) -> Sequence[int]:
        """The indices of all runners: those that are up, first among them one that is not overloaded, then those that are down.

        A runner that is down may be up again without our knowledge, so it is the last resort and not left out.
        """
        order = self.order(key)
        up = [index for index in order if self._runners[index].is_up]
        down = [index for index in order if not self._runners[index].is_up]
        first = self._least_loaded(up)
        if first is not None and first != up[0]:
            up.remove(first)
            up.insert(0, first)
        return up + down

    def _least_loaded(self, up: Sequence[int]) -> int | None:
        """The first on the ring that may take one more call."""
        total = 1 + sum(self._runners[index].running for index in up)
        for index in up:
            # At least one of them has at most the mean, so the search ends. Compared without a division: (running + 1) <= BOUND * mean,
            # rounded up, so that a single call goes where its bundle belongs.
            if self._runners[index].running * len(up) < BOUND * total:
                return index
        return None


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
