"""S4, S5, S12, S17: what a guest cannot do. Numbers as in section 8.2 of the runner's contract."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.responses import Response

from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.hostcalls import CallContext, UiProxyClient
from holdfast.world.capabilities import Capability
from holdfast.world.functions import FUNCTIONS_BY_ID, WitError
from holdfast.world.types import HttpError, ProxyError
from tests.bundles.archives import archive, regular
from tests.contract import guests
from tests.contract.conftest import Start
from tests.contract.guest import host_services
from tests.contract.running import ARTIFACTS, Running
from tests.events.recording_server import RecordingServer, recording_server
from tests.hostcalls.calling import ALL, USER, Caller
from tests.hostcalls.fake_network import request
from tests.runner.conftest import EXTENSION, INSTALL, TENANT, TOKEN, call_body
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS


async def test_s4_wasi_http_sends_nothing(start: Start, application: RecordingServer, tmp_path: Path) -> None:
    """Not even to a granted host: `http.fetch` is the only way to the network. It checks the capability and counts requests."""
    runner = await start(egress_allowlist=application.url)
    digest = runner.put(component=guests.sending_by_wasi_http(tmp_path))
    envelope = await runner.call(digest, providers=["cap:http.fetch"])
    assert envelope["status"] == 500
    assert envelope["error"].startswith("execute_failed: limit: the guest called wasi:http/types")
    assert "http.fetch" in envelope["error"], "the error names what to use instead"
    assert application.requests == []


async def fetch_outcome(url: str, *granted: str, **settings: object) -> HttpError | int:
    """Fetches for an install that was granted these hosts. Returns the error case or the HTTP status."""
    async with host_services(**settings) as host:
        call = CallContext(request_id="r", tenant_id=TENANT, extension_id=EXTENSION, install_id=INSTALL, egress=granted)
        call_host = host.call_host(call, frozenset({Capability.HTTP_FETCH}))
        try:
            response = await call_host.call(FUNCTIONS_BY_ID["http.fetch"], (request(url),))
        except WitError as error:
            assert isinstance(error.case, HttpError)
            return error.case
        status: int = response.status  # type: ignore[attr-defined]
        return status


async def test_s5_an_empty_allow_list_allows_nothing(application: RecordingServer) -> None:
    for url in (application.url, "https://example.com/", "http://93.184.216.34/"):
        assert await fetch_outcome(url, egress_allowlist="") is HttpError.NOT_ALLOWED
    assert application.requests == []


async def test_s5_no_install_can_be_granted_a_private_address(application: RecordingServer) -> None:
    """Each address is granted by the manifest. The server on loopback shows that no request arrives."""
    local = application.port
    for target in (
        *(f"http://127.0.0.1:{local}", f"http://localhost:{local}", f"http://[::ffff:127.0.0.1]:{local}", f"http://0.0.0.0:{local}"),
        *("http://169.254.169.254", "http://[fd00:ec2::254]", "http://10.0.0.1", "http://192.168.0.1", "http://172.16.0.1"),
        *("http://100.64.0.1", "http://[::1]", "http://[fe80::1]", "http://168.63.129.16"),
    ):
        assert await fetch_outcome(f"{target}/latest/meta-data/", target) is HttpError.NOT_ALLOWED, target
    assert application.requests == []


async def test_s5_each_install_has_its_own_list(application: RecordingServer) -> None:
    """The operator has a list too. Only that list may name a port of this machine, and only in development."""
    assert await fetch_outcome(application.url, egress_allowlist=application.url) == 200
    assert await fetch_outcome(application.url, egress_allowlist=application.url, environment="production") is HttpError.NOT_ALLOWED
    assert await fetch_outcome("https://example.org/", "example.com", "*.example.net") is HttpError.NOT_ALLOWED
    assert len(application.requests) == 1


@asynccontextmanager
async def caller_with_proxy(application: RecordingServer, *, without: Capability | None = None) -> AsyncIterator[Caller]:
    """A call with everything granted, or all but one capability, whose install has an API key."""
    proxy = UiProxyClient(application.url)
    yield Caller(ui_proxy=proxy, granted=ALL - {without}, secrets={"api_key": "the-api-key"}, user=USER, extension_id=EXTENSION)
    await proxy.close()


@pytest.mark.parametrize(
    "route",
    ["/api/internal/ext-storage/install/x", "api/internal/x", "/api//internal/x", "/api/INTERNAL/x", "/api/internal", "//api/internal/x"],
)
async def test_s12_no_guest_reaches_the_internal_api(application: RecordingServer, route: str) -> None:
    """The route is denied, or resolved as a route of the extension itself, below the extension's id."""
    async with caller_with_proxy(application) as caller:
        try:
            await caller.call("ui-proxy.call-route", route, None)
        except WitError as error:
            assert error.case is ProxyError.DENIED
    assert all(seen.path.startswith(f"/{EXTENSION}/") for seen in application.requests)


