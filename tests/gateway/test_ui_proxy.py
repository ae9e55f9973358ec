from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest
from starlette.responses import Response, StreamingResponse

from holdfast.gateway.runners import RunnerClient
from holdfast.gateway.ui_proxy import SANDBOX
from tests.events.recording_server import free_port
from tests.gateway.platform import SERVICE_TOKEN, Platform

FILE = "/runner/ext-ui/3b8b0204-25d9-57d0-951b-3ed518145469/sha256%3A" + "a" * 64 + "/assets/app.js"


async def test_a_file_passes_with_its_status_headers_and_bytes(platform: Platform) -> None:
    headers = {
        "content-type": "text/javascript",
        "etag": '"sha256-x"',
        "cache-control": "public, immutable",
        "x-inner": "1",
        "set-cookie": "a=b",
    }
    platform.runner.answer = lambda _: Response(b"code", 206, headers)
    response = await platform.http.get(f"{FILE}?tenant=t&path=%2F", headers={"range": "bytes=0-3", "accept": "*/*"})
    assert (response.status_code, response.content) == (206, b"code")
    assert (response.headers["etag"], response.headers["cache-control"]) == ('"sha256-x"', "public, immutable")
    assert not {"x-inner", "set-cookie", "server"} & set(response.headers)
    (request,) = platform.runner.requests
    assert (request.method, request.path, request.query) == ("GET", FILE.removeprefix("/runner"), "tenant=t&path=%2F")
    assert request.header("range") == "bytes=0-3"


async def test_the_runner_gets_no_credentials_and_no_foreign_headers(platform: Platform) -> None:
    secret = {"cookie": "holdfast_session=x", "authorization": "Bearer x", "x-api-key": "x", "x-tenant-id": "x", "x-own": "1"}
    await platform.http.get(FILE, headers=secret)
    (request,) = platform.runner.requests
    assert not set(secret) & {name for name, _ in request.headers}
    assert SERVICE_TOKEN not in str(request.headers)


async def test_compressed_bytes_stay_compressed_with_their_encoding_header(platform: Platform) -> None:
    packed = gzip.compress(b"code" * 100)
    platform.runner.answer = lambda _: Response(packed, headers={"content-encoding": "gzip", "content-type": "text/javascript"})
    async with platform.http.stream("GET", FILE, headers={"accept-encoding": "gzip"}) as response:
        raw = b"".join([chunk async for chunk in response.aiter_raw()])
    assert raw == packed
    assert (response.headers["content-encoding"], response.headers["content-length"]) == ("gzip", str(len(packed)))
    assert platform.runner.requests[0].header("accept-encoding") == "gzip"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (206, b"part", {"content-range": "bytes 0-3/100", "accept-ranges": "bytes", "vary": "accept-encoding", "etag": '"sha256-x"'}),
        (416, b'{"error": "range_not_satisfiable"}', {"content-range": "bytes */100", "cache-control": "no-store"}),
    ],
)
async def test_partial_responses_pass_with_their_range_headers(
    platform: Platform, status: int, body: bytes, headers: dict[str, str]
) -> None:
    platform.runner.answer = lambda _: Response(body, status, headers)
    sent = {"range": "bytes=0-3", "if-range": '"sha256-x"'}
    response = await platform.http.get(FILE, headers=sent)
    assert (response.status_code, response.content, response.headers["content-length"]) == (status, body, str(len(body)))
    assert headers.items() <= dict(response.headers).items()
    assert {name: platform.runner.requests[0].header(name) for name in sent} == sent


async def test_without_accept_encoding_files_are_not_encoded(platform: Platform) -> None:
    request = platform.http.build_request("GET", FILE)
    del request.headers["accept-encoding"]
    await platform.http.send(request)
    assert platform.runner.requests[0].header("accept-encoding") == "identity"


async def test_a_page_opened_by_its_address_has_an_opaque_origin(platform: Platform) -> None:
    platform.runner.answer = lambda _: Response(b"<script></script>", headers={"content-type": "text/html", "content-security-policy": "x"})
    response = await platform.http.get(FILE)
    assert response.headers.get_list("content-security-policy") == ["x", SANDBOX]
    assert "allow-same-origin" not in SANDBOX
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


async def test_head_is_passed_on_as_head(platform: Platform) -> None:
    response = await platform.http.head(FILE)
    assert (response.status_code, response.content, platform.runner.requests[0].method) == (200, b"", "HEAD")


@pytest.mark.parametrize("status", [304, 404, 502])
async def test_error_statuses_of_the_runner_are_passed_on(platform: Platform, status: int) -> None:
    platform.runner.answer = lambda _: Response(b"", status, {"etag": '"x"'})
    assert (await platform.http.get(FILE, headers={"if-none-match": '"x"'})).status_code == status
    assert platform.runner.requests[0].header("if-none-match") == '"x"'


@pytest.mark.parametrize(
    "path", ["", "healthz", "v1/execute", "ext-ui", "ext-ui/x", "ext-ui/x/sha256:y", "EXT-UI/x/y/z", "warmup", "ext-ui/x/y/"]
)
async def test_nothing_else_of_the_runner_can_be_reached(platform: Platform, path: str) -> None:
    response = await platform.http.get(f"/runner/{path}")
    assert (response.status_code, response.json()["error"]) == (404, "endpoint_not_found")
    assert platform.runner.requests == []


@pytest.mark.parametrize("path", ["ext-ui/x/y/%2e%2e/%2e%2e/%2e%2e/healthz", "ext-ui/x/y/a%2fb", "ext-ui/x/y/a%5cb", "ext-ui/x/y/%00"])
async def test_no_path_reaches_outside_the_files(platform: Platform, path: str) -> None:
    assert (await platform.http.get(f"/runner/{path}")).status_code == 400
    assert platform.runner.requests == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_files_cannot_be_written(platform: Platform, method: str) -> None:
    assert (await platform.http.request(method, FILE)).status_code == 405
    assert platform.runner.requests == []


async def test_a_redirect_of_the_runner_is_not_followed(platform: Platform) -> None:
    platform.runner.answer = lambda _: Response(b"", 307, {"location": "http://elsewhere.test/"})
    response = await platform.http.get(FILE)
    assert (response.status_code, "location" in response.headers) == (307, False)


async def test_an_unreachable_runner_is_a_bad_gateway(platform: Platform) -> None:
    await platform.services.runner.close()
    platform.services.runner = RunnerClient(f"http://127.0.0.1:{free_port()}", SERVICE_TOKEN)
    response = await platform.http.get(FILE)
    assert (response.status_code, response.json()["details"]["code"]) == (502, "runner_unreachable")


async def test_a_large_file_is_streamed(platform: Platform) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    platform.runner.answer = lambda _: StreamingResponse(pieces())
    assert len((await platform.http.get(FILE)).content) == 64 * 65_536
