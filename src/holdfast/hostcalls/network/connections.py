"""The connections of fetches: kept for a moment within one install and one pinned target, and never beyond.

    lease ── no install, or nothing is kept ──► own pool ── released ──► closed
      │
      ▼ key: tenant, install, scheme, host, port, checked addresses
    pool of the key, users + 1 ── released, users - 1 ──► idle ── leased again ──► users + 1
                                                           │
                                                           ▼ idle for `keep_seconds`, or the longest unused of too many
                                                         closed

The key has the addresses that the fetch has just resolved and checked. A name that moves to another address therefore gets a new
connection, and a kept one never leads to an address that the check of this fetch would refuse.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpcore2

from holdfast.hostcalls.network.egress import Target
from holdfast.hostcalls.network.pinning import PinnedNetwork

MAX_POOLS = 256
MAX_IDLE_OF_A_TARGET = 4


class InstallOfFetch(NamedTuple):
    """Whose connections: one install of one tenant."""

    tenant_id: str
    install_id: str


class _Key(NamedTuple):
    install: InstallOfFetch
    scheme: str
    host: str
    port: int
    addresses: frozenset[str]


class _Pool:
    def __init__(self, pool: httpcore2.AsyncConnectionPool) -> None:
        self.pool = pool
        self.users = 0
        self.idle_since = 0.0


class Connections:
    """The connections of one process; use it in one event loop."""

    def __init__(
        self, network: httpcore2.AsyncNetworkBackend, ssl_context: ssl.SSLContext, *, keep_seconds: float, max_pools: int = MAX_POOLS
    ) -> None:
        """Keeps an idle connection for `keep_seconds`; 0 keeps none."""
        self._network = network
        self._ssl_context = ssl_context
        self._keep_seconds = keep_seconds
        self._max_pools = max_pools
        # In the order of use, the longest unused first.
        self._pools: dict[_Key, _Pool] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(
        self, install: InstallOfFetch | None, target: Target, addresses: Sequence[str], *, fresh: bool = False
    ) -> AsyncIterator[httpcore2.AsyncConnectionPool]:
        """A pool whose connections lead to `addresses` and belong to `install`; with `fresh`, one without open connections."""
        if install is None or self._keep_seconds <= 0 or fresh:
            async with self._create(addresses) as own:
                yield own
            return
        key = _Key(install, target.scheme, target.host, target.port, frozenset(addresses))
        kept = self._pools.pop(key, None) or _Pool(self._create(addresses))
        self._pools[key] = kept
        kept.users += 1
        try:
            await self._close_surplus()
            yield kept.pool
        finally:
            kept.users -= 1
            kept.idle_since = asyncio.get_running_loop().time()
            self._schedule()

    async def close(self) -> None:
        """Closes every connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pools, self._pools = list(self._pools.values()), {}
        for kept in pools:
            await kept.pool.aclose()
        await asyncio.gather(*self._closing)

    @property
    def open_count(self) -> int:
        """How many connections are open, in use or kept."""
        return sum(len(kept.pool.connections) for kept in self._pools.values())

    def _create(self, addresses: Sequence[str]) -> httpcore2.AsyncConnectionPool:
        # No limit of connections in use: how many fetches a call makes at once is limited before.
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._ssl_context,
            http2=False,
            retries=0,
            max_connections=None,
            max_keepalive_connections=MAX_IDLE_OF_A_TARGET,
            keepalive_expiry=self._keep_seconds,
            network_backend=PinnedNetwork(addresses, self._network),
        )

    async def _close_surplus(self) -> None:
        surplus = len(self._pools) - self._max_pools
        unused = [key for key, kept in self._pools.items() if kept.users == 0]
        for key in unused[: max(surplus, 0)]:
            await self._pools.pop(key).pool.aclose()

    def _schedule(self) -> None:
        if self._timer is None and self._pools:
            self._timer = asyncio.get_running_loop().call_later(self._keep_seconds, self._close_idle)

    def _close_idle(self) -> None:
        # httpcore looks at the age of a connection only when its pool is used again, and an install may never fetch again.
        self._timer = None
        end = asyncio.get_running_loop().time() - self._keep_seconds
        for key in [key for key, kept in self._pools.items() if kept.users == 0 and kept.idle_since <= end]:
            task = asyncio.create_task(self._pools.pop(key).pool.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._schedule()
