"""The request that `holdfast invoke` makes, and how its response is shown."""

from __future__ import annotations

import httpx2
import pytest

from holdfast.client.gateway import GatewayUnreachable
from holdfast.client.invoke import CallMalformed, ExtensionResponse, call_extension
from holdfast.client.target import ServerTarget


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


GATEWAY = ServerTarget(url="http://gateway.test", api_key="hf_key", tenant_id=None)


async def test_the_call_carries_method_path_query_body_and_the_api_key() -> None:
    transport = RecordingTransport(httpx2.Response(201, headers=[("set-x", "1"), ("set-x", "2")], content=b"made"))
    response = await call_extension(GATEWAY, "a/b", "post", "/notes?q=1%202", data=b"{}", headers=["X-One:  1 "], transport=transport)
    assert transport.request is not None
    assert transport.request.method == "POST"
    assert str(transport.request.url) == "http://gateway.test/api/ext/a%2Fb/notes?q=1%202"
    assert transport.request.headers["x-api-key"] == "hf_key"
    assert transport.request.headers["x-one"] == "1"
    assert transport.request.headers["content-type"] == "application/json"
    assert await transport.request.aread() == b"{}"
    assert response.to_json() == {"status": 201, "headers": {"set-x": "1, 2", "content-length": "4"}, "body": "made"}


async def test_a_given_key_and_content_type_replace_the_default_ones() -> None:
    transport = RecordingTransport(httpx2.Response(200))
    headers = ["Authorization: Bearer other", "Content-Type: text/plain"]
    await call_extension(GATEWAY, "x", "POST", "/", data=b"text", headers=headers, transport=transport)
    assert transport.request is not None
    assert "x-api-key" not in transport.request.headers
    assert transport.request.headers["content-type"] == "text/plain"


async def test_a_redirect_is_shown_and_not_followed() -> None:
    transport = RecordingTransport(httpx2.Response(302, headers={"location": "http://elsewhere.test/"}))
    response = await call_extension(GATEWAY, "x", "GET", "/", data=None, headers=[], transport=transport)
    assert response.status == 302
    assert transport.request is not None and transport.request.url.host == "gateway.test"


@pytest.mark.parametrize(
    ("method", "header"), [("GE T", "a: b"), ("", "a: b"), ("GET", "no colon"), ("GET", "a: b\r\nc: d"), ("GET", ": x")]
)
async def test_a_malformed_method_or_header_is_rejected(method: str, header: str) -> None:
    with pytest.raises(CallMalformed):
        await call_extension(GATEWAY, "x", method, "/", data=None, headers=[header])


async def test_a_gateway_that_does_not_respond_is_named() -> None:
    with pytest.raises(GatewayUnreachable, match=r"http://gateway\.test"):
        await call_extension(GATEWAY, "x", "GET", "/", data=None, headers=[], transport=RecordingTransport(httpx2.ConnectError("refused")))


def test_a_body_that_is_not_text_is_encoded_in_base64() -> None:
    response = ExtensionResponse(status=200, reason="OK", headers=[], body=b"\xff\x00")
    assert response.to_json() == {"status": 200, "headers": {}, "body": "/wA=", "encoding": "base64"}
