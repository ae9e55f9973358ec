"""The request that `holdfast invoke` makes, and how its response is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from holdfast.client.invoke import CallMalformed, ExtensionResponse, GatewayUnreachable, call_extension
from holdfast.platform.credentials import credentials_file
from holdfast.platform.lock_file import DataFolderLock, RunningPlatform, write_state
from holdfast.records.development_tenant import DevelopmentAccount


class RecordingTransport(httpx2.AsyncBaseTransport):
    """Records the request and returns the response."""

    def __init__(self, response: httpx2.Response | Exception) -> None:
        self.response = response
        self.request: httpx2.Request | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.request = request
        if isinstance(self.response, Exception):
            raise self.response
        return self.response


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    account = DevelopmentAccount("t", "Tenant", "a@b.localhost", "password", "hf_key")
    credentials_file(tmp_path).write_bytes(msgspec.json.encode(account))
    with DataFolderLock(tmp_path):
        write_state(tmp_path, RunningPlatform(pid=os.getpid(), console="http://gateway.test", runner="http://runner.test"))
        yield tmp_path


async def test_the_call_carries_method_path_query_body_and_the_api_key(data_dir: Path) -> None:
    transport = RecordingTransport(httpx2.Response(201, headers=[("set-x", "1"), ("set-x", "2")], content=b"made"))
    response = await call_extension(data_dir, "a/b", "post", "/notes?q=1%202", data="{}", headers=["X-One:  1 "], transport=transport)
    assert transport.request is not None
    assert transport.request.method == "POST"
    assert str(transport.request.url) == "http://gateway.test/api/ext/a%2Fb/notes?q=1%202"
    assert transport.request.headers["x-api-key"] == "hf_key"
    assert transport.request.headers["x-one"] == "1"
    assert transport.request.headers["content-type"] == "application/json"
    assert await transport.request.aread() == b"{}"
    assert response.to_json() == {"status": 201, "headers": {"set-x": "1, 2", "content-length": "4"}, "body": "made"}


async def test_a_given_key_and_content_type_replace_the_default_ones(data_dir: Path) -> None:
    transport = RecordingTransport(httpx2.Response(200))
    headers = ["Authorization: Bearer other", "Content-Type: text/plain"]
    await call_extension(data_dir, "x", "POST", "/", data="text", headers=headers, transport=transport)
    assert transport.request is not None
    assert "x-api-key" not in transport.request.headers
    assert transport.request.headers["content-type"] == "text/plain"


async def test_a_redirect_is_shown_and_not_followed(data_dir: Path) -> None:
    transport = RecordingTransport(httpx2.Response(302, headers={"location": "http://elsewhere.test/"}))
    response = await call_extension(data_dir, "x", "GET", "/", data=None, headers=[], transport=transport)
    assert response.status == 302
    assert transport.request is not None and transport.request.url.host == "gateway.test"


@pytest.mark.parametrize(
    ("method", "header"), [("GE T", "a: b"), ("", "a: b"), ("GET", "no colon"), ("GET", "a: b\r\nc: d"), ("GET", ": x")]
)
async def test_a_malformed_method_or_header_is_rejected(data_dir: Path, method: str, header: str) -> None:
    with pytest.raises(CallMalformed):
        await call_extension(data_dir, "x", method, "/", data=None, headers=[header])


async def test_a_gateway_that_does_not_respond_is_named(data_dir: Path) -> None:
    with pytest.raises(GatewayUnreachable, match=r"http://gateway\.test"):
        await call_extension(data_dir, "x", "GET", "/", data=None, headers=[], transport=RecordingTransport(httpx2.ConnectError("refused")))


async def test_missing_credentials_are_reported_with_the_remedy(data_dir: Path) -> None:
    credentials_file(data_dir).unlink()
    with pytest.raises(GatewayUnreachable, match="holdfast up"):
        await call_extension(data_dir, "x", "GET", "/", data=None, headers=[], transport=RecordingTransport(httpx2.Response(200)))


def test_a_body_that_is_not_text_is_encoded_in_base64() -> None:
    response = ExtensionResponse(status=200, reason="OK", headers=[], body=b"\xff\x00")
    assert response.to_json() == {"status": 200, "headers": {}, "body": "/wA=", "encoding": "base64"}
