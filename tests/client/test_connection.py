"""The errors of a command when a server is unreachable, is not a Holdfast server, or rejects the request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing

import msgspec
import pytest
from starlette.responses import HTMLResponse, RedirectResponse, Response

from holdfast.client.connection import ServerConnection, ServerDenied, ServerUnreachable, ServerUnusable, open_connection
from holdfast.client.decoding import read_result
from holdfast.client.target import ServerTarget
from holdfast.errors import HoldfastError
from tests.events.recording_server import RecordingServer, recording_server

KEY = "hf_the-key-of-these-tests"


class Inner(msgspec.Struct):
    long_name: str


class SentInner(msgspec.Struct, rename="camel"):
    long_name: str


class SentShape(msgspec.Struct, rename="camel"):
    content_hash: str
    inner: SentInner | None
    inners: list[SentInner]
    data: dict[str, int]


class Shape(msgspec.Struct):
    content_hash: str
    inner: Inner | None
    inners: list[Inner]
    data: dict[str, int]


@pytest.fixture
async def server() -> AsyncIterator[RecordingServer]:
    async with recording_server() as running:
        yield running


@pytest.fixture
async def connection(server: RecordingServer) -> AsyncIterator[ServerConnection]:
    async with open_connection(ServerTarget(url=server.url, api_key=KEY, tenant_id="tenant-1")) as opened:
        yield opened


async def error_of(connection: ServerConnection) -> HoldfastError:
    with pytest.raises((ServerUnusable, ServerDenied)) as rejected:
        await connection.call("GET", "/api/v1/extensions")
    assert KEY not in str(rejected.value)
    return rejected.value


async def test_key_and_tenant_are_sent_as_headers_and_the_json_is_returned(server: RecordingServer, connection: ServerConnection) -> None:
    server.reply({"ok": True})
    assert await connection.call("POST", "/api/v1/extensions", json={"a": 1}, query={"b": "c d"}) == {"ok": True}
    (sent,) = server.requests
    assert (sent.method, sent.path, sent.query, sent.json) == ("POST", "/api/v1/extensions", "b=c+d", {"a": 1})
    assert (sent.header("x-api-key"), sent.header("x-tenant-id"), sent.header("content-type")) == (KEY, "tenant-1", "application/json")


async def test_a_response_without_a_body_is_none(server: RecordingServer, connection: ServerConnection) -> None:
    server.answer = lambda _: Response(status_code=204)
    assert await connection.call("DELETE", "/x") is None


async def test_a_server_that_does_not_respond_is_named() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with open_connection(ServerTarget(url=url, api_key=KEY, tenant_id=None)) as connection:
            with pytest.raises(ServerUnreachable, match=f"No server responds at {url}"):
                await connection.call("GET", "/x")


async def test_a_response_that_takes_too_long_is_an_error(server: RecordingServer) -> None:
    over = asyncio.Event()

    async def late(_: object) -> Response:
        await over.wait()
        return Response()

    server.answer = late
    async with open_connection(ServerTarget(url=server.url, api_key=KEY, tenant_id=None, seconds=0.1)) as connection:
        try:
            with pytest.raises(ServerUnreachable, match="did not respond in time"):
                await connection.call("GET", "/x")
        finally:
            over.set()


@pytest.mark.parametrize("status", [200, 502])
async def test_the_html_of_a_proxy_is_an_error(server: RecordingServer, connection: ServerConnection, status: int) -> None:
    server.answer = lambda _: HTMLResponse("<h1>Bad gateway</h1>", status)
    rejected = await error_of(connection)
    assert f"responded with status {status} and text/html: it is not a Holdfast server" in rejected.message and "<h1>" not in str(rejected)


async def test_a_redirect_is_reported_and_not_followed_with_the_key(server: RecordingServer, connection: ServerConnection) -> None:
    server.answer = lambda _: RedirectResponse("https://elsewhere.example/api")
    assert "redirects to 'https://elsewhere.example/api'" in (await error_of(connection)).message
    assert len(server.requests) == 1


async def test_an_invalid_key_is_one_sentence_with_the_code_of_the_server(server: RecordingServer, connection: ServerConnection) -> None:
    server.reply({"error": "unauthenticated", "message": "Log in again in the console."}, 401)
    body = (await error_of(connection)).to_json()
    assert (body["error"], body["message"]) == ("unauthenticated", f"{server.url} does not accept the API key.")
    assert "ALGA_API_KEY" in body["hint"]


@pytest.mark.parametrize(
    "shape",
    [
        {"error": "A_CODE", "message": "No.", "hint": "Ask.", "details": {"a": [1]}},
        {"error": "No.", "code": "A_CODE", "hint": "Ask.", "details": {"a": [1]}},
        {"success": False, "error": {"message": "No.", "code": "A_CODE", "hint": "Ask.", "details": {"a": [1]}}},
    ],
    ids=["ours", "of publishing", "of a duplicate"],
)
async def test_an_error_keeps_the_code_message_hint_and_details_of_the_server(
    server: RecordingServer, connection: ServerConnection, shape: dict[str, object]
) -> None:
    server.reply(shape, 409)
    rejected = await error_of(connection)
    assert rejected.to_json() == {"error": "A_CODE", "message": "No.", "hint": "Ask.", "details": {"a": [1]}}
    assert str(rejected) == "No. Ask."


@pytest.mark.parametrize("shape", [[], {}, {"error": 7}, {"error": {"code": "only a code"}}, "no", None])
async def test_an_error_without_a_reason_is_reported_by_its_status(
    server: RecordingServer, connection: ServerConnection, shape: object
) -> None:
    server.reply(shape, 500)
    assert "responded with status 500 and no reason" in (await error_of(connection)).message


async def test_the_address_may_have_a_path(server: RecordingServer) -> None:
    async with open_connection(ServerTarget(url=f"{server.url}/below", api_key=KEY, tenant_id=None)) as connection:
        await connection.call("GET", "/api/v1/extensions")
    assert server.requests[0].path == "/below/api/v1/extensions" and server.requests[0].header("x-tenant-id") is None


def test_fields_are_read_in_camel_case_and_keys_of_data_stay() -> None:
    body = {"contentHash": "x", "inner": {"longName": "a"}, "inners": [{"longName": "b"}], "data": {"camelCase": 1, "snake_case": 2}}
    read = read_result(SentShape, Shape, {"answer": body}, "answer")
    assert read == Shape("x", Inner("a"), [Inner("b")], {"camelCase": 1, "snake_case": 2})
    assert read_result(list[SentInner], list[Inner], [{"longName": "c"}]) == [Inner("c")]


@pytest.mark.parametrize("body", [{}, None, [], {"answer": {"contentHash": 7}}, {"answer": None}])
def test_a_response_of_another_form_is_rejected(body: object) -> None:
    with pytest.raises(ServerUnusable, match="Invalid response from the server"):
        read_result(SentShape, Shape, body, "answer")


def test_the_repr_of_a_target_does_not_contain_the_key() -> None:
    assert KEY not in repr(ServerTarget(url="http://x", api_key=KEY, tenant_id=None)) + str(
        [ServerTarget(url="http://x", api_key=KEY, tenant_id=None)]
    )