@pytest.mark.parametrize("route", ["/api/../internal/x", "/api/v1/../internal/x", "/api/./internal/x", "/x/../../api/internal/x"])
async def test_s12_no_guest_reaches_the_internal_api_by_relative_paths(application: RecordingServer, route: str) -> None:
    async with caller_with_proxy(application) as caller:
        assert await caller.error_case("ui-proxy.call-route", route, None) is ProxyError.BAD_REQUEST
    async with caller_with_proxy(application) as caller:
        await caller.call("ui-proxy.call-route", "/api/%2e%2e/internal/x", None)
    assert [seen.path for seen in application.requests] == ["/api/%252e%252e/internal/x"], (
        "a second encoding makes it a name, not a parent folder"
    )


async def test_s12_the_key_is_sent_only_for_guests_that_may_read_secrets(application: RecordingServer) -> None:
    async with caller_with_proxy(application) as caller:
        await caller.call("ui-proxy.call-route", "/api/v1/clients", None)
    async with caller_with_proxy(application, without=Capability.SECRETS_GET) as caller:
        await caller.call("ui-proxy.call-route", "/api/v1/clients", None)
    assert [seen.header("x-api-key") for seen in application.requests] == ["the-api-key", None]


async def test_s12_the_key_follows_no_redirect(application: RecordingServer) -> None:
    async with recording_server() as elsewhere, caller_with_proxy(application) as caller:
        for status in (301, 302, 303, 307, 308):
            application.answer = lambda _, status=status: Response(status_code=status, headers={"location": elsewhere.url})  # type: ignore[misc]
            assert await caller.error_case("ui-proxy.call-route", "/api/v1/clients", b"{}") is ProxyError.INTERNAL
        assert elsewhere.requests == []
    assert len(application.requests) == 5


async def test_s17_a_guest_sees_nothing_of_its_host(runner: Running, tmp_path: Path) -> None:
    """No arguments, no environment variables, no folders. The image of the runner decides whether the process runs as root."""
    envelope = await runner.call(runner.put(component=guests.counting_its_environment(tmp_path)))
    assert envelope["status"] == 200


def test_s17_a_guest_cannot_forge_a_log_line(tmp_path: Path) -> None:
    """At log level debug, and without a gateway for the debug stream: the events then go to the runner's log."""
    components = [
        guests.writing(tmp_path, b"\x1b[2K\rFORGED by stdout\x1b[0m\n", b"\rFORGED by stderr\n"),
        guests.logging(b"logged\nFORGED by a log call\n\x1b[2KFORGED"),
    ]
    variables = {"HOLDFAST_LOG_LEVEL": "debug", "HOLDFAST_LOG_FORMAT": "console", "HOLDFAST_ARTIFACT_ROOT": str(ARTIFACTS)}
    with (
        runner_process(tmp_path, **variables) as (origin, _),
        httpx2.Client(base_url=origin, timeout=MAX_WAIT_SECONDS, trust_env=False) as client,
    ):
        for component in components:
            digest = store_bundle(tmp_path, component)
            headers = {"x-runner-service-token": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}
            assert client.post("/v1/execute", json=call_body(digest), headers=headers).json()["status"] == 200
    log = (tmp_path / "runner.log").read_bytes()
    assert b"\x1b" not in log and b"\r" not in log
    # The further lines of a message have an indentation and a mark that no line of the log begins with.
    head, further = re.compile(rb"[0-9:.TZ-]+ \[(debug|info|error) "), re.compile(rb" {21}\xe2\x94\x82 ")
    lines = [line for line in log.splitlines() if b"FORGED" in line]
    assert sum(b"[debug" in line for line in lines) == 3, "each forged text is among the debug events, as part of a real line"
    assert sum(b"FORGED by stdout" in line for line in lines) == sum(b"FORGED by stderr" in line for line in lines) == 2
    assert all(head.match(line) or further.match(line) for line in lines)
    assert not any(further.match(line) for line in log.splitlines() if b"FORGED" not in line)


def store_bundle(folder: Path, component: Path) -> str:
    """Puts a bundle into the store of a runner whose data is below `folder`. Returns its hash."""
    packed = archive(folder / "packed.tar.zst", regular("dist/main.wasm", component.read_bytes()))
    digest = hash_file(packed)
    stored = folder / "data" / "bundles" / bundle_key(TENANT, EXTENSION, digest)
    stored.parent.mkdir(parents=True)
    packed.rename(stored)
    return digest
