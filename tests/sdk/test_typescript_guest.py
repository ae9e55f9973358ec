"""What the TypeScript SDK guarantees to handlers, tested with built components on the real engine."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from holdfast.engine import Engine
from tests.sdk.guest_host import MemoryHost, Response, call

CallHandler = Callable[..., Awaitable[Response]]


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost()


@pytest.fixture
def call_handler(engine: Engine, built: Callable[[str], Path], host: MemoryHost) -> CallHandler:
    project = built("sdk-probe")
    return lambda url: call(engine, project, host, url)


async def test_random_values_differ_between_calls(call_handler: CallHandler) -> None:
    first, second = (await call_handler("/random")).json, (await call_handler("/random")).json
    assert first["math"] != second["math"]
    assert first["uuid"] != second["uuid"]
    assert first["bytes"] != second["bytes"]
    assert first["uuid"][14] == "4"


async def test_modules_are_evaluated_once_at_build_time(call_handler: CallHandler) -> None:
    assert (await call_handler("/loaded")).json == (await call_handler("/loaded")).json


async def test_async_functions_generators_and_promises_complete(call_handler: CallHandler) -> None:
    response = (await call_handler("/async")).json
    assert response == {"counted": [1, 2, 3], "order": ["microtask"], "all": [1, 2], "settled": ["fulfilled", "rejected"]}


async def test_timers_fire_in_the_order_of_their_times(call_handler: CallHandler) -> None:
    assert (await call_handler("/timers")).json == ["first", "second"]


async def test_web_globals_exist(call_handler: CallHandler, host: MemoryHost) -> None:
    found = (await call_handler("/globals")).json
    assert found == {
        "href": "https://example.com/b?q=a%20b",
        "q": "a b",
        "text": "é€😀",
        "base64": "aGk=",
        "cloned": True,
        "clock": True,
    }
    assert host.logs == [("warn", 'from the console {"x":1}')]


async def test_a_failed_host_function_rejects_with_an_error_that_has_the_code(call_handler: CallHandler) -> None:
    response = (await call_handler("/missing-secret")).json
    assert response == {"real": True, "code": "missing", "call": "secrets.get", "message": "secrets.get: missing"}


async def test_storage_returns_null_for_missing_keys_counts_revisions_and_reads_all_pages(call_handler: CallHandler) -> None:
    response = (await call_handler("/storage")).json
    assert response == {"before": None, "revisions": [1, 2], "read": {"n": 2}, "keys": ["k0", "k1", "k2", "k3", "k4"]}


async def test_fetch_accepts_a_url_and_reads_the_response(call_handler: CallHandler, host: MemoryHost) -> None:
    assert (await call_handler("/fetch")).json == {"status": 200, "text": "hello", "type": "text/plain"}
    assert [(r.method, r.url, r.headers[0].name, r.body) for r in host.fetched] == [("GET", "https://api.example.com/x", "accept", None)]


async def test_the_user_has_its_additional_fields_as_an_object(call_handler: CallHandler) -> None:
    response = (await call_handler("/user")).json
    assert response["userName"] == "Uma User"
    assert response["additionalFields"] == {"locale": "en"}


async def test_a_rejection_that_nothing_awaits_is_logged(call_handler: CallHandler, host: MemoryHost) -> None:
    assert (await call_handler("/unawaited")).status == 200
    assert "nothing awaited" in host.logs[0][1]
    assert "Error: forgotten" in host.logs[0][1]


async def test_a_promise_that_never_settles_fails_the_call(call_handler: CallHandler) -> None:
    response = await call_handler("/never")
    assert (response.status, response.json["error"]) == (500, "handler_failed")
    assert "never settles" in response.json["message"]


async def test_an_argument_of_a_wrong_type_is_an_error_and_not_a_trap(call_handler: CallHandler) -> None:
    assert (await call_handler("/wrong-argument")).json == {"error": "handler_failed", "message": "key must be text, not number"}


async def test_headers_are_optional_and_text_bodies_are_utf8(call_handler: CallHandler) -> None:
    bare, text, pairs = await call_handler("/no-headers"), await call_handler("/text-body"), await call_handler("/object-headers")
    assert (bare.status, bare.headers, bare.body) == (202, {}, None)
    assert text.body == "schön".encode()
    assert (pairs.headers, pairs.body) == ({"x-one": "1"}, b"\x00\xff")


@pytest.mark.parametrize(("url", "words"), [("/object-body", "jsonResponse("), ("/bad-status", "status 7")])
async def test_the_error_of_an_invalid_response_says_what_is_wrong(call_handler: CallHandler, url: str, words: str) -> None:
    response = await call_handler(url)
    assert response.status == 500
    assert words in response.json["message"]


async def test_an_error_in_a_handler_is_returned_and_logged_with_its_source_line(
    engine: Engine, built: Callable[[str], Path], host: MemoryHost
) -> None:
    project = built("faulty")
    response = await call(engine, project, host, "/throw")
    assert (response.status, response.json) == (500, {"error": "handler_failed", "message": "this handler always fails"})
    lines = (project / "src" / "handler.ts").read_text().splitlines()
    thrown_at = next(number for number, line in enumerate(lines, 1) if "always fails" in line)
    [(level, logged)] = host.logs
    assert level == "error"
    assert logged.startswith("Error: this handler always fails\n")
    assert f"at fail (src/handler.ts:{thrown_at})" in logged
    assert f"src/handler.ts:{thrown_at}" in "\n".join(host.stderr)


async def test_log_fields_follow_the_message_as_json(engine: Engine, built: Callable[[str], Path], host: MemoryHost) -> None:
    await call(engine, built("faulty"), host, "/logs")
    assert host.logs == [("info", f'line {n} {{"line":{n}}}') for n in range(1, 6)]


async def test_a_handler_gets_the_request_as_it_was_sent(engine: Engine, built: Callable[[str], Path], host: MemoryHost) -> None:
    response = await call(engine, built("echo"), host, "/echo?a=1&a=2", method="POST", body=bytes(range(256)))
    seen = response.json
    assert (seen["method"], seen["url"], seen["path"]) == ("POST", "/echo?a=1&a=2", "/echo")
    assert seen["headers"] == [{"name": "content-type", "value": "application/json"}]
    assert seen["context"] == {
        "requestId": "request-1",
        "tenantId": "tenant-1",
        "extensionId": "extension-1",
        "installId": "install-1",
        "versionId": "version-1",
        "config": {},
    }
    assert json.dumps(seen["body"])[1:9] == "AAECAwQF"
