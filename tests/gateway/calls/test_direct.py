from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.platform import Front, Platform
from tests.gateway.platform import platform as made

EXT = "/api/ext/com.example.notes"
ANYTHING = [{"method": method, "path": "/notes/:id", "handler": "dist/main"} for method in ("GET", "POST", "PUT", "PATCH", "DELETE")]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_reaches_the_extension_with_its_path_and_body(platform: Platform, method: str) -> None:
    await platform.install(version="1.1.0", api={"endpoints": ANYTHING})
    response = await platform.http.request(method, f"{EXT}//notes/7/", content=b"body", headers=await platform.admin())
    assert (response.status_code, response.content) == (200, b"hello")
    http = platform.runner.requests[0].json["http"]
    assert (http["method"], http["path"]) == (method, "/notes/7")
    assert ("body_b64" in http) == (method != "GET")


async def test_head_gets_the_response_of_get_without_the_body(platform: Platform) -> None:
    response = await platform.http.head(f"{EXT}/notes", headers=await platform.admin())
    assert (response.status_code, response.content) == (200, b"")
    assert (response.headers["content-type"], response.headers["content-length"]) == ("text/plain", "5")
    assert platform.runner.requests[0].json["http"]["method"] == "GET"


async def test_the_root_of_an_extension_can_be_an_endpoint(platform: Platform) -> None:
    await platform.install(version="1.1.0", api={"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]})
    admin = await platform.admin()
    for url in (EXT, f"{EXT}/"):
        assert (await platform.http.get(url, headers=admin)).status_code == 200
    assert {request.json["http"]["path"] for request in platform.runner.requests} == {"/"}


async def test_an_encoded_segment_reaches_the_extension_as_it_was_sent(platform: Platform) -> None:
    await platform.http.get(f"{EXT}/notes/a%20b%3F", headers=await platform.admin())
    assert platform.runner.requests[0].json["http"]["path"] == "/notes/a%20b%3F"


@pytest.mark.parametrize("path", ["notes/%2e%2e", "notes/%2E", "%2e%2e/notes", "notes%2f7", "notes%5c7", "notes/%00", "notes/%0a"])
async def test_a_path_that_hides_something_is_refused(platform: Platform, path: str) -> None:
    response = await platform.http.get(f"{EXT}/{path}", headers=await platform.admin())
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert platform.runner.requests == []


@pytest.fixture
async def small(tmp_path: Path, front: Front) -> AsyncIterator[Platform]:
    async with made(tmp_path, front=front, request_body_max_bytes=1_000) as platform:
        yield platform


async def test_a_body_at_the_limit_passes_and_one_above_is_refused(small: Platform) -> None:
    admin = await small.admin()
    assert (await small.http.post(f"{EXT}/notes", content=b"x" * 1_000, headers=admin)).status_code == 200
    assert len(base64.b64decode(small.runner.requests[0].json["http"]["body_b64"])) == 1_000
    response = await small.http.post(f"{EXT}/notes", content=b"x" * 1_001, headers=admin)
    assert (response.status_code, response.json()["error"]) == (413, "payload_too_large")
    assert len(small.runner.requests) == 1


@pytest.mark.parametrize("front", ["asgi"])
async def test_a_body_of_unknown_length_is_read_only_until_the_limit(small: Platform) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 400
            yield b"x" * 400

    response = await small.http.post(f"{EXT}/notes", content=endless(), headers=await small.admin())
    assert response.status_code == 413
    assert sent <= 2_000


@pytest.mark.parametrize("front", ["asgi"])
async def test_the_body_of_a_caller_without_access_is_not_read(small: Platform) -> None:
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"x"

    response = await small.http.post(f"{EXT}/undeclared", content=body(), headers=await small.admin())
    assert response.status_code == 404
    assert not read


async def test_a_query_of_too_many_fields_is_refused(platform: Platform) -> None:
    query = "&".join("a=1" for _ in range(1_001))
    response = await platform.http.get(f"{EXT}/notes?{query}", headers=await platform.admin())
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
