"""Fetches of a guest: requests, responses, denials and limits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from holdfast import __version__
from holdfast.hostcalls import Fetcher, FetchLimits, HostLimits, parse_rules
from holdfast.world.functions import WitError
from holdfast.world.types import HttpError
from tests.events.recording_server import Recorded, RecordingServer, free_port
from tests.hostcalls.calling import EXTENSION, Caller, FixedResolver, NoResolver
from tests.hostcalls.fake_network import PUBLIC, MappedNetwork, fetch, fetch_error, local_fetcher, request
from tests.waiting import MAX_WAIT_SECONDS

# What goes out and what comes back


async def test_a_request_arrives_unchanged(application: RecordingServer) -> None:
    given = request(
        f"{application.url}/a%20b?q=1&q=2#f", "POST", [("X-One", "1"), ("x-one", "2"), ("Authorization", "Bearer é")], b"\x00\xff"
    )
    assert (await fetch(local_fetcher(application), given)).status == 200
    (seen,) = application.requests
    assert (seen.method, seen.path, seen.query, seen.body) == ("POST", "/a%20b", "q=1&q=2", b"\x00\xff")
    assert [value for name, value in seen.headers if name == "x-one"] == ["1", "2"]
    assert (seen.header("authorization") or "").encode("latin-1").decode() == "Bearer é"
    assert seen.header("host") == f"127.0.0.1:{application.port}"
    assert seen.header("content-length") == "2"


async def test_every_byte_of_a_fetch_is_counted_also_when_it_fails_later() -> None:
    received: list[bytes] = []
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3))
        writer.write(head + b"x" * 5_000)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for limit in (5_000, 4_999):
            counted: list[int] = []
            fetcher = Fetcher(parse_rules([url]), allow_loopback=True, resolver=NoResolver(), limits=FetchLimits(response_bytes=limit))
            with contextlib.nullcontext() if limit == 5_000 else pytest.raises(WitError):
                await fetcher.fetch(request(f"{url}/a?b", "PUT", [("x-a", "1")], b"abc"), (), counted.append)
            assert sum(counted) == len(received[-1]) + len(head) + 5_000


async def test_only_the_host_the_encodings_and_the_name_of_the_extension_are_added(application: RecordingServer) -> None:
    await fetch(local_fetcher(application), request(application.url))
    assert [name for name, _ in application.requests[0].headers] == ["host", "accept-encoding", "user-agent"]
    own = [("User-Agent", "tickets"), ("Accept-Encoding", "br")]
    await fetch(local_fetcher(application), request(application.url, headers=own))
    assert [header for header in application.requests[1].headers if header[0] != "host"] == [
        ("user-agent", "tickets"),
        ("accept-encoding", "br"),
    ]


async def test_the_user_agent_names_the_extension_and_its_version(application: RecordingServer) -> None:
    for name, version, names in (
        ("com.example.notes", "1.2.3", "com.example.notes/1.2.3"),
        ("a (b)\r\nX: é", None, "a--b---X---"),
        (None, None, EXTENSION),
    ):
        caller = Caller(fetcher=local_fetcher(application), extension_name=name, extension_version=version)
        await caller.call("http.fetch", request(application.url))
        assert application.requests[-1].header("user-agent") == f"Holdfast/{__version__} ({names})"


async def test_headers_about_the_connection_and_the_host_are_dropped(application: RecordingServer) -> None:
    headers = [
        ("Host", "evil.example"),
        ("Connection", "close, X-Private"),
        ("X-Private", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "999"),
        ("Upgrade", "websocket"),
        ("Proxy-Authorization", "x"),
        ("TE", "trailers"),
        ("X-Kept", "yes"),
    ]
    await fetch(local_fetcher(application), request(application.url, "PUT", headers, b"abc"))
    seen = application.requests[0]
    assert sorted(name for name, _ in seen.headers) == ["accept-encoding", "content-length", "host", "user-agent", "x-kept"]
    assert (seen.header("host"), seen.header("content-length"), seen.body) == (f"127.0.0.1:{application.port}", "3", b"abc")


async def test_a_response_keeps_every_header_and_its_bytes(application: RecordingServer) -> None:
    def answer(_: Recorded) -> Response:
        response = Response(b"\x00\xff", status_code=418, headers={"x-a": "1"})
        response.headers.append("set-cookie", "a=1")
        response.headers.append("set-cookie", "b=2")
        return response

    application.answer = answer
    response = await fetch(local_fetcher(application), request(application.url))
    assert (response.status, response.body) == (418, b"\x00\xff")
    assert [header.value for header in response.headers if header.name.lower() == "set-cookie"] == ["a=1", "b=2"]


async def test_an_empty_response_has_an_empty_body(application: RecordingServer) -> None:
    application.answer = lambda _: Response(status_code=204)
    assert (await fetch(local_fetcher(application), request(application.url, "DELETE"))).body == b""
    application.answer = lambda _: Response(b"not sent")
    assert (await fetch(local_fetcher(application), request(application.url, "HEAD"))).body == b""


async def test_a_compressed_response_is_returned_unchanged_to_a_guest_that_asked_for_it(application: RecordingServer) -> None:
    application.answer = lambda _: Response(b"not really gzip", headers={"content-encoding": "gzip"})
    given = request(application.url, headers=[("accept-encoding", "gzip")])
    assert (await fetch(local_fetcher(application), given)).body == b"not really gzip"


async def test_a_redirect_is_returned_and_not_followed(application: RecordingServer) -> None:
    application.answer = lambda _: RedirectResponse("/target", status_code=302)
    response = await fetch(local_fetcher(application), request(application.url))
    assert response.status == 302
    assert ("location", "/target") in [(header.name.lower(), header.value) for header in response.headers]
    assert len(application.requests) == 1


async def test_proxies_of_the_environment_are_not_used(application: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert (await fetch(local_fetcher(application), request(application.url))).status == 200


@pytest.mark.parametrize("method", ["get", "Patch"])
async def test_a_method_is_sent_in_upper_case(application: RecordingServer, method: str) -> None:
    await fetch(local_fetcher(application), request(application.url, method))
    assert [seen.method for seen in application.requests] == [method.upper()]


@pytest.mark.parametrize("method", ["", "GET /admin", "G\r\nX: y", "CONNECT", "trace", "X" * 33])
async def test_an_invalid_or_tunnelling_method_is_rejected(application: RecordingServer, method: str) -> None:
    assert await fetch_error(local_fetcher(application), request(application.url, method)) is HttpError.INVALID_URL
    assert application.requests == []


@pytest.mark.parametrize(
    "headers",
    [[("X-A", "1\r\nX-B: 2")], [("X A", "1")], [("", "1")], [("X-A:", "1")], [("X-A", "\x00")], [("X", "1")] * 101, [("X", "1" * 40_000)]],
    ids=["line break", "space", "no name", "colon", "control", "many", "long"],
)
async def test_invalid_or_too_many_headers_are_rejected(application: RecordingServer, headers: list[tuple[str, str]]) -> None:
    assert await fetch_error(local_fetcher(application), request(application.url, headers=headers)) is HttpError.TRANSPORT
    assert application.requests == []


# Where it may go


async def test_a_host_without_a_rule_is_denied() -> None:
    fetcher = Fetcher(resolver=NoResolver())
    assert await fetch_error(fetcher, request("https://api.example.com/")) is HttpError.NOT_ALLOWED
    assert await fetch_error(fetcher, request("https://api.example.com/"), "example.com", "other.example.com") is HttpError.NOT_ALLOWED


async def test_the_reason_names_what_to_declare() -> None:
    caller = Caller(fetcher=Fetcher(resolver=NoResolver()))
    await caller.error_case("http.fetch", request("https://api.example.com/path?key=hidden"))
    assert "https://api.example.com:443 is not among the hosts granted" in caller.sink.messages[-1]
    assert "hidden" not in caller.sink.messages[-1]


@pytest.mark.parametrize(
    ("url", "granted", "rule", "remedy"),
    [
        (
            "https://api.example.com/",
            [],
            "egress_not_granted",
            "(none); if the manifest declares it, grant it with `holdfast grants grant`",
        ),
        ("https://api.example.com/", ["other.example.com"], "egress_not_granted", "(https://other.example.com:443)"),
        ("http://api.example.com/", ["api.example.com"], "egress_port_differs", "declare http://api.example.com:80 under egress"),
        ("https://api.example.com:8443/", ["*.example.com"], "egress_port_differs", "declare https://api.example.com:8443 under egress"),
        ("https://example.com/", ["*.example.com"], "egress_subdomain_only", "declare example.com under egress in the manifest too"),
        ("http://10.0.0.1/", [], "egress_private_address", "whatever is granted"),
        ("http://10.0.0.1/", ["http://10.0.0.1"], "egress_private_address", "whatever is granted"),
        ("https://inside.example.com/", ["inside.example.com"], "egress_private_address", "whatever is granted"),
        ("http://127.0.0.1:8123/", [], "egress_loopback_address", "add http://127.0.0.1:8123 to EXT_EGRESS_ALLOWLIST"),
        (
            "http://localhost:8123/",
            ["http://localhost:8123"],
            "egress_loopback_address",
            "add http://localhost:8123 to EXT_EGRESS_ALLOWLIST",
        ),
    ],
)
async def test_a_denial_names_its_rule_and_the_remedy_for_its_true_cause(url: str, granted: list[str], rule: str, remedy: str) -> None:
    resolver = FixedResolver().add("inside.example.com", ["10.0.0.7"]).add("localhost", ["127.0.0.1"])
    caller = Caller(fetcher=Fetcher(allow_loopback=True, resolver=resolver, network=MappedNetwork()), egress=granted)
    assert await caller.error_case("http.fetch", request(url)) is HttpError.NOT_ALLOWED
    assert caller.sink.messages[-1].endswith(f" [{rule}]")
    assert remedy in caller.sink.messages[-1]
    assert "10.0.0.7" not in caller.sink.messages[-1]


@pytest.mark.parametrize(
    ("withheld", "rule", "remedy"),
    [
        (("api.example.com",), "egress_not_granted", "grant it with `holdfast grants grant --egress`"),
        (("*.example.com",), "egress_not_granted", "the manifest declares https://*.example.com:443"),
        (("other.example.com",), "egress_not_declared", "declare api.example.com under egress in the manifest, and install"),
        ((), "egress_not_declared", "declare api.example.com under egress in the manifest, and install"),
    ],
)
async def test_a_host_that_is_not_granted_has_another_remedy_than_one_that_is_not_declared(
    withheld: tuple[str, ...], rule: str, remedy: str
) -> None:
    caller = Caller(fetcher=Fetcher(resolver=NoResolver()), egress=("granted.example.org",), egress_withheld=withheld)
    await caller.error_case("http.fetch", request("https://api.example.com/"))
    assert caller.sink.messages[-1].endswith(f" [{rule}]") and remedy in caller.sink.messages[-1]


async def test_production_offers_no_way_to_the_machine_of_the_host() -> None:
    caller = Caller(fetcher=Fetcher(allow_loopback=False, resolver=NoResolver()), egress=["http://127.0.0.1:8123"])
    await caller.error_case("http.fetch", request("http://127.0.0.1:8123/"))
    assert caller.sink.messages[-1].endswith("whatever is granted [egress_loopback_address]")


@pytest.mark.parametrize("url", ["", "nonsense", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "https://u:p@api.example.com/"])
async def test_an_unsupported_url_is_invalid(url: str) -> None:
    fetcher = Fetcher(parse_rules(["http://127.0.0.1:80", "api.example.com"]), allow_loopback=True, resolver=NoResolver())
    assert await fetch_error(fetcher, request(url), "api.example.com") is HttpError.INVALID_URL


async def test_a_granted_host_and_a_host_of_the_operator_are_reachable(application: RecordingServer) -> None:
    network = MappedNetwork().at(PUBLIC, application.port)
    resolver = FixedResolver().add("granted.example.com", [PUBLIC]).add("operator.example.com", [PUBLIC])
    fetcher = Fetcher(parse_rules(["http://operator.example.com"]), resolver=resolver, network=network)
    assert (await fetch(fetcher, request("http://granted.example.com/"), "http://granted.example.com")).status == 200
    assert (await fetch(fetcher, request("http://operator.example.com/"))).status == 200
    assert network.connected == [(PUBLIC, 80), (PUBLIC, 80)]
    assert [seen.header("host") for seen in application.requests] == ["granted.example.com", "operator.example.com"]


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123/"),
        ("http://[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]/"),
        ("http://[::1]:80", "http://[::1]/"),
        ("http://169.254.169.254", "http://169.254.169.254/latest/meta-data/"),
        ("http://192.168.0.1", "http://192.168.0.1/"),
        ("http://[fd00:ec2::254]", "http://[fd00:ec2::254]/"),
        ("http://localhost:80", "http://localhost/"),
    ],
)
async def test_a_granted_host_with_a_private_address_is_denied(entry: str, url: str) -> None:
    network = MappedNetwork()
    resolver = FixedResolver().add("localhost", ["127.0.0.1"])
    fetcher = Fetcher(allow_loopback=True, resolver=resolver, network=network)
    assert await fetch_error(fetcher, request(url), entry) is HttpError.NOT_ALLOWED
    assert network.connected == []


@pytest.mark.parametrize("results", [[], [[]]])
async def test_a_name_without_an_address_is_a_transport_error(results: list[list[str]]) -> None:
    fetcher = Fetcher(resolver=FixedResolver().add("nowhere.example.com", *results))
    assert await fetch_error(fetcher, request("https://nowhere.example.com/"), "nowhere.example.com") is HttpError.TRANSPORT


# The author's own API


async def test_a_local_port_is_reachable_when_the_operator_allows_it(application: RecordingServer) -> None:
    resolver = FixedResolver().add("localhost", ["127.0.0.1"])
    fetcher = Fetcher(parse_rules([f"http://localhost:{application.port}"]), allow_loopback=True, resolver=resolver)
    assert (await fetch(fetcher, request(f"http://localhost:{application.port}/"))).status == 200


async def test_a_local_port_is_not_reachable_in_production(application: RecordingServer) -> None:
    fetcher = Fetcher(parse_rules([application.url]), allow_loopback=False, resolver=NoResolver())
    assert await fetch_error(fetcher, request(application.url)) is HttpError.NOT_ALLOWED
    assert application.requests == []


async def test_another_local_port_is_not_reachable(application: RecordingServer) -> None:
    fetcher = Fetcher(parse_rules([f"http://127.0.0.1:{free_port()}"]), allow_loopback=True, resolver=NoResolver())
    assert await fetch_error(fetcher, request(application.url)) is HttpError.NOT_ALLOWED
    assert application.requests == []


async def test_a_local_name_that_resolves_elsewhere_is_denied() -> None:
    resolver = FixedResolver().add("localhost", ["10.0.0.1"])
    fetcher = Fetcher(parse_rules(["http://localhost:8123"]), allow_loopback=True, resolver=resolver, network=MappedNetwork())
    assert await fetch_error(fetcher, request("http://localhost:8123/")) is HttpError.NOT_ALLOWED


# Limits


async def test_a_response_above_its_limit_is_aborted(application: RecordingServer) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65_536
            await asyncio.sleep(0)  # lets the server notice that the client is gone

    application.answer = lambda _: StreamingResponse(endless())
    fetcher = local_fetcher(application, limits=FetchLimits(response_bytes=1_000_000))
    assert await fetch_error(fetcher, request(application.url)) is HttpError.TRANSPORT
    assert sent < 1_000


async def test_a_response_at_its_limit_is_accepted(application: RecordingServer) -> None:
    application.answer = lambda _: Response(b"x" * 1_000)
    fetcher = local_fetcher(application, limits=FetchLimits(response_bytes=1_000))
    assert len((await fetch(fetcher, request(application.url))).body or b"") == 1_000


async def test_a_response_that_does_not_end_in_time_is_a_transport_error(application: RecordingServer) -> None:
    released = asyncio.Event()

    async def hold(_: Recorded) -> Response:
        await released.wait()
        return Response()

    application.answer = hold
    fetcher = local_fetcher(application, limits=FetchLimits(seconds=0.05))
    assert await fetch_error(fetcher, request(application.url)) is HttpError.TRANSPORT
    released.set()


async def test_a_call_has_a_limit_of_fetches(application: RecordingServer) -> None:
    caller = Caller(fetcher=local_fetcher(application), limits=HostLimits(fetches=2))
    for _ in range(2):
        await caller.call("http.fetch", request(application.url))
    assert await caller.error_case("http.fetch", request(application.url)) is HttpError.NOT_ALLOWED
    assert "has made 2 fetches" in caller.sink.messages[-1]
    assert len(application.requests) == 2


async def test_a_call_has_a_limit_of_fetches_at_once(application: RecordingServer) -> None:
    running, most = 0, 0
    released = asyncio.Event()

    async def hold(_: Recorded) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await released.wait()
        running -= 1
        return Response()

    application.answer = hold
    caller = Caller(fetcher=local_fetcher(application), limits=HostLimits(fetches_at_once=2))
    fetches = [asyncio.create_task(caller.call("http.fetch", request(application.url))) for _ in range(5)]
    await application.wait_for(2)
    released.set()
    await asyncio.gather(*fetches)
    assert most == 2


async def test_a_cancelled_fetch_ends_its_connection(application: RecordingServer) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0)
        finally:
            closed.set()

    application.answer = lambda _: StreamingResponse(endless())
    task = asyncio.create_task(Caller(fetcher=local_fetcher(application)).call("http.fetch", request(application.url)))
    await application.wait_for(1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        await closed.wait()


async def test_a_closed_port_is_a_transport_error() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    fetcher = Fetcher(parse_rules([url]), allow_loopback=True, resolver=NoResolver())
    assert await fetch_error(fetcher, request(url)) is HttpError.TRANSPORT
