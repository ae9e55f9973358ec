"""What the client of the runners makes of their responses: the form of a call, another runner, waiting for a bundle, errors."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from starlette.responses import JSONResponse, Response

from holdfast.contract.execute import NOT_EXECUTED_HEADER, Envelope, FailureReport
from holdfast.contract.frames import FRAME_TYPE, decode_call, encode_envelope
from holdfast.gateway.http.errors import BadGateway, BeingPrepared, GatewayTimeout
from holdfast.gateway.runners import RunnerClient, client
from holdfast.gateway.runners.warmups import Bundle
from tests.events.recording_server import Recorded, RecordingServer, free_port, recording_server
from tests.gateway.runners.fleet import call_of, headers_of
from tests.waiting import until

HASH = "sha256:" + "ab" * 32
FINE = Envelope(status=200, body_b64=b"\xff", header_list=[("a", "b")])
PLACE = {"tenant_id": "tenant-a", "extension_id": "extension-a", "content_hash": HASH}


def framed(envelope: Envelope) -> Response:
    return Response(encode_envelope(envelope), media_type=FRAME_TYPE)


def in_json(envelope: Envelope) -> Response:
    return Response(msgspec.json.encode(envelope), media_type="application/json")


def failed(status: int, code: str) -> Envelope:
    return Envelope(status=status, error=code, failure=FailureReport(code=code))


class Runners:
    """Recording servers in place of runners, and the client of all of them; `first` is the one to which HASH belongs."""

    def __init__(self, servers: list[RecordingServer]) -> None:
        self.client = RunnerClient(",".join(server.url for server in servers), "token")
        self.in_order = [servers[index] for index in self.client._selection.order(HASH)]
        self.first, self.last = self.in_order[0], self.in_order[-1]

    def calls(self) -> list[int]:
        """How many calls each of them got, in the order for HASH."""
        return [[request.path for request in server.requests].count("/v1/execute") for server in self.in_order]

    async def call(self, body: bytes | None = None, *, timeout_ms: int = 60_000) -> Envelope:
        call = call_of(HASH, "req-1")
        if body is not None:
            call = structs.replace(call, http=structs.replace(call.http, body_b64=""))
        return await self.client.execute(call, headers_of("req-1"), body=body, timeout_ms=timeout_ms)


@pytest.fixture
async def closing() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def start(closing: AsyncExitStack, count: int) -> Runners:
    runners = Runners([await closing.enter_async_context(recording_server()) for _ in range(count)])
    closing.push_async_callback(runners.client.close)
    for server in runners.in_order:
        server.answer = lambda _: framed(FINE)
    return runners


@pytest.fixture
async def one(closing: AsyncExitStack) -> Runners:
    return await start(closing, 1)


@pytest.fixture
async def two(closing: AsyncExitStack) -> Runners:
    return await start(closing, 2)


async def test_the_first_call_is_json_and_the_next_ones_are_frames(one: Runners) -> None:
    assert [(await one.call(body)).body_b64 for body in (b"\xfe", b"\xfe", None)] == [b"\xff"] * 3
    first, second, third = one.first.requests
    assert (first.header("content-type"), base64.b64decode(first.json["http"]["body_b64"])) == ("application/json", b"\xfe")
    assert first.header("accept") == f"{FRAME_TYPE}, application/json"
    assert [request.header("content-type") for request in (second, third)] == [FRAME_TYPE] * 2
    assert [decode_call(request.body)[1] for request in (second, third)] == [b"\xfe", None]
    assert {request.header("x-runner-service-token") for request in one.first.requests} == {"token"}


async def test_a_runner_that_writes_json_gets_json(one: Runners) -> None:
    one.first.answer = lambda _: in_json(FINE)
    for _ in range(2):
        assert (await one.call(b"")).body_b64 == b"\xff"
    assert [request.json["http"]["body_b64"] for request in one.first.requests] == ["", ""]


async def test_a_runner_that_no_longer_reads_frames_gets_the_call_as_json(one: Runners) -> None:
    await one.call()

    def answer(request: Recorded) -> Response:
        return JSONResponse({}, 415) if request.header("content-type") == FRAME_TYPE else in_json(FINE)

    one.first.answer = answer
    for _ in range(2):
        assert (await one.call()).status == 200
    assert [request.header("content-type") for request in one.first.requests] == [
        "application/json",
        FRAME_TYPE,
        "application/json",
        "application/json",
    ]


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"", FRAME_TYPE, "empty_response"),
        (b"\0\0\0\x09{}", FRAME_TYPE, "invalid_response"),
        (b"\0\0\0\x02{}", FRAME_TYPE, "invalid_response"),
        (b"{}", FRAME_TYPE, "invalid_response"),
        (encode_envelope(FINE), "application/json", "invalid_response"),
    ],
)
async def test_what_is_not_in_the_form_that_it_names_is_invalid(one: Runners, content: bytes, media_type: str, code: str) -> None:
    one.first.answer = lambda _: Response(content, media_type=media_type)
    with pytest.raises(BadGateway) as raised:
        await one.call()
    assert raised.value.details == {"code": code}


async def test_a_runner_that_executed_nothing_is_asked_again_and_then_the_next(two: Runners) -> None:
    def answer(request: Recorded) -> Response:
        return Response(status_code=503, headers={NOT_EXECUTED_HEADER: "1"}) if request.path == "/v1/execute" else Response()

    two.first.answer = answer
    assert (await two.call()).status == 200
    assert two.calls() == [2, 1]
    assert not all(runner.is_up for runner in two.client.runners)
    await until(lambda: all(runner.is_up for runner in two.client.runners))


async def test_a_runner_that_is_not_there_is_passed_over(closing: AsyncExitStack) -> None:
    server = await closing.enter_async_context(recording_server())
    server.answer = lambda _: framed(FINE)
    both = RunnerClient(f"http://127.0.0.1:{free_port()}, {server.url}/", "token")
    closing.push_async_callback(both.close)
    assert (await both.execute(call_of(HASH, "r"), headers_of("r"), body=None, timeout_ms=60_000)).status == 200
    response = await both.open_ui("GET", "/ext-ui/x", {}, content_hash=HASH)
    await response.aclose()
    assert (await both.check_component(pieces, 4))[0] == 200
    assert server.requests[-1].body == b"wasm"


async def pieces() -> AsyncIterator[bytes]:
    yield b"wasm"


async def test_a_busy_runner_is_passed_over(two: Runners) -> None:
    two.first.answer = lambda _: framed(failed(429, "busy"))
    assert (await two.call()).status == 200
    assert all(runner.is_up for runner in two.client.runners)


async def test_when_all_are_busy_the_caller_hears_it(two: Runners) -> None:
    for server in two.in_order:
        server.answer = lambda _: framed(failed(429, "busy"))
    envelope = await two.call()
    assert isinstance(envelope.failure, FailureReport) and envelope.failure.code == "busy"


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: JSONResponse({"error": "stopping"}, 503),
        lambda _: framed(failed(500, "trap")),
        lambda _: framed(failed(500, "deadline")),
        lambda _: Response(b"", media_type=FRAME_TYPE),
    ],
)
async def test_a_call_that_may_have_been_executed_gets_no_second_runner(two: Runners, answer: Any) -> None:
    two.first.answer = answer
    with suppress(BadGateway):
        await two.call()
    assert two.calls() == [1, 0]


async def test_a_connection_that_breaks_gets_no_second_runner(closing: AsyncExitStack) -> None:
    seen: list[bytes] = []

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    cutting = [await asyncio.start_server(cut, "127.0.0.1", 0) for _ in range(2)]
    both = RunnerClient(",".join(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in cutting), "token")
    with pytest.raises(BadGateway) as raised:
        await both.execute(call_of(HASH, "r"), headers_of("r"), body=None, timeout_ms=60_000)
    assert raised.value.details == {"code": "runner_transport_error"}
    assert len(seen) == 1
    await both.close()
    for server in cutting:
        server.close()


async def test_no_response_is_a_timeout_without_a_second_runner(two: Runners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GRACE_SECONDS", 0.01)
    ever = asyncio.Event()

    async def answer(_: Recorded) -> Response:
        await ever.wait()
        return framed(FINE)

    two.first.answer = answer
    with pytest.raises(GatewayTimeout):
        await two.call(timeout_ms=10)
    ever.set()
    assert two.calls() == [1, 0]


def preparing(statuses: list[int]) -> Any:
    """A runner that is not prepared until the last of these responses to `/warmup` was sent."""

    def answer(request: Recorded) -> Response:
        if request.path == "/warmup":
            assert {name: request.json[name] for name in PLACE} == PLACE
            return JSONResponse({}, statuses.pop(0))
        prepared_only = request.header("x-holdfast-prepared-only") is not None
        return framed(failed(503, "being_prepared") if statuses and prepared_only else FINE)

    return answer


async def test_a_call_waits_until_its_bundle_is_prepared(one: Runners) -> None:
    one.first.answer = preparing([202, 202, 200])
    assert (await one.call()).status == 200
    assert [request.path for request in one.first.requests] == ["/v1/execute", "/warmup", "/warmup", "/warmup", "/v1/execute"]


async def test_a_preparation_that_fails_leaves_the_reason_to_the_call(one: Runners) -> None:
    one.first.answer = preparing([422])
    assert (await one.call()).status == 200
    assert one.first.requests[-1].header("x-holdfast-prepared-only") is None


async def test_calls_that_wait_for_the_same_bundle_share_one_request(one: Runners) -> None:
    ready = asyncio.Event()

    async def answer(request: Recorded) -> Response:
        if request.path == "/warmup":
            await ready.wait()
            return JSONResponse({})
        return framed(FINE if ready.is_set() else failed(503, "being_prepared"))

    one.first.answer = answer
    calls = [asyncio.create_task(one.call()) for _ in range(5)]
    await until(lambda: len(one.first.requests) == 6)
    ready.set()
    assert {envelope.status for envelope in await asyncio.gather(*calls)} == {200}
    assert [request.path for request in one.first.requests].count("/warmup") == 1


@pytest.mark.parametrize("answer_of_warmup", ["later", "full"])
async def test_a_call_waits_no_longer_than_its_deadline(one: Runners, answer_of_warmup: str) -> None:
    ever = asyncio.Event()

    async def answer(request: Recorded) -> Response:
        if request.path == "/warmup" and answer_of_warmup == "full":
            return JSONResponse({}, 429)
        if request.path == "/warmup":
            await ever.wait()
        return framed(failed(503, "being_prepared"))

    one.first.answer = answer
    with pytest.raises(BeingPrepared) as raised:
        await one.call(timeout_ms=30)
    assert (raised.value.status, raised.value.retry_after_seconds) == (503, 2)
    ever.set()


async def test_a_bundle_is_prepared_on_the_runners_that_will_run_it(closing: AsyncExitStack) -> None:
    three = await start(closing, 3)
    for server in three.in_order:
        server.reply({})
    three.client.prepare(Bundle(**PLACE))
    await until(lambda: all(server.requests for server in three.in_order[:2]))
    assert [json.loads(server.requests[0].body)["content_hash"] for server in three.in_order[:2]] == [HASH, HASH]
    assert three.last.requests == []


async def test_health_names_each_runner(two: Runners) -> None:
    two.first.reply({}, 503)
    assert await two.client.health() == {two.first.url: False, two.last.url: True}
    assert await two.client.is_healthy()


@pytest.mark.parametrize("addresses", ["", ",", "runner", "http://a,ftp://b", "http://a?x=1"])
def test_what_is_no_address_is_rejected(addresses: str) -> None:
    with pytest.raises(ValueError):
        RunnerClient(addresses, "token")


async def test_a_runner_on_this_machine_is_called_at_its_sockets(tmp_path: Path, closing: AsyncExitStack) -> None:
    from holdfast.processes.unix_sockets import listen_in

    seen: list[str] = []

    def serve(name: str) -> Any:
        async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with_length = await reader.readuntil(b"\r\n\r\n")
            length = int(with_length.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            seen.append(name)
            body = encode_envelope(FINE)
            writer.write(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (FRAME_TYPE.encode(), len(body))
            )
            writer.write(body)
            await writer.drain()
            writer.close()

        return respond

    tcp = await asyncio.start_server(serve("port"), "127.0.0.1", 0)
    closing.callback(tcp.close)
    url = f"http://127.0.0.1:{tcp.sockets[0].getsockname()[1]}"
    runner = RunnerClient(url, "token", socket_dir=tmp_path / "s")
    closing.push_async_callback(runner.close)

    async def call() -> None:
        assert (await runner.execute(call_of(HASH, "r"), headers_of("r"), body=None, timeout_ms=60_000)).status == 200

    with listen_in(tmp_path / "s", 2) as sockets:
        servers = [await asyncio.start_unix_server(serve(f"socket {index}"), sock=own) for index, own in enumerate(sockets)]
        await call()
        assert seen.pop().startswith("socket")
        servers[0].close()
        await call()
        assert seen.pop() == "socket 1"
        servers[1].close()
    await call()
    assert seen.pop() == "port"
