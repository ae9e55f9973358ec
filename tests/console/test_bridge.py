"""The bridge in a real browser: what a sandboxed frame can reach, and what it cannot."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Frame, Page
from starlette.responses import JSONResponse, Response

from tests.console.site import EXTENSION, HASH, OTHER_EXTENSION, PREFIX, TENANT, Site, redirect


def open_page(page: Page, site: Site, query: str = "") -> Frame:
    """Opens the extension's page and returns its frame once its script has run."""
    page.goto(site.page + query)
    page.wait_for_selector('[data-frame-stage][data-state="shown"]')
    frame = page.frames[1]
    frame.wait_for_function("window.scriptRan === true")
    return frame


def send(frame: Frame, type_: str, payload: object, request_id: str | None = None) -> None:
    message: dict[str, object] = {"alga": True, "version": "1", "type": type_, "payload": payload}
    if request_id is not None:
        message["request_id"] = request_id
    post(frame, message)


def post(frame: Frame, message: object) -> None:
    frame.evaluate("message => parent.postMessage(message, '*')", message)


def messages(frame: Frame, type_: str, count: int = 1) -> list[dict[str, Any]]:
    """The messages of a type that the frame has received, once there are `count`."""
    frame.wait_for_function("([type, count]) => received.filter((m) => m.type === type).length >= count", arg=[type_, count])
    found = frame.evaluate("type => received.filter((m) => m.type === type)", type_)
    assert isinstance(found, list)
    return found


def wait_for_host(frame: Frame) -> None:
    """Returns when the host has handled all earlier messages: it handles them in order."""
    before = frame.evaluate("received.filter((m) => m.type === 'bootstrap').length")
    send(frame, "ready", {})
    messages(frame, "bootstrap", before + 1)


def call(frame: Frame, payload: Mapping[str, object], request_id: str = "r-1") -> dict[str, Any]:
    """Makes one proxy call and returns the payload of its only response."""
    send(frame, "apiproxy", payload, request_id)
    frame.wait_for_function("id => received.some((m) => m.request_id === id && m.type === 'apiproxy_response')", arg=request_id)
    wait_for_host(frame)
    matching = [m for m in messages(frame, "apiproxy_response") if m["request_id"] == request_id]
    assert len(matching) == 1
    payload_ = matching[0]["payload"]
    assert isinstance(payload_, dict)
    return payload_


def height(page: Page) -> str:
    value = page.evaluate("document.getElementById('extension-frame').style.height")
    assert isinstance(value, str)
    return value


def test_the_frame_is_sandboxed_and_its_address_has_path_tenant_and_origin(page: Page, site: Site) -> None:
    open_page(page, site, "?path=%2Forders%2F7")
    frame = page.locator("#extension-frame")
    assert frame.get_attribute("sandbox") == "allow-scripts allow-forms allow-popups"
    assert frame.get_attribute("title") == "Sample"
    source = frame.get_attribute("src") or ""
    start = f"{site.origin}/runner/ext-ui/{EXTENSION}/{HASH.replace(':', '%3A')}/index.html?path=%2Forders%2F7&tenant={TENANT}"
    assert source.startswith(start)
    assert source.endswith(f"&extensionId={EXTENSION}&parentOrigin={site.origin.replace(':', '%3A').replace('/', '%2F')}")


def test_ready_gets_bootstrap_and_theme_without_a_token(page: Page, site: Site) -> None:
    frame = open_page(page, site, "?path=/orders")
    send(frame, "ready", {}, "hello")
    (bootstrap,) = messages(frame, "bootstrap")
    assert bootstrap["alga"] is True
    assert bootstrap["version"] == "1"
    assert bootstrap["request_id"] == "hello"
    payload = bootstrap["payload"]
    assert payload["session"] == {"token": "", "expires_at": ""}
    assert payload["navigation"] == {"path": "/orders"}
    assert payload["context"] == {"tenantId": TENANT, "extensionId": EXTENSION}
    (theme,) = messages(frame, "theme")
    assert theme["payload"] == payload["theme_tokens"]
    assert len(theme["payload"]) == 31
    assert all(value for value in theme["payload"].values())


def test_the_theme_follows_the_colour_scheme(page: Page, site: Site) -> None:
    page.emulate_media(color_scheme="light")
    frame = open_page(page, site)
    wait_for_host(frame)
    page.emulate_media(color_scheme="dark")
    first, second = messages(frame, "theme", 2)
    assert first["payload"]["--alga-bg"] != second["payload"]["--alga-bg"]


def test_the_frame_cannot_reach_its_parent_or_cookies(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "holdfast_session", "value": "secret", "url": site.origin}])
    frame = open_page(page, site)
    assert frame.evaluate("window.parentReach") == "SecurityError"
    reach = "() => { try { return document.cookie; } catch (error) { return error.name; } }"
    assert frame.evaluate(reach) == "SecurityError"
    tried = frame.evaluate("fetch('/api/anything', {credentials: 'include'}).then(() => 'read', () => 'blocked')")
    assert tried == "blocked"
    assert all("cookie" not in recorded.headers for recorded in site.calls)


