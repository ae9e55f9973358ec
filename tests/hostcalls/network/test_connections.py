"""Kept connections: within one install and one checked target, and no longer than they are useful."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from holdfast.hostcalls import Fetcher, parse_rules
from holdfast.hostcalls.network import connections
from holdfast.hostcalls.network.connections import InstallOfFetch
from holdfast.hostcalls.network.fetch import FetchCaller
from holdfast.world.functions import WitError
from tests.hostcalls.calling import FixedResolver, NoResolver
from tests.hostcalls.fake_network import OTHER_PUBLIC, PUBLIC, MappedNetwork, request
from tests.waiting import until

ONE = FetchCaller(install=InstallOfFetch("tenant-a", "install-1"))
OTHERS = (
    FetchCaller(install=InstallOfFetch("tenant-a", "install-2")),
    FetchCaller(install=InstallOfFetch("tenant-b", "install-1")),
    FetchCaller(),
)


class CountingServer:
    """Answers every request of a connection, and counts connections and requests. `closes` ends each connection after its first answer."""

    def __init__(self) -> None:
        self.connections = 0
        self.open = 0
        self.requests: list[bytes] = []
        self.drops_next = False
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        answered = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if answered and self.drops_next:
                    self.drops_next = False
                    break
                self.requests.append(head)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
                answered += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def counting_server() -> AsyncIterator[CountingServer]:
    counting = CountingServer()
    async with await asyncio.start_server(counting.serve, "127.0.0.1", 0) as server:
        counting.port = server.sockets[0].getsockname()[1]
        yield counting
        server.close()
        await until(lambda: counting.open == 0)


@pytest.fixture
async def server() -> AsyncIterator[CountingServer]:
    async with counting_server() as counting:
        yield counting


def fetcher_of(server: CountingServer, resolver: FixedResolver | None = None, *, keep_seconds: float = 600.0) -> Fetcher:
    network = MappedNetwork().at(PUBLIC, server.port).at(OTHER_PUBLIC, server.port)
    resolver = resolver or FixedResolver().add("api.example.com", [PUBLIC]).add("other.example.com", [PUBLIC])
    rules = parse_rules(["http://api.example.com", "http://other.example.com", "http://api.example.com:8080"])
    return Fetcher(rules, resolver=resolver, network=network, keep_seconds=keep_seconds)


async def get(fetcher: Fetcher, caller: FetchCaller, url: str = "http://api.example.com/", method: str = "GET") -> None:
    assert (await fetcher.fetch(request(url, method), (), caller=caller)).body == b"ok"


async def test_an_install_uses_its_connection_again(server: CountingServer) -> None:
    fetcher = fetcher_of(server)
    for method in ("GET", "POST", "GET"):
        await get(fetcher, ONE, method=method)
    assert (server.connections, len(server.requests)) == (1, 3)
    await fetcher.close()
    assert fetcher.connections.open_count == 0
    await until(lambda: server.open == 0)


async def test_no_connection_is_shared_between_installs_tenants_or_targets(server: CountingServer) -> None:
    fetcher = fetcher_of(server)
    await get(fetcher, ONE)
    for caller in OTHERS:
        await get(fetcher, caller)
    assert server.connections == 4
    for url in ("http://other.example.com/", "http://api.example.com:8080/"):
        await get(fetcher, ONE, url)
    assert server.connections == 6
    # A caller without an install keeps nothing.
    await get(fetcher, FetchCaller())
    assert server.connections == 7
    await fetcher.close()


async def test_a_name_with_another_address_gets_another_connection(server: CountingServer) -> None:
    resolver = FixedResolver().add("api.example.com", [PUBLIC], [OTHER_PUBLIC], [OTHER_PUBLIC, PUBLIC], [PUBLIC, OTHER_PUBLIC])
    fetcher = fetcher_of(server, resolver)
    for expected in (1, 2, 3, 3):
        await get(fetcher, ONE)
        assert server.connections == expected
    await fetcher.close()


async def test_a_kept_connection_does_not_outlive_the_check_of_the_address(server: CountingServer) -> None:
    resolver = FixedResolver().add("api.example.com", [PUBLIC], ["10.0.0.1"])
    fetcher = fetcher_of(server, resolver)
    await get(fetcher, ONE)
    with pytest.raises(WitError):
        await get(fetcher, ONE)
    assert len(server.requests) == 1
    await fetcher.close()


async def test_a_connection_that_the_server_ends_is_replaced_for_a_request_that_may_be_sent_twice(server: CountingServer) -> None:
    fetcher = fetcher_of(server)
    await get(fetcher, ONE)
    server.drops_next = True
    await get(fetcher, ONE)
    assert (server.connections, len(server.requests)) == (2, 2)
    await fetcher.close()


async def test_a_request_that_may_have_been_carried_out_is_not_sent_twice(server: CountingServer) -> None:
    fetcher = fetcher_of(server)
    await get(fetcher, ONE)
    server.drops_next = True
    with pytest.raises(WitError):
        await get(fetcher, ONE, method="POST")
    assert len(server.requests) == 1
    await fetcher.close()


async def test_an_idle_connection_is_closed_without_another_fetch(server: CountingServer) -> None:
    fetcher = fetcher_of(server, keep_seconds=0.05)
    await get(fetcher, ONE)
    await until(lambda: server.open == 0 and fetcher.connections.open_count == 0)
    await fetcher.close()


async def test_the_number_of_targets_with_kept_connections_is_bounded(server: CountingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    fetcher = fetcher_of(server)
    fetcher.connections._max_pools = 3
    for number in range(10):
        await get(fetcher, FetchCaller(install=InstallOfFetch("tenant-a", f"install-{number}")))
        assert fetcher.connections.open_count <= 3
    await until(lambda: server.open == 3)
    await get(fetcher, FetchCaller(install=InstallOfFetch("tenant-a", "install-9")))
    assert server.connections == 10
    await fetcher.close()


async def test_fetches_at_once_have_a_connection_each_and_few_stay(server: CountingServer) -> None:
    fetcher = fetcher_of(server)
    await asyncio.gather(*(get(fetcher, ONE) for _ in range(12)))
    assert len(server.requests) == 12
    assert fetcher.connections.open_count <= connections.MAX_IDLE_OF_A_TARGET
    await fetcher.close()


def test_nothing_is_kept_unless_asked() -> None:
    assert Fetcher(resolver=NoResolver()).connections.open_count == 0
