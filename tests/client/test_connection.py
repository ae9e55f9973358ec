"""What a command says when a server is away, is none, or refuses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing

import msgspec
import pytest
from starlette.responses import HTMLResponse, RedirectResponse, Response

from holdfast.client.connection import ServerConnection, ServerRefused, ServerUnreachable, ServerUnusable, open_connection
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


async def refusal(connection: ServerConnection) -> HoldfastError:
    with pytest.raises((ServerUnusable, ServerRefused)) as refused:
        await connection.call("GET", "/api/v1/extensions")
    assert KEY not in str(refused.value)
    return refused.value


async def test_key_and_tenant_are_sent_as_headers_and_the_answer_is_its_json(server: RecordingServer, connection: ServerConnection) -> None:
    server.reply({"ok": True})
    assert await connection.call("POST", "/api/v1/extensions", json={"a": 1}, query={"b": "c d"}) == {"ok": True}
    (sent,) = server.requests
    assert (sent.method, sent.path, sent.query, sent.json) == ("POST", "/api/v1/extensions", "b=c+d", {"a": 1})
    assert (sent.header("x-api-key"), sent.header("x-tenant-id"), sent.header("content-type")) == (KEY, "tenant-1", "application/json")


async def test_an_answer_without_a_body_is_nothing(server: RecordingServer, connection: ServerConnection) -> None:
    server.answer = lambda _: Response(status_code=204)
    assert await connection.call("DELETE", "/x") is None


async def test_a_server_that_is_not_there_is_named() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with open_connection(ServerTarget(url=url, api_key=KEY, tenant_id=None)) as connection:
            with pytest.raises(ServerUnreachable, match=f"Nothing answers at {url}"):
                await connection.call("GET", "/x")


async def test_a_server_that_does_not_answer_in_time_is_not_waited_for(server: RecordingServer) -> None:
    over = asyncio.Event()

    async def late(_: object) -> Response:
        await over.wait()
        return Response()

    server.answer = late
    async with open_connection(ServerTarget(url=server.url, api_key=KEY, tenant_id=None, seconds=0.1)) as connection:
        with pytest.raises(ServerUnreachable, match="did not answer in time"):
            await connection.call("GET", "/x")
    over.set()


@pytest.mark.parametrize("status", [200, 502])
async def test_the_html_of_a_proxy_is_not_taken_for_an_answer(server: RecordingServer, connection: ServerConnection, status: int) -> None:
    server.answer = lambda _: HTMLResponse("<h1>Bad gateway</h1>", status)
    refused = await refusal(connection)
    assert f"answered {status} with text/html" in refused.message and "proxy" in refused.message and "<h1>" not in str(refused)


async def test_a_redirect_is_told_and_the_key_does_not_follow_it(server: RecordingServer, connection: ServerConnection) -> None:
    server.answer = lambda _: RedirectResponse("https://elsewhere.example/api")
    assert "redirects to 'https://elsewhere.example/api'" in (await refusal(connection)).message
    assert len(server.requests) == 1


async def test_a_refused_key_is_one_sentence_with_the_code_of_the_server(server: RecordingServer, connection: ServerConnection) -> None:
    server.reply({"error": "unauthenticated", "message": "Log in again in the console."}, 401)
    told = (await refusal(connection)).to_json()
    assert (told["error"], told["message"]) == ("unauthenticated", f"{server.url} does not accept the API key.")
    assert "ALGA_API_KEY" in told["hint"]


@pytest.mark.parametrize(
    "shape",
    [
        {"error": "A_CODE", "message": "No.", "hint": "Ask.", "details": {"a": [1]}},
        {"error": "No.", "code": "A_CODE", "hint": "Ask.", "details": {"a": [1]}},
        {"success": False, "error": {"message": "No.", "code": "A_CODE", "hint": "Ask.", "details": {"a": [1]}}},
    ],
    ids=["ours", "of publishing", "of a duplicate"],
)
async def test_a_refusal_is_told_as_the_server_told_it(
    server: RecordingServer, connection: ServerConnection, shape: dict[str, object]
) -> None:
    server.reply(shape, 409)
    refused = await refusal(connection)
    assert refused.to_json() == {"error": "A_CODE", "message": "No.", "hint": "Ask.", "details": {"a": [1]}}
    assert str(refused) == "No. Ask."


@pytest.mark.parametrize("shape", [[], {}, {"error": 7}, {"error": {"code": "only a code"}}, "no", None])
async def test_an_error_without_a_reason_is_told_by_its_status(
    server: RecordingServer, connection: ServerConnection, shape: object
) -> None:
    server.reply(shape, 500)
    assert "answered 500 without saying why" in (await refusal(connection)).message


async def test_the_address_may_have_a_path(server: RecordingServer) -> None:
    async with open_connection(ServerTarget(url=f"{server.url}/below", api_key=KEY, tenant_id=None)) as connection:
        await connection.call("GET", "/api/v1/extensions")
    assert server.requests[0].path == "/below/api/v1/extensions" and server.requests[0].header("x-tenant-id") is None


def test_fields_are_read_in_camel_case_and_keys_of_data_stay() -> None:
    told = {"contentHash": "x", "inner": {"longName": "a"}, "inners": [{"longName": "b"}], "data": {"camelCase": 1, "snake_case": 2}}
    read = read_result(SentShape, Shape, {"answer": told}, "answer")
    assert read == Shape("x", Inner("a"), [Inner("b")], {"camelCase": 1, "snake_case": 2})
    assert read_result(list[SentInner], list[Inner], [{"longName": "c"}]) == [Inner("c")]


@pytest.mark.parametrize("told", [{}, None, [], {"answer": {"contentHash": 7}}, {"answer": None}])
def test_an_answer_of_another_form_is_refused(told: object) -> None:
    with pytest.raises(ServerUnusable, match="not of the form"):
        read_result(SentShape, Shape, told, "answer")


def test_a_key_is_in_no_picture_of_a_target() -> None:
    assert KEY not in repr(ServerTarget(url="http://x", api_key=KEY, tenant_id=None)) + str(
        [ServerTarget(url="http://x", api_key=KEY, tenant_id=None)]
    )
