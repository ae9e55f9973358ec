"""`GET /` on an app's host name, with a real registry."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import RedirectResponse, Response

from holdfast.contract.install_lookup import InstallAddress
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.ui.host_names import InvalidHost, host_name, page_address
from tests.events.recording_server import RecordingServer, free_port, recording_server
from tests.runner.conftest import EXTENSION, TENANT, Runner, StartRunner

HASH = "sha256:" + "ab" * 32
FOUND = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": HASH}
_PIECES = st.sampled_from(["notes", ".", "-", "_", ":", "80", "[", "]", "::1", "%", "/", "@", " ", "é", "\0", "x" * 64])


@pytest.fixture
async def registry() -> AsyncIterator[RecordingServer]:
    async with recording_server() as server:
        server.reply(FOUND)
        yield server


@pytest.fixture
async def runner(start_runner: StartRunner, registry: RecordingServer) -> Runner:
    """A runner that uses the recording registry."""
    return await start_runner(validator=InstallValidator(f"{registry.url}/base", {"x-api-key": "key"}))


async def root(runner: Runner, host: str | None = "notes.example.com", method: str = "GET", **headers: str) -> httpx2.Response:
    request = runner.client.build_request(method, "/", headers={name.replace("_", "-"): value for name, value in headers.items()})
    del request.headers["host"]
    if host is not None:
        request.headers["host"] = host
    async with runner.unchecked() as client:
        return await client.send(request)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_host_name_redirects_to_the_page_of_its_install(runner: Runner, registry: RecordingServer, method: str) -> None:
    response = await root(runner, "Notes.Example.com:8443", method)
    assert (response.status_code, response.content) == (307, b"")
    assert response.headers["location"] == (f"/ext-ui/{EXTENSION}/sha256%3A{'ab' * 32}/index.html?tenant={TENANT}&extensionId={EXTENSION}")
    assert response.headers["cache-control"] == "no-store"
    (sent,) = registry.requests
    assert (sent.path, sent.header("x-api-key")) == ("/api/installs/lookup-by-host", "key")
    assert parse_qs(sent.query)["host"] == ["notes.example.com"]


async def test_the_lookup_of_a_host_is_not_cached(runner: Runner, registry: RecordingServer) -> None:
    await root(runner)
    registry.reply(FOUND | {"content_hash": "cd" * 32})
    assert "cd" * 32 in (await root(runner)).headers["location"]


async def test_the_target_of_the_redirect_can_be_opened(runner: Runner, registry: RecordingServer) -> None:
    registry.reply(FOUND | {"content_hash": f"sha256:{await runner.put()}", "valid": True})
    page = await runner.client.get((await root(runner)).headers["location"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_forwarded_headers_are_ignored(runner: Runner, registry: RecordingServer) -> None:
    await root(runner, x_forwarded_host="other.example.com", forwarded="host=other.example.com")
    assert parse_qs(registry.requests[0].query)["host"] == ["notes.example.com"]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("notes.example.com", "notes.example.com"),
        ("NOTES.Example.COM", "notes.example.com"),
        ("notes.example.com:80", "notes.example.com"),
        ("notes.example.com:", "notes.example.com"),
        ("notes.example.com.", "notes.example.com"),
        ("localhost:8085", "localhost"),
        ("my_app.local", "my_app.local"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127.0.0.1:8085", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[::1]:8085", "[::1]"),
        ("[2001:DB8:0:0:0:0:0:1]:80", "[2001:db8::1]"),
    ],
)
def test_the_port_is_removed_and_the_case_does_not_count(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    "host",
    [
        *[
            "",
            " ",
            ":80",
            ".",
            "..",
            "a..b",
            "-a.example",
            "a-.example",
            "a b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "user@a",
            "a%2eb",
            "a:b",
            "a:1:2",
        ],
        *["a:123456", "a:-1", "::1", "[::1", "::1]", "[]", "[::1]x", "[::1]:x", "[fe80::1%eth0]", "[notes]", "bücher.example", "a,b"],
        *["x" * 64 + ".example", ".".join(["x" * 60] * 5), "a\0b", "a\r\nb"],
    ],
)
def test_an_invalid_host_is_rejected(host: str) -> None:
    with pytest.raises(InvalidHost):
        host_name(host)


@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=8).map("".join)))
def test_a_host_is_rejected_or_a_plain_name(host: str) -> None:
    try:
        name = host_name(host)
    except InvalidHost:
        return
    assert 1 <= len(name) <= 253 and name.isascii() and name == name.lower()
    if name.startswith("["):
        ipaddress.IPv6Address(name[1:-1])
    else:
        assert all(part and (part.replace("-", "").replace("_", "").isalnum() or set(part) <= set("_-")) for part in name.split("."))
    assert host_name(name) == name


@pytest.mark.parametrize("host", [None, "", "a b", "a:b"])
async def test_a_request_without_a_valid_host_is_rejected_without_a_lookup(
    runner: Runner, registry: RecordingServer, host: str | None
) -> None:
    response = await root(runner, host)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_host")
    assert response.headers["cache-control"] == "no-store"
    assert registry.requests == []


async def test_two_host_headers_are_rejected(runner: Runner, registry: RecordingServer) -> None:
    request = runner.client.build_request("GET", "/", headers=[("host", "a.example"), ("host", "b.example")])
    async with runner.unchecked() as client:
        assert (await client.send(request)).status_code == 400
    assert registry.requests == []


async def test_without_a_registry_the_response_is_503(start_runner: StartRunner) -> None:
    response = await root(await start_runner(validator=InstallValidator(None, {})))
    assert (response.status_code, response.json()["code"]) == (503, "registry_not_set")


async def test_a_registry_that_cannot_be_reached_is_a_bad_gateway(start_runner: StartRunner) -> None:
    response = await root(await start_runner(validator=InstallValidator(f"http://127.0.0.1:{free_port()}", {})))
    assert (response.status_code, response.json()["code"]) == (502, "registry_unreachable")


async def test_an_unknown_host_is_not_found(runner: Runner, registry: RecordingServer) -> None:
    registry.reply({"error": "not found"}, 404)
    response = await root(runner)
    assert (response.status_code, response.json()["code"], response.headers["cache-control"]) == (404, "not_found", "no-store")


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
async def test_every_other_error_of_the_registry_is_a_bad_gateway(runner: Runner, registry: RecordingServer, status: int) -> None:
    registry.reply({"error": "the registry's own words"}, status)
    response = await root(runner)
    assert (response.status_code, response.json()["code"]) == (502, "registry_refused")
    assert "own words" not in response.text
    assert ("ALGA_AUTH_KEY" in response.text) is (status in (401, 403))


async def test_a_redirect_of_the_registry_is_not_followed(runner: Runner, registry: RecordingServer) -> None:
    registry.answer = lambda _: RedirectResponse("/elsewhere")
    assert (await root(runner)).status_code == 502
    assert len(registry.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"\xff",
        {},
        FOUND | {"tenant_id": None},
        FOUND | {"tenant_id": 7},
        FOUND | {"tenant_id": ""},
        FOUND | {"tenant_id": "a&extensionId=b"},
        FOUND | {"extension_id": "../.."},
        FOUND | {"extension_id": "/evil.example"},
        FOUND | {"extension_id": "a\r\nset-cookie: x"},
        FOUND | {"content_hash": "sha256:short"},
        FOUND | {"content_hash": "//evil.example"},
    ],
)
async def test_an_invalid_response_of_the_registry_redirects_to_no_page(runner: Runner, registry: RecordingServer, content: Any) -> None:
    if isinstance(content, bytes):
        registry.answer = lambda _: Response(content, media_type="application/json")
    else:
        registry.reply(content)
    response = await root(runner)
    assert (response.status_code, response.json()["code"]) == (502, "registry_refused")
    assert "location" not in response.headers


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_a_page_address_stays_on_this_origin_for_any_ids(tenant: str, extension: str) -> None:
    address = page_address(InstallAddress(tenant, extension, HASH))
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("", "")
    assert [unquote(part) for part in parts.path.split("/")] == ["", "ext-ui", extension, HASH, "index.html"]
    assert parse_qs(parts.query, keep_blank_values=True) == {"tenant": [tenant], "extensionId": [extension]}


async def test_s1_a_call_to_the_host_name_of_an_app_needs_the_token_too(runner: Runner) -> None:
    response = await runner.client.post("/v1/execute", json={}, headers={"host": "notes.example.com"})
    assert (response.status_code, response.json()["error"]) == (401, "unauthorized")
