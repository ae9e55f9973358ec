# ruff: noqa: RUF001  the look-alikes of letters and digits are what is tested
"""Server-side request forgery: spellings of private targets, redirects to them, and names that change their address. All refused, counted.

The resolver is as lenient as C libraries are: it understands every numeric form. The rules grant each host, and the mode `report` lets
every other public host through, so only the checks of addresses are left to refuse.
"""

from __future__ import annotations

import ipaddress
import itertools
import socket
from collections import Counter

import pytest
from starlette.responses import RedirectResponse, Response

from holdfast.hostcalls import Fetcher, InvalidEgressEntry, parse_rule
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.network.addresses import is_public
from holdfast.hostcalls.network.connections import InstallOfFetch
from holdfast.hostcalls.network.egress import EgressRule
from holdfast.hostcalls.network.fetch import FetchCaller
from holdfast.world.types import HttpError
from tests.events.recording_server import Recorded, RecordingServer
from tests.hostcalls.calling import Caller
from tests.hostcalls.fake_network import OTHER_PUBLIC, PUBLIC, MappedNetwork, request

NUMERIC = [
    # loopback in decimal, octal, hexadecimal, short and mixed forms
    *("2130706433", "017700000001", "0x7f000001", "0x7F000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0177.1"),
    *("127.0.0.01", "127.00.00.01", "0x7f.0x0.0x0.0x1", "0177.0x0.0.1", "127.65530", "127.0.65530", "00000177.0.0.1", "0x0000007f.1"),
    *("127.0.0.1", "127.0.0.1.", "127.8.9.10", "127.255.255.254", "0", "0.0.0.0", "0x0", "00", "0.0", "0.1.2.3"),
    # cloud metadata
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "169.16689662", "0xa9.0xfe.0xa9.0xfe"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.170.2"),
    # private, shared, link-local, multicast, reserved, broadcast
    *("10.0.0.1", "10.1", "167772161", "0xa000001", "012.0.0.1", "172.16.0.1", "172.31.255.255", "0xac100001", "192.168.0.1"),
    *("192.168.257", "3232235521", "0xc0a80001", "0300.0250.0.1", "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("4294967295", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
]
IPV6 = [
    *("::1", "::", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0001", "0::1", "::127.0.0.1", "::7f00:1"),
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::FFFF:127.0.0.1", "0:0:0:0:0:ffff:127.0.0.1", "::ffff:0:127.0.0.1", "::ffff:10.0.0.1"),
    *("::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::ffff:192.168.0.1", "::ffff:93.184.216.34"),
    *("64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1"),
    *("2002:7f00:1::", "2002:7f00:0001::1", "2002:a9fe:a9fe::1", "2002:c0a8:1::", "2001:0:7f00:1::", "2001::1"),
    *("fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "fdff::1", "ff02::1", "ff0e::1", "100::1", "2001:db8::1", "3fff::1"),
    *("fe80::1%eth0", "fe80::1%25eth0", "::1%lo", "::1%251"),
]
NAMES = {
    # Names that lead to private addresses, in their owners' DNS or in the file of hosts.
    "localhost": ["127.0.0.1"],
    "LOCALHOST": ["127.0.0.1"],
    "localhost.": ["127.0.0.1"],
    "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "app.localhost": ["127.0.0.1"],
    "localtest.me": ["127.0.0.1"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "7f000001.nip.io": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata.google.internal.": ["169.254.169.254"],
    "db.internal": ["10.0.0.7"],
    "mixed.example.com": [PUBLIC, "10.0.0.7"],
    "mixed6.example.com": [PUBLIC, "::1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
    "sixtofour.example.com": ["2002:7f00:1::1"],
    "scoped.example.com": ["fe80::1%2"],
}
WHOLE_URLS = [
    # credentials that look like a host, other separators, other digits, dots, escapes
    "http://api.example.com@127.0.0.1/",
    "http://api.example.com:80@127.0.0.1/",
    "http://127.0.0.1@localhost/",
    "http://api.example.com%40127.0.0.1/",
    "http://127.0.0.1\\@api.example.com/",
    "http://127.0.0.1\\.api.example.com/",
    "http:\\\\127.0.0.1/",
    "http:///127.0.0.1/",
    "http:127.0.0.1/",
    "//127.0.0.1/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://127｡0｡0｡1/",
    "http://１２７.０.０.１/",
    "http://①②⑦.⓪.⓪.①/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "http://locaⅼhost/",
    "http://𝟏𝟐𝟕.0.0.1/",
    "http://0𝗑7f000001/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://127.0.0.1%00.example.com/",
    "http://127.0.0.1%09/",
    "http://127.0.0.1%20/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\n/",
    " http://127.0.0.1/",
    "http:// 127.0.0.1/",
    "http://127.0.0.1..",
    "http://.127.0.0.1/",
    "http://[127.0.0.1]/",
    "http://[::1",
    "http://::1/",
    "http://[::1].example.com/",
    "http://[0:0:0:0:0:0:0:1%0]/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:-80/",
    "http://127.0.0.1:80:80/",
    "http://127.0.0.1:22/",
    "http://127.0.0.1:6379/",
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://[::1]:8443/",
    "HTTP://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://127.0.0.1/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "ws://127.0.0.1/",
    "dict://127.0.0.1:11211/",
    "data:text/plain,x",
    "javascript:1",
    "xn--127.0.0.1",
]
SPELLINGS = [
    *(f"http://{host}/" for host in NUMERIC),
    *(f"http://[{host}]/" for host in IPV6),
    *(f"http://{host}/" for host in NAMES),
    *WHOLE_URLS,
]


class LenientResolver:
    """Knows the names above, and every numeric form that C libraries know; everything else is a public host."""

    async def resolve(self, host: str, port: int) -> list[str]:
        for known in (host, host + "."):
            if known in NAMES:
                return NAMES[known]
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            return [PUBLIC]


def rules_for(url: str) -> list[EgressRule]:
    """What an install would have that is granted all it asks for."""
    entries = [url.strip().rstrip("/"), "http://localhost", "http://127.0.0.1", "http://[::1]", "https://127.0.0.1:8443"]
    rules = []
    for entry in entries:
        try:
            rules.append(parse_rule(entry))
        except InvalidEgressEntry:
            continue
    return rules


@pytest.mark.parametrize("report_only", [False, True], ids=["enforce", "report"])
async def test_no_spelling_of_a_private_target_is_connected_to(report_only: bool) -> None:
    network = MappedNetwork()
    refused: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for url in SPELLINGS:
        fetcher = Fetcher(resolver=LenientResolver(), network=network, report_only=report_only, allow_loopback=False)
        try:
            await fetcher.fetch(request(url), rules_for(url))
        except HostCallError as error:
            assert error.case in (HttpError.NOT_ALLOWED, HttpError.INVALID_URL), (url, error.reason)
            refused[error.case.value] += 1
        else:
            raise AssertionError(f"reached: {url}")
        caller = Caller(fetcher=fetcher)
        caller.call_host._on_call = lambda _, outcome: counted.update([outcome])
        await caller.error_case("http.fetch", request(url))
    assert network.connected == []
    assert len(SPELLINGS) == len(set(SPELLINGS))
    assert refused.total() == len(SPELLINGS) >= 100
    # The metric of host calls, which operators watch, counts the same.
    assert counted == refused


async def test_the_operators_own_entries_open_no_private_target_in_production() -> None:
    network = MappedNetwork()
    for url in SPELLINGS:
        fetcher = Fetcher(rules_for(url), resolver=LenientResolver(), network=network)
        with pytest.raises(HostCallError):
            await fetcher.fetch(request(url), ())
    assert network.connected == []


async def test_a_redirect_to_a_private_target_is_returned_and_refused_when_the_guest_follows_it(application: RecordingServer) -> None:
    network = MappedNetwork().at(PUBLIC, application.port).at("127.0.0.1", application.port)
    fetcher = Fetcher(resolver=LenientResolver(), network=network)
    for number, (url, status) in enumerate(itertools.product(SPELLINGS[:40], (301, 302, 303, 307, 308))):

        def answer(_: Recorded, url: str = url, status: int = status) -> Response:
            return RedirectResponse(url, status_code=status)

        application.answer = answer
        response = await fetcher.fetch(request("http://api.example.com/"), [parse_rule("http://api.example.com")])
        location = next(header.value for header in response.headers if header.name.lower() == "location")
        assert (response.status, location) == (status, url)
        with pytest.raises(HostCallError):
            await fetcher.fetch(request(location), [parse_rule("http://api.example.com"), *rules_for(location)])
        assert len(application.requests) == number + 1
    assert {address for address, _ in network.connected} == {PUBLIC}


class RebindingResolver:
    """A name server of an attacker: the answer to each question differs from the one before, and it remembers them."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = itertools.cycle(answers)
        self.given: list[list[str]] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.given.append(next(self._answers))
        return self.given[-1]


async def test_a_name_that_changes_its_address_between_questions_never_leads_to_a_private_one(application: RecordingServer) -> None:
    network = MappedNetwork()
    for address in (PUBLIC, OTHER_PUBLIC, "127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"):
        network.at(address, application.port)
    resolver = RebindingResolver(
        [PUBLIC],
        ["127.0.0.1"],
        [OTHER_PUBLIC],
        ["169.254.169.254"],
        [PUBLIC, "10.0.0.1"],
        [PUBLIC],
        [PUBLIC],
        ["::1"],
        ["::ffff:127.0.0.1"],
    )
    fetcher = Fetcher(resolver=resolver, network=network, report_only=True, keep_seconds=600)
    install = FetchCaller(install=InstallOfFetch("tenant", "install"))
    outcomes: Counter[bool] = Counter()
    for number in range(180):
        try:
            await fetcher.fetch(request("http://rebind.example.com/"), [parse_rule("http://rebind.example.com")], caller=install)
            reached = True
        except HostCallError as error:
            assert error.case is HttpError.NOT_ALLOWED
            reached = False
        assert len(resolver.given) == number + 1  # one question for each fetch: nothing is asked between the check and the connection
        assert reached == all(is_public(address) for address in resolver.given[-1])
        outcomes[reached] += 1
    assert outcomes == {True: 80, False: 100}
    assert len(application.requests) == 80
    assert all(ipaddress.ip_address(address).is_global for address, _ in network.connected)
    await fetcher.close()
