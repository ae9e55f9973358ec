"""RegistryClient: its requests and errors, over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from holdfast.runner.install_lookup import client as registry_client
from holdfast.runner.install_lookup.client import MAX_RESPONSE_BYTES, RegistryClient, RegistryNotSet, RegistryUnreachable
from tests.events.recording_server import RecordingServer, free_port, recording_server


@pytest.fixture
async def registry() -> AsyncIterator[RecordingServer]:
    async with recording_server() as server:
        yield server


@pytest.fixture
async def client(registry: RecordingServer) -> AsyncIterator[RegistryClient]:
    client = RegistryClient(f"{registry.url}/some/path?x=1", {"x-api-key": "key"})
    yield client
    await client.close()


async def test_the_request_is_sent_to_the_origin_with_headers_and_the_time(registry: RecordingServer, client: RegistryClient) -> None:
    registry.answer = lambda _: Response(b"answer", 418)
    assert await client.get("/api/x", {"host": "a b&c"}) == (418, b"answer")
    (sent,) = registry.requests
    assert (sent.method, sent.path, sent.header("x-api-key")) == ("GET", "/api/x", "key")
    query, _, milliseconds = sent.query.rpartition("&ts=")
    assert query in ("host=a+b%26c", "host=a%20b%26c")
    assert milliseconds.isdigit() and len(milliseconds) == 13
    assert sent.header("accept-encoding") == "identity"


async def test_without_a_registry_no_request_is_sent() -> None:
    client = RegistryClient(None, {})
    with pytest.raises(RegistryNotSet, match="REGISTRY_BASE_URL"):
        await client.get("/api/x", {})
    await client.close()


async def test_a_redirect_is_returned_and_not_followed(registry: RecordingServer, client: RegistryClient) -> None:
    registry.answer = lambda _: RedirectResponse("/elsewhere")
    assert (await client.get("/api/x", {}))[0] == 307
    assert len(registry.requests) == 1


async def test_a_registry_that_does_not_listen_is_unreachable() -> None:
    client = RegistryClient(f"http://127.0.0.1:{free_port()}", {})
    with pytest.raises(RegistryUnreachable):
        await client.get("/api/x", {})
    await client.close()


async def test_a_response_that_is_too_long_is_rejected(registry: RecordingServer, client: RegistryClient) -> None:
    registry.answer = lambda _: Response(b"x" * (MAX_RESPONSE_BYTES + 1))
    with pytest.raises(RegistryUnreachable):
        await client.get("/api/x", {})


async def test_an_encoded_response_is_rejected(registry: RecordingServer, client: RegistryClient) -> None:
    registry.answer = lambda _: Response(gzip.compress(bytes(1_000_000)), headers={"content-encoding": "gzip"})
    with pytest.raises(RegistryUnreachable):
        await client.get("/api/x", {})


async def test_a_response_that_does_not_end_in_time_is_abandoned(
    registry: RecordingServer, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_client, "SECONDS", 0.05)
    ending = asyncio.Event()

    async def endless_body() -> AsyncIterator[bytes]:
        while not ending.is_set():
            yield b" "
            await asyncio.sleep(0.001)

    registry.answer = lambda _: StreamingResponse(endless_body())
    with pytest.raises(RegistryUnreachable):
        await client.get("/api/x", {})
    ending.set()
