"""The fetcher of a process, created at its first fetch: its HTTP library and certificates take as long to load as half a runner's start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from holdfast.hostcalls.network.egress import EgressRule
from holdfast.world.types import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from holdfast.hostcalls.network.fetch import FetchCaller, Fetcher


class Fetches(Protocol):
    """What sends the requests of guests."""

    async def fetch(
        self,
        request: HttpRequest,
        granted: Sequence[EgressRule],
        on_bytes: Callable[[int], None],
        *,
        withheld: Sequence[EgressRule] | None = None,
        caller: FetchCaller,
    ) -> HttpResponse:
        """As `Fetcher.fetch`."""
        ...

    async def close(self) -> None:
        """As `Fetcher.close`."""


class DeferredFetcher:
    """A `Fetcher` that is created when it is needed."""

    def __init__(self, create: Callable[[], Fetcher]) -> None:
        """`create` is called once, at the first fetch."""
        self._create = create
        self._fetcher: Fetcher | None = None

    async def fetch(
        self,
        request: HttpRequest,
        granted: Sequence[EgressRule],
        on_bytes: Callable[[int], None],
        *,
        withheld: Sequence[EgressRule] | None = None,
        caller: FetchCaller,
    ) -> HttpResponse:
        """As `Fetcher.fetch`."""
        if self._fetcher is None:
            self._fetcher = self._create()
        return await self._fetcher.fetch(request, granted, on_bytes, withheld=withheld, caller=caller)

    async def close(self) -> None:
        """As `Fetcher.close`."""
        if self._fetcher is not None:
            await self._fetcher.close()
