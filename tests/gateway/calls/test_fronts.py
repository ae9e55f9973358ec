"""The same bytes to the server with the fast path and to plain uvicorn: the responses are the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from holdfast.gateway.app import gateway_fast_routes
from tests.events.recording_server import serving
from tests.gateway.platform import Platform
from tests.waiting import MAX_WAIT_SECONDS

NOTES = b"/api/ext/com.example.notes/notes"
Ports = tuple[int, int]


@pytest.fixture
async def ports(platform: Platform) -> AsyncIterator[Ports]:
    """Of the server with the fast path, and of the one without."""
    async with serving(platform.app, routes=gateway_fast_routes(platform.services)) as fast, serving(platform.app) as plain:
        yield fast, plain


async def exchange(port: int, sent: bytes) -> bytes:
    """Everything that the server responds until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), MAX_WAIT_SECONDS)
    writer.close()
    return received


def comparable(received: bytes) -> list[tuple[set[bytes], bytes]]:
    """Per response: its head without what differs between two equal calls, and its body."""
    responses = []
    for piece in received.split(b"HTTP/1.1 ")[1:]:
        head, _, body = piece.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        responses.append(({line for line in lines if not line.lower().startswith((b"date:", b"ratelimit-"))}, body))
    return responses


def request(line: bytes, *headers: bytes, body: bytes = b"", close: bool = True) -> bytes:
    return b"\r\n".join([line, b"host: gateway.test", *headers, *([b"connection: close"] if close else []), b"", body])


async def test_both_fronts_respond_alike(platform: Platform, ports: Ports) -> None:
    key = b"authorization: " + (await platform.admin())["authorization"].encode()
    tag = b"x-request-id: r"
    post = (b"POST " + NOTES + b" HTTP/1.1", key, tag, b"x-idempotency-key: once")
    get = (b"GET " + NOTES + b"?a=1&a=2 HTTP/1.1", key, tag)
    sent = [
        request(*get),
        request(b"HEAD " + NOTES + b" HTTP/1.1", key, tag),
        request(*post, b"content-length: 4", body=b"body"),
        request(*post, b"content-length: 0"),
        request(*post, b"transfer-encoding: chunked", body=b"4\r\nbody\r\n0\r\n\r\n"),
        request(*post, b"content-length: 300000", body=bytes(300_000)),
        request(b"GET " + NOTES + b" HTTP/1.0", key, tag, close=False),
        request(b"GET " + NOTES + b" HTTP/1.1", tag),
        request(b"GET /api/ext/com.example.notes/undeclared HTTP/1.1", key, tag),
        request(b"GET /api/ext/com.example.notes/notes%2f7 HTTP/1.1", key, tag),
        request(b"GET /api/ext/com.example.notes/notes/%C3%A4 HTTP/1.1", key, tag),
        request(b"GET /api/ext/ HTTP/1.1", key, tag),
        request(b"PUT /api/ext-proxy/com.example.notes/notes HTTP/1.1", key, tag, b"content-length: 1", body=b"x"),
        request(b"TRACE " + NOTES + b" HTTP/1.1", key, tag),
        request(b"OPTIONS " + NOTES + b" HTTP/1.1", tag),
        # Kept alive, then pipelined: every response is complete, and they are in order.
        request(*get, close=False) + request(*post, b"content-length: 2", body=b"ab", close=False) + request(*get),
    ]
    for number, one in enumerate(sent):
        fast, plain = [comparable(await exchange(port, one)) for port in ports]
        assert fast == plain, f"request {number}"
        assert len(fast) == (3 if one is sent[-1] else 1)


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_response_without_a_body_leaves_the_connection_usable(platform: Platform, ports: Ports, status: int) -> None:
    platform.respond_with(b"not sent", status)
    key = b"authorization: " + (await platform.admin())["authorization"].encode()
    get = (b"GET " + NOTES + b" HTTP/1.1", key)
    for port in ports:
        responses = comparable(await exchange(port, request(*get, close=False) + request(*get)))
        assert [body for _, body in responses] == [b"", b""]
        assert all(any(line.startswith(b"%d " % status) for line in head) for head, _ in responses)


async def test_a_client_that_waits_for_100_continue_learns_first_that_it_has_no_access(platform: Platform, ports: Ports) -> None:
    key = b"authorization: " + (await platform.admin())["authorization"].encode()
    line = b"POST /api/ext/com.example.notes/undeclared HTTP/1.1"
    for port in ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(line, key, b"content-length: 4", b"expect: 100-continue"))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_WAIT_SECONDS)
        assert head.startswith(b"HTTP/1.1 404 ")
        writer.close()


async def test_a_body_that_is_too_large_is_refused_before_its_end(platform: Platform, ports: Ports) -> None:
    key = b"authorization: " + (await platform.admin())["authorization"].encode()
    limit = platform.services.settings.request_body_max_bytes
    line = b"POST " + NOTES + b" HTTP/1.1"
    for port in ports:
        for headers, body in (((b"content-length: %d" % (limit + 1),), b""), ((b"transfer-encoding: chunked",), b"%x\r\n" % (limit * 2))):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(line, key, *headers, body=body + (bytes(limit + 1) if body else b"")))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_WAIT_SECONDS)
            assert head.startswith(b"HTTP/1.1 413 ")
            writer.close()
    assert platform.runner.requests == []


@pytest.mark.parametrize(
    "malformed",
    [request(b"GET " + NOTES + b"?\xff HTTP/1.1"), request(b"GET " + NOTES + b" HTTP/1.1", b"bad header"), b"\x00\r\n\r\n"],
    ids=["not ASCII", "header without colon", "no request"],
)
async def test_both_fronts_reject_what_is_not_http_and_ours_says_so_in_json(ports: Ports, malformed: bytes) -> None:
    (fast,), (plain,) = [comparable(await exchange(port, malformed)) for port in ports]
    assert {b"400 Bad Request", b"connection: close"} <= fast[0] & plain[0]
    assert b"content-type: application/json" in fast[0]
    assert json.loads(fast[1])["error"] == "invalid_request"
