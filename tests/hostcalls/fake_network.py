"""Requests through the call_host, and a network on which public addresses lead to this machine."""

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
    """Lets chosen public addresses be a local port, and records which addresses were dialled."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, int]] = []
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
        self.dialled.append((host, port))
        if host not in self.ports:
            raise httpcore2.ConnectError("nothing there")
        return await self._network.connect_tcp("127.0.0.1", self.ports[host], timeout)


def request(url: str, method: str = "GET", headers: Iterable[tuple[str, str]] = (), body: bytes | None = None) -> HttpRequest:
    return HttpRequest(method, url, [HttpHeader(name, value) for name, value in headers], body)


def local_fetcher(server: RecordingServer, **options: Any) -> Fetcher:
    """A fetcher of an author whose API runs on this machine."""
    return Fetcher(parse_rules([server.url]), allow_loopback=True, resolver=NoResolver(), **options)


async def fetch(fetcher: Fetcher, given: HttpRequest, *egress: str) -> HttpResponse:
    answer = await Caller(fetcher=fetcher, egress=egress).ask("http.fetch", given)
    assert isinstance(answer, HttpResponse)
    return answer


async def refusal(fetcher: Fetcher, given: HttpRequest, *egress: str) -> Any:
    return await Caller(fetcher=fetcher, egress=egress).case("http.fetch", given)
