"""The two forms of a call: frames for a caller that says that it reads them, JSON for every other."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import msgspec
import pytest

from holdfast.contract.execute import Envelope, ExecuteCall
from holdfast.contract.frames import FRAME_TYPE, decode_envelope, encode_call
from tests.runner import guests
from tests.runner.conftest import EXTENSION, PLAIN, TENANT, TOKEN, Runner, StartRunner, call_body

HASH = "ab" * 32
FRAMED = {"content-type": FRAME_TYPE}


@pytest.fixture(params=[{}, PLAIN], ids=["fast", "plain"])
def speed_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    settings: dict[str, Any] = request.param
    return settings


async def send(runner: Runner, content: bytes, **headers: str) -> httpx2.Response:
    sent = {"x-runner-service-token": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION, "content-type": FRAME_TYPE}
    return await runner.client.post("/v1/execute", content=content, headers=sent | headers)


def frame(digest: str, body: bytes | None = None, **parts: Any) -> bytes:
    http = {"method": "POST"} | ({} if body is None else {"body_b64": ""})
    return encode_call(msgspec.convert(call_body(digest, http=http, **parts), ExecuteCall), body)


async def framed(runner: Runner, digest: str, body: bytes | None = None, **headers: str) -> Envelope:
    response = await send(runner, frame(digest, body), **headers)
    assert (response.status_code, response.headers["content-type"]) == (200, FRAME_TYPE), response.text
    return decode_envelope(response.content)


@pytest.mark.parametrize("body", [bytes(range(256)), b"", b"x" * 400_000])
async def test_the_bytes_of_a_frame_reach_the_guest_and_come_back(runner: Runner, body: bytes) -> None:
    envelope = await framed(runner, await runner.put(guests.echo_body()), body)
    assert (envelope.status, envelope.error, envelope.body_b64) == (200, None, body)


async def test_no_body_is_no_body(runner: Runner) -> None:
    assert (await framed(runner, await runner.put(guests.without_body()))).body_b64 is None


async def test_a_frame_lists_headers_once_and_has_the_usage(runner: Runner) -> None:
    envelope = await framed(runner, await runner.put(guests.with_headers(("A", "1"), ("a", "2"))))
    assert (envelope.header_list, envelope.headers) == ([("A", "1"), ("a", "2")], {})
    assert not isinstance(envelope.usage, msgspec.UnsetType)


async def test_a_failure_is_framed_too(runner: Runner) -> None:
    envelope = await framed(runner, await runner.put(guests.trapping()))
    assert envelope.error is not None and envelope.error.startswith("execute_failed: trap")
    assert isinstance(envelope.failure, msgspec.Struct) and envelope.failure.code == "trap"


async def test_a_caller_that_reads_frames_gets_one_for_json(runner: Runner) -> None:
    digest = await runner.put(guests.echo_body())
    body = call_body(digest, http={"method": "POST", "body_b64": base64.b64encode(b"\xff").decode()})
    response = await runner.post(body, {"accept": f"{FRAME_TYPE}, application/json"})
    assert response.headers["content-type"] == FRAME_TYPE
    assert decode_envelope(response.content).body_b64 == b"\xff"
    for accept in ("*/*", "application/json"):
        response = await runner.post(body, {"accept": accept})
        assert response.headers["content-type"] == "application/json"
        assert response.json() == {"status": 200, "headers": {}, "body_b64": "/w==", "error": None, "header_list": []}


async def test_both_forms_of_a_call_are_one_call_for_its_idempotency_key(runner: Runner) -> None:
    digest = await runner.put(guests.echo_body())
    key = {"x-idempotency-key": "once"}
    await framed(runner, digest, b"\xff", **key)
    started = runner.messages()
    repeated = await runner.post(call_body(digest, http={"method": "POST", "body_b64": "/w=="}), key)
    assert repeated.json()["body_b64"] == "/w=="
    assert any("not run again" in message for message in runner.messages()[len(started) :])
    assert (await framed(runner, digest, b"\xfe", **key)).body_b64 == b"\xfe"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"\xff\xff\xff\xff{}", 400, "malformed_json"),
        (b"\0\0\0\x01{", 400, "malformed_json"),
        (b"\0\0\xc3\x50" + b'{"a":' * 10_000, 400, "malformed_json"),
        (b"\0\0\0\x02{}", 422, "invalid_request"),
        (frame(HASH) + b"more", 400, "malformed_json"),
    ],
)
async def test_what_is_not_a_frame_is_rejected(runner: Runner, content: bytes, status: int, code: str) -> None:
    response = await send(runner, content)
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_frame_needs_the_token(runner: Runner) -> None:
    assert (await send(runner, frame(HASH), **{"x-runner-service-token": "wrong"})).status_code == 401


async def test_the_body_of_a_frame_has_the_limit_of_every_body(start_runner: StartRunner) -> None:
    runner = await start_runner(request_body_max_bytes=1_000)
    digest = await runner.put(guests.echo_body())
    assert (await framed(runner, digest, bytes(1_000))).body_b64 == bytes(1_000)
    assert (await send(runner, frame(digest, bytes(1_001)))).status_code == 413
    assert (await send(runner, frame(digest, bytes(2_000_000)))).status_code == 413


async def test_a_call_that_may_only_run_prepared_executes_nothing_before(runner: Runner) -> None:
    digest = await runner.put(guests.echo_body())
    prepared_only = {"x-holdfast-prepared-only": "1"}
    for _ in range(2):
        envelope = await framed(runner, digest, b"a", **prepared_only)
        assert (envelope.status, envelope.error) == (503, "being_prepared")
    assert runner.messages() == []
    place = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": digest}
    assert (await runner.client.post("/warmup", json=place, headers={"x-runner-service-token": TOKEN})).status_code == 200
    assert (await framed(runner, digest, b"a", **prepared_only)).body_b64 == b"a"


async def test_a_call_without_the_condition_fetches_and_compiles_itself(runner: Runner) -> None:
    assert (await framed(runner, await runner.put(guests.echo_body()), b"b")).body_b64 == b"b"
