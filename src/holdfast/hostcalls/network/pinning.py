"""A network backend for httpcore that connects to checked addresses only, even if the name resolves to others by then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import httpcore2


class PinnedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to one of `addresses`, in order. Ignores the host that httpcore passes, which is for TLS and the Host header."""

    def __init__(self, addresses: Sequence[str], network: httpcore2.AsyncNetworkBackend, *, attempt_timeout: float = 10.0) -> None:
        """`attempt_timeout` limits each address, in seconds, so that one that never responds leaves time for the others."""
        self._addresses = tuple(addresses)
        self._network = network
        self._attempt_timeout = attempt_timeout

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connects to the first address that accepts. Raises the error of the last one if none does."""
        failure: Exception = httpcore2.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._network.connect_tcp(address, port, self._attempt_timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Always raises ConnectError: a local socket is not a public address."""
        raise httpcore2.ConnectError("local sockets are not reachable")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
