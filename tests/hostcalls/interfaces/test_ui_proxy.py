"""The interface `ui-proxy`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from starlette.responses import JSONResponse, Response

from holdfast.hostcalls import UiProxyClient
from holdfast.world.capabilities import Capability
from holdfast.world.types import ProxyError
from tests.events.recording_server import Recorded, RecordingServer, free_port, recording_server
from tests.hostcalls.calling import ALL, EXTENSION, INSTALL, TENANT, USER, Caller


@pytest.fixture
async def proxy(application: RecordingServer) -> AsyncIterator[UiProxyClient]:
    proxy = UiProxyClient(f"{application.url}/api/ui-proxy/?ignored=1")
    yield proxy
    await proxy.close()


@pytest.fixture
def caller(proxy: UiProxyClient) -> Caller:
    return Caller(ui_proxy=proxy, secrets={"api_key": "the-api-key"}, user=USER)


async def test_a_payload_is_posted_below_the_extensions_own_id(application: RecordingServer, caller: Caller) -> None:
    application.answer = lambda _: Response(b"\x00answer", status_code=201)
    assert await caller.call("ui-proxy.call-route", "/proxy/ping?x=1&y=%20", b'{"limit":5}') == b"\x00answer"
    (seen,) = application.requests
    assert (seen.method, seen.path, seen.query) == ("POST", f"/api/ui-proxy/{EXTENSION}/proxy/ping", "x=1&y=%20")
    assert (seen.header("content-type"), seen.body) == ("application/json", b'{"limit":5}')


async def test_a_route_without_payload_is_a_get(application: RecordingServer, caller: Caller) -> None:
    await caller.call("ui-proxy.call-route", "list", None)
    (seen,) = application.requests
    assert (seen.method, seen.path, seen.body, seen.header("content-type")) == ("GET", f"/api/ui-proxy/{EXTENSION}/list", b"", None)


async def test_the_application_receives_the_identity_of_the_call(application: RecordingServer, caller: Caller) -> None:
    await caller.call("ui-proxy.call-route", "/r", None)
    seen = application.requests[0]
    assert {name: value for name, value in seen.headers if name.startswith("x-")} == {
        "x-request-id": "r-1",
        "x-alga-tenant": TENANT,
        "x-alga-extension": EXTENSION,
        "x-ext-install-id": INSTALL,
        "x-ext-version-id": "v-1",
        "x-api-key": "the-api-key",
        "x-user-id": "u-1",
        "x-user-email": "ana@example.com",
    }


async def test_unknown_identity_headers_are_left_out(application: RecordingServer, proxy: UiProxyClient) -> None:
    await Caller(ui_proxy=proxy, request_id=None, install_id=None, version_id=None).call("ui-proxy.call-route", "/r", None)
    seen = application.requests[0]
    assert sorted(name for name, _ in seen.headers if name.startswith("x-")) == ["x-alga-extension", "x-alga-tenant", "x-request-id"]
    assert seen.header("x-request-id") == "ui-proxy-call"


async def test_the_api_key_is_not_sent_without_the_capability_for_secrets(application: RecordingServer, proxy: UiProxyClient) -> None:
    caller = Caller(ui_proxy=proxy, granted=ALL - {Capability.SECRETS_GET}, secrets={"api_key": "the-api-key"})
    await caller.call("ui-proxy.call-route", "/r", None)
    assert application.requests[0].header("x-api-key") is None


async def test_a_route_of_the_platform_goes_directly_below_the_base(application: RecordingServer) -> None:
    proxy = UiProxyClient(application.url)
    caller = Caller(ui_proxy=proxy)
    await caller.call("ui-proxy.call-route", "/api/v1/clients", None)
    await caller.call("ui-proxy.call-route", "api/v1/clients", None)
    await caller.call("ui-proxy.call-route", "/apis/v1", None)
    await proxy.close()
    assert [seen.path for seen in application.requests] == ["/api/v1/clients", "/api/v1/clients", f"/{EXTENSION}/apis/v1"]


@pytest.mark.parametrize("route", ["/api/internal/ext-storage/install/x", "api//internal/x", "/api/INTERNAL/x"])
async def test_the_internal_api_is_denied(application: RecordingServer, route: str) -> None:
    proxy = UiProxyClient(application.url)
    assert await Caller(ui_proxy=proxy).error_case("ui-proxy.call-route", route, None) is ProxyError.DENIED
    await proxy.close()
    assert application.requests == []


@pytest.mark.parametrize("route", ["", "  ", "/../x", "/a/./b", "/api/../x", "..", "/a\\b", "/a\r\nx", "/a?x=\ny", "/\x00"])
async def test_a_route_with_dot_segments_or_without_text_is_a_bad_request(application: RecordingServer, caller: Caller, route: str) -> None:
    assert await caller.error_case("ui-proxy.call-route", route, None) is ProxyError.BAD_REQUEST
    assert application.requests == []


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/%2e%2e/x", "/%252e%252e/x"),
        ("//a///b/", "/a/b"),
        ("/a b", "/a%20b"),
        ("/é#f", "/%C3%A9%23f"),
        ("http://evil.example/x", "/http:/evil.example/x"),
        ("//evil.example/x", "/evil.example/x"),
        ("@evil.example", "/@evil.example"),
    ],
)
async def test_every_other_route_stays_below_the_extension(application: RecordingServer, caller: Caller, route: str, path: str) -> None:
    await caller.call("ui-proxy.call-route", route, None)
    assert application.requests[0].path == f"/api/ui-proxy/{EXTENSION}{path}"


async def test_a_fragment_does_not_cut_a_query(application: RecordingServer, caller: Caller) -> None:
    await caller.call("ui-proxy.call-route", "/r?a=1#b&c=2", None)
    assert application.requests[0].query == "a=1%23b&c=2"


@pytest.mark.parametrize(
    ("status", "case"),
    [
        (302, ProxyError.INTERNAL),
        (400, ProxyError.BAD_REQUEST),
        (401, ProxyError.DENIED),
        (403, ProxyError.DENIED),
        (404, ProxyError.ROUTE_NOT_FOUND),
        (422, ProxyError.BAD_REQUEST),
        (429, ProxyError.DENIED),
        (500, ProxyError.INTERNAL),
    ],
)
async def test_each_status_becomes_its_error_case(application: RecordingServer, caller: Caller, status: int, case: ProxyError) -> None:
    application.answer = lambda _: JSONResponse({}, status_code=status)
    assert await caller.error_case("ui-proxy.call-route", "/r", None) is case


async def test_a_redirect_is_not_followed_with_the_api_key(application: RecordingServer, caller: Caller) -> None:
    async with recording_server() as other:
        application.answer = lambda _: Response(status_code=302, headers={"location": other.url})
        assert await caller.error_case("ui-proxy.call-route", "/r", None) is ProxyError.INTERNAL
        assert other.requests == []


async def test_a_user_with_any_name_can_be_sent(application: RecordingServer, proxy: UiProxyClient) -> None:
    await Caller(ui_proxy=proxy, user=replace(USER, user_email="josé@example.com")).call("ui-proxy.call-route", "/r", None)
    assert (application.requests[0].header("x-user-email") or "").encode("latin-1").decode() == "josé@example.com"


async def test_a_secret_that_is_invalid_in_a_header_fails_without_being_shown(application: RecordingServer, proxy: UiProxyClient) -> None:
    caller = Caller(ui_proxy=proxy, secrets={"api_key": "line\r\nbreak"})
    assert await caller.error_case("ui-proxy.call-route", "/r", None) is ProxyError.INTERNAL
    assert application.requests == []
    assert not [message for message in caller.sink.messages if "break" in message]


async def test_without_an_application_the_route_is_not_found() -> None:
    assert await Caller(ui_proxy=None).error_case("ui-proxy.call-route", "/r", None) is ProxyError.ROUTE_NOT_FOUND


async def test_a_call_without_tenant_or_extension_is_internal(application: RecordingServer, proxy: UiProxyClient) -> None:
    assert await Caller(ui_proxy=proxy, tenant_id="").error_case("ui-proxy.call-route", "/r", None) is ProxyError.INTERNAL
    assert await Caller(ui_proxy=proxy, extension_id="").error_case("ui-proxy.call-route", "/r", None) is ProxyError.INTERNAL
    assert application.requests == []


async def test_a_response_above_its_limit_is_internal(application: RecordingServer) -> None:
    application.answer = lambda _: Response(b"x" * 2_000)
    proxy = UiProxyClient(application.url, max_response_bytes=1_000)
    assert await Caller(ui_proxy=proxy).error_case("ui-proxy.call-route", "/r", None) is ProxyError.INTERNAL
    await proxy.close()


async def test_an_unavailable_or_silent_application_is_internal(application: RecordingServer) -> None:
    released = asyncio.Event()

    async def hold(_: Recorded) -> Response:
        await released.wait()
        return Response()

    application.answer = hold
    for url in (application.url, f"http://127.0.0.1:{free_port()}"):
        proxy = UiProxyClient(url, timeout_ms=50)
        assert await Caller(ui_proxy=proxy).error_case("ui-proxy.call-route", "/r", None) is ProxyError.INTERNAL
        await proxy.close()
    released.set()


@pytest.mark.parametrize("base", ["", "localhost:3000", "ftp://example.com", "http://"])
def test_a_base_that_is_not_an_http_url_is_rejected_at_start(base: str) -> None:
    with pytest.raises(ValueError, match="ui-proxy"):
        UiProxyClient(base)


DECLARED = ("GET /api/v1/tickets", "POST /api/v1/tickets/:id/comments")


@pytest.fixture
async def platform_proxy(application: RecordingServer) -> AsyncIterator[UiProxyClient]:
    proxy = UiProxyClient(application.url)
    yield proxy
    await proxy.close()


async def test_declared_routes_carry_the_token_of_the_call(application: RecordingServer, platform_proxy: UiProxyClient) -> None:
    caller = Caller(ui_proxy=platform_proxy, ui_proxy_routes=DECLARED, call_token="the-token", user=USER, secrets={"api_key": "key"})
    await caller.call("ui-proxy.call-route", "/api/v1/tickets?status=open", None)
    await caller.call("ui-proxy.call-route", "/api/v1/tickets/7/comments", b"{}")
    assert [(seen.method, seen.path, seen.header("x-ext-call-token")) for seen in application.requests] == [
        ("GET", "/api/v1/tickets", "the-token"),
        ("POST", "/api/v1/tickets/7/comments", "the-token"),
    ]


@pytest.mark.parametrize(("route", "payload"), [("/api/v1/tickets", b"{}"), ("/api/v1/users", None), ("/api/v1/tickets/7/comments", None)])
async def test_an_undeclared_route_is_denied_with_the_cause(
    application: RecordingServer, platform_proxy: UiProxyClient, route: str, payload: bytes | None
) -> None:
    caller = Caller(ui_proxy=platform_proxy, ui_proxy_routes=DECLARED, call_token="the-token", secrets={"api_key": "key"})
    assert await caller.error_case("ui-proxy.call-route", route, payload) is ProxyError.DENIED
    named = f"{'GET' if payload is None else 'POST'} {route}"
    assert f'the manifest does not declare this route: add "{named}" to "uiProxy"' in caller.sink.messages[-1]
    assert application.requests == []


async def test_a_manifest_without_routes_has_its_own_prefix_only(application: RecordingServer, platform_proxy: UiProxyClient) -> None:
    caller = Caller(ui_proxy=platform_proxy, ui_proxy_routes=(), call_token="the-token")
    assert await caller.error_case("ui-proxy.call-route", "/api/v1/tickets", None) is ProxyError.DENIED
    await caller.call("ui-proxy.call-route", "/list", None)
    (seen,) = application.requests
    assert (seen.path, seen.header("x-ext-call-token")) == (f"/{EXTENSION}/list", None)


@pytest.mark.parametrize("route", ["/api/ext/com.example.notes/notes", "/api/ext-proxy/x/y", "/api/internal/x"])
async def test_extensions_and_the_internal_api_cannot_be_declared(
    application: RecordingServer, platform_proxy: UiProxyClient, route: str
) -> None:
    caller = Caller(ui_proxy=platform_proxy, ui_proxy_routes=(f"GET {route}",), call_token="the-token")
    assert await caller.error_case("ui-proxy.call-route", route, None) is ProxyError.DENIED
    assert application.requests == []
