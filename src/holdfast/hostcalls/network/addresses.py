"""Resolves names to addresses, and decides which addresses belong to the public Internet."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

# The ipaddress module calls these global, but they translate to other addresses, or belong to one cloud's metadata service in public
# space. The module's tables are older than some assignments, so of IPv6 only the range assigned to hosts counts.
_DENIED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # Azure's platform services
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # 6to4 relays
    )
)
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",  # documentation
    )
)


class Resolver(Protocol):
    """Resolves names to addresses."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of `host` as text, preferred ones first. Raises OSError when it has none."""
        ...


class SystemResolver:
    """The resolver of this machine, in its own threads: slow names must not occupy the threads that other work uses."""

    def __init__(self, threads: int = 8) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def resolve(self, host: str, port: int) -> list[str]:
        """See Resolver."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _lookup, host, port)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Stops the threads without waiting for running lookups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _lookup(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether the address belongs to a host on the public Internet: not private, loopback, link-local (cloud metadata), shared, multicast
    or reserved, and not an IPv6 form of an IPv4 address (mapped, NAT64, 6to4, Teredo). False for text that is not an address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _DENIED_V4)
    return (
        parsed in _GLOBAL_UNICAST_V6
        and parsed.is_global
        and parsed.scope_id is None
        and not any(parsed in network for network in _DENIED_V6)
    )


def is_address(text: str) -> bool:
    """Whether the text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(address: str) -> bool:
    """Whether the address is this machine itself. False for text that is not an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
