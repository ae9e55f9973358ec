"""Fetches of a guest, and a network that maps public addresses to ports of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpcore2

from holdfast.hostcalls import Fetcher, parse_rules
from holdfast.world.types import HttpHeader, HttpRequest, HttpResponse
from tests.events.recording_server import RecordingServer
from tests.hostcalls.calling import Caller, NoResolver

PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "93.184.216.35"


class MappedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects chosen public addresses to local ports, and records the addresses."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, int]] = []
        self.ports: dict[str, int] = {}
        self._network = httpcore2.AnyIOBackend()

    def at(self, address: str, port: int) -> MappedNetwork:
        self.ports[address] = port
        return self

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.connected.append((host, port))
        if host not in self.ports:
            raise httpcore2.ConnectError("no such address")
        return await self._network.connect_tcp("127.0.0.1", self.ports[host], timeout)


def request(url: str, method: str = "GET", headers: Iterable[tuple[str, str]] = (), body: bytes | None = None) -> HttpRequest:
    return HttpRequest(method, url, [HttpHeader(name, value) for name, value in headers], body)


def local_fetcher(server: RecordingServer, **options: Any) -> Fetcher:
    """A fetcher of an author whose API runs on this machine."""
    return Fetcher(parse_rules([server.url]), allow_loopback=True, resolver=NoResolver(), **options)


async def fetch(fetcher: Fetcher, request: HttpRequest, *egress: str) -> HttpResponse:
    response = await Caller(fetcher=fetcher, egress=egress).call("http.fetch", request)
    assert isinstance(response, HttpResponse)
    return response


async def fetch_error(fetcher: Fetcher, request: HttpRequest, *egress: str) -> Any:
    return await Caller(fetcher=fetcher, egress=egress).error_case("http.fetch", request)
