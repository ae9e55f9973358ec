"""Which addresses are public, and how names are resolved."""

from __future__ import annotations

import socket

import pytest

from holdfast.hostcalls.network.addresses import SystemResolver, is_loopback, is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"])
def test_hosts_on_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",  # a cloud's metadata service
        "127.0.0.1",
        "127.8.8.8",
        "168.63.129.16",  # a cloud's platform services
        "169.254.169.254",  # the other clouds' metadata service
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # IPv4-compatible
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",  # mapped: denied for any IPv4 address
        "64:ff9b::808:808",  # NAT64
        "64:ff9b:1::1",
        "100::1",
        "2001::1",  # Teredo
        "2001:db8::1",
        "2002:7f00:1::",  # 6to4
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",  # a cloud's metadata service
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "localhost",
        "",
        "0x7f.1",
        "2130706433",
    ],
)
def test_every_other_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("address", "expected"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("8.8.8.8", False), ("x", False)]
)
def test_loopback_is_this_machine_only(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


async def test_the_system_resolver_returns_each_address_once_and_raises_oserror() -> None:
    resolver = SystemResolver(threads=1)
    found = await resolver.resolve("localhost", 80)
    assert found
    assert len(found) == len(set(found))
    assert all(is_loopback(address) for address in found)
    with pytest.raises(socket.gaierror):
        await resolver.resolve("no-such-name.invalid", 80)
    resolver.close()