@pytest.mark.parametrize("target", [f"/runner/ext-ui/{OTHER_EXTENSION}/{HASH}/index.html", "/blank", "/msp/extensions/other/"])
def test_the_frame_cannot_move_to_another_extension_or_into_the_console(page: Page, site: Site, target: str) -> None:
    frame = open_page(page, site)
    own = list(site.documents)
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        # In a timer, because navigation removes the frame, and `evaluate` would wait for its result in vain.
        frame.evaluate("target => { setTimeout(() => { location.href = target; }); }", site.origin + target)
    assert site.documents == own
    assert site.calls == []


def test_a_forged_message_from_another_window_is_ignored(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    forged = [
        {"alga": True, "version": "1", "type": "resize", "payload": {"height": 333}},
        {"alga": True, "version": "1", "type": "apiproxy", "request_id": "x", "payload": {"route": "/forged", "method": "GET"}},
    ]
    page.evaluate("() => { window.seen = 0; addEventListener('message', () => { window.seen += 1; }); }")
    page.evaluate("messages => messages.forEach((message) => postMessage(message, '*'))", forged)
    # A second opaque frame on the same page has the origin "null" too; only the window differs.
    page.evaluate(
        """() => new Promise((done) => {
          const other = document.createElement("iframe");
          other.sandbox = "allow-scripts";
          other.addEventListener("load", done);
          document.body.append(other);
        })"""
    )
    page.frames[2].evaluate("messages => messages.forEach((message) => parent.postMessage(message, '*'))", forged)
    # The bridge added its listener first: once these are counted here, it has handled them.
    page.wait_for_function("window.seen === 4")
    wait_for_host(frame)
    assert height(page) == ""
    assert site.calls == []


_INVALID_MESSAGES: list[object] = [
    {"version": "1", "type": "resize", "payload": {"height": 333}},
    {"alga": True, "type": "resize", "payload": {"height": 333}},
    {"alga": True, "version": "2", "type": "resize", "payload": {"height": 333}},
    {"alga": True, "version": "1", "type": "resize", "payload": {"height": "333"}},
    {"alga": True, "version": "1", "type": "toString", "payload": {}},
    {"alga": True, "version": "1", "type": "apiproxy", "payload": {"route": "/without-id", "method": "GET"}},
    {"alga": True, "version": "1", "type": "apiproxy", "request_id": "x" * 129, "payload": {"route": "/long-id"}},
    {"alga": True, "version": "1", "type": "malformed", "request_id": "x", "payload": {}},
    "resize",
    None,
    [1, 2],
]


def test_an_invalid_message_has_no_effect(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    for message in _INVALID_MESSAGES:
        post(frame, message)
        wait_for_host(frame)
        assert height(page) == "", message
        assert site.calls == [], message
        assert frame.evaluate("received.filter((m) => m.type === 'apiproxy_response')") == [], message


def test_a_height_is_floored_and_clamped(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    for requested, applied in [(-5, "100px"), (640.7, "640px"), (99.9, "100px"), (4001, "4000px"), (100.5, "100px"), (1e12, "4000px")]:
        send(frame, "resize", {"height": requested})
        wait_for_host(frame)
        assert height(page) == applied


def test_navigation_follows_into_the_console_address_and_bad_paths_do_not(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    send(frame, "navigate", {"path": "/orders/7?tab=a&b"})
    wait_for_host(frame)
    assert page.evaluate("new URL(location.href).searchParams.get('path')") == "/orders/7?tab=a&b"
    for bad in ("//evil.example", "https://evil.example", "\\evil", "orders", "/a\nb"):
        send(frame, "navigate", {"path": bad})
    wait_for_host(frame)
    assert page.evaluate("new URL(location.href).searchParams.get('path')") == "/orders/7?tab=a&b"
    assert messages(frame, "bootstrap")[-1]["payload"]["navigation"] == {"path": "/orders/7?tab=a&b"}
    send(frame, "navigate", {"path": "/"})
    wait_for_host(frame)
    assert page.url == site.page


def test_a_call_reaches_the_server_with_method_route_query_and_body(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "holdfast_session", "value": "secret", "url": site.origin}])
    frame = open_page(page, site)
    body = bytes(range(256)) * 300
    payload = {
        "route": "/items/a%20b?x=1&x=2",
        "method": "put",
        "body": base64.b64encode(body).decode(),
        "headers": {"Content-Type": "application/json", "X-Alga-Tenant": "other", "Cookie": "a=b", "authorization": "Bearer x"},
    }
    response = call(frame, payload)
    assert response["status"] == 200
    assert response["headers"] == {"content-type": "application/json", "x-request-id": "req-1"}
    assert json.loads(base64.b64decode(response["body"])) == {"ok": True}
    assert "error" not in response
    (recorded,) = site.calls
    assert (recorded.method, recorded.target, recorded.body) == ("PUT", f"{PREFIX}/items/a%20b?x=1&x=2", body)
    assert recorded.headers["content-type"] == "application/json"
    assert recorded.headers["cookie"] == "holdfast_session=secret"
    assert recorded.headers["origin"] == site.origin
    assert "x-alga-tenant" not in recorded.headers
    assert "authorization" not in recorded.headers


def test_a_call_without_method_is_a_post_and_a_body_without_type_is_bytes(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    call(frame, {"route": "items", "body": base64.b64encode(b"{}").decode()})
    (recorded,) = site.calls
    assert (recorded.method, recorded.target) == ("POST", f"{PREFIX}/items")
    assert recorded.headers["content-type"] == "application/octet-stream"


_ESCAPING_ROUTES = [
    "/../../api/installs",
    "/items/../../../secret",
    "/..",
    "/.",
    "/a/./b",
    "/%2e%2e/%2e%2e/api",
    "/%2E%2e/x",
    "/.%2e/x",
    "/%252e%252e/x",
    "/%25252e%25252e/x",
    "/a%2f..%2fb",
    "/a%5cb",
    "//evil.example/x",
    "/a//b",
    "\\evil",
    "/..\\..\\x",
    "/a\\b",
    "https://evil.example/",
    "javascript:alert(1)",
    "/.\t./x",
    "/a\nb",
    "/a%00b",
    "/a%0ab",
    "/a%zz",
    "/a#b",
    "",
    "/" + "a" * 2048,
]


def test_a_route_that_could_leave_the_prefix_gets_an_error_and_is_not_requested(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    for number, route in enumerate(_ESCAPING_ROUTES):
        response = call(frame, {"route": route, "method": "GET"}, f"r-{number}")
        assert list(response) == ["error"], route
        assert "route" in response["error"].lower(), route
        assert site.calls == [], route


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"route": "/a", "method": "TRACE"}, "Unsupported proxy method: TRACE"),
        ({"route": "/a", "method": "constructor"}, "Unsupported proxy method: CONSTRUCTOR"),
        ({"route": "/a", "method": "GET", "body": "aGk="}, "GET requests cannot include a body"),
        ({"route": "/a", "method": "POST", "body": "%%%"}, "A request body must be base64."),
        ({"route": 7}, "A proxy request is"),
        ({"method": "GET"}, "A proxy request is"),
        ({"route": "/a", "headers": {"accept": 1}}, "A proxy request is"),
    ],
)
def test_a_call_that_cannot_be_made_gets_an_error_with_the_reason(page: Page, site: Site, payload: dict[str, object], error: str) -> None:
    response = call(open_page(page, site), payload)
    assert response["error"].startswith(error)
    assert site.calls == []


def test_an_error_response_has_status_and_body_and_an_error(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    site.response = JSONResponse({"error": "nope"}, 422)
    response = call(frame, {"route": "/a", "method": "GET"})
    assert response["status"] == 422
    assert response["error"] == 'Proxy error 422: {"error":"nope"}'
    assert json.loads(base64.b64decode(response["body"])) == {"error": "nope"}


def test_a_response_without_a_body_has_an_empty_one(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    site.response = Response(status_code=204)
    assert call(frame, {"route": "/a", "method": "DELETE"})["body"] == ""


def test_a_redirect_is_not_followed(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    site.response = redirect()
    assert "redirect" in call(frame, {"route": "/a", "method": "GET"})["error"]
    assert [recorded.target for recorded in site.calls] == [f"{PREFIX}/a"]


def test_the_seventeenth_concurrent_call_is_rejected_and_each_call_gets_one_response(page: Page, site: Site) -> None:
    frame = open_page(page, site)
    site.pause_calls()
    for number in range(17):
        send(frame, "apiproxy", {"route": f"/{number}", "method": "GET"}, f"r-{number}")
    (rejected,) = messages(frame, "apiproxy_response")
    assert rejected["request_id"] == "r-16"
    assert "at most 16" in rejected["payload"]["error"]
    site.resume_calls()
    messages(frame, "apiproxy_response", 17)
    wait_for_host(frame)
    assert sorted(m["request_id"] for m in messages(frame, "apiproxy_response")) == sorted(f"r-{n}" for n in range(17))
    assert call(frame, {"route": "/again", "method": "GET"}, "again")["status"] == 200


def test_a_call_without_a_response_times_out_after_35_seconds(page: Page, site: Site) -> None:
    page.clock.install()
    frame = open_page(page, site)
    site.pause_calls()
    send(frame, "apiproxy", {"route": "/slow", "method": "GET"}, "slow")
    wait_for_host(frame)
    page.clock.fast_forward(34_000)
    wait_for_host(frame)
    assert frame.evaluate("received.filter((m) => m.type === 'apiproxy_response')") == []
    page.clock.fast_forward(1_500)
    (response,) = messages(frame, "apiproxy_response")
    assert response["payload"] == {"error": "Proxy request timed out after 35 s."}
