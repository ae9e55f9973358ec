"""`POST /v1/execute`: authentication, what a guest receives, the response, and errors."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx2
import pytest
from starlette.types import Message

from holdfast.bundles.store.keys import bundle_key
from holdfast.runner.endpoints.app import create_app
from tests.bundles.archives import archive, regular
from tests.runner import guests
from tests.runner.conftest import EXTENSION, INSTALL, PLAIN, TENANT, TOKEN, Runner, StartRunner, body_of, call_body

HASH = "ab" * 32


@pytest.fixture(params=[{}, PLAIN], ids=["fast", "plain"])
def speed_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Every test runs both with and without the fast path, batching and fast log lines."""
    settings: dict[str, Any] = request.param
    return settings


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1]])
async def test_a_call_without_the_token_is_rejected(runner: Runner, token: str) -> None:
    response = await runner.post(call_body(HASH), {"x-runner-service-token": token})
    assert response.status_code == 401
    assert response.json()["error"] == "unauthorized"
    assert response.headers["cache-control"] == "no-store"


async def test_either_header_carries_the_token(runner: Runner) -> None:
    response = await runner.post(call_body(HASH), {"x-runner-service-token": "", "x-runner-auth": TOKEN})
    assert response.status_code == 200


async def test_the_envelope_has_the_response_of_the_guest(runner: Runner) -> None:
    response = await runner.post(call_body(await runner.put(guests.fine())))
    assert response.json() == {"status": 200, "headers": {}, "body_b64": base64.b64encode(b"ok").decode(), "error": None, "header_list": []}
    assert response.headers["cache-control"] == "no-store"


async def test_no_body_is_null_and_an_empty_body_is_an_empty_string(runner: Runner) -> None:
    envelope = await runner.call(await runner.put(guests.without_body()))
    assert (envelope["status"], envelope["body_b64"]) == (204, None)
    digest = await runner.put(guests.echo_body())
    assert (await runner.call(digest, http={"body_b64": ""}))["body_b64"] == ""


async def test_repeated_headers_are_joined_and_listed_one_by_one(runner: Runner) -> None:
    headers = [("Set-Cookie", "a=1"), ("content-type", "text/plain"), ("set-cookie", "b=2")]
    envelope = await runner.call(await runner.put(guests.with_headers(*headers)))
    assert envelope["status"] == 201
    assert envelope["headers"] == {"Set-Cookie": "a=1, b=2", "content-type": "text/plain"}
    assert [tuple(header) for header in envelope["header_list"]] == headers


@pytest.mark.parametrize(
    ("http", "url"),
    [
        ({"path": "/notes"}, "/notes"),
        ({"path": "/notes", "query": {"a": "1 2", "b": "ü"}}, "/notes?a=1+2&b=%C3%BC"),
        ({"path": "/notes?x=1", "query": {"a": "1"}}, "/notes?x=1&a=1"),
        ({"path": "/notes", "query": {"a": ["1", "2"]}}, "/notes?a=1&a=2"),
        ({"path": "/notes", "query": [["a", "1"], ["b", "2"], ["a", "3"]]}, "/notes?a=1&b=2&a=3"),
        ({"path": "/notes", "query": {"a": "2"}, "url": "/notes?a=1&a=2"}, "/notes?a=1&a=2"),
        ({"path": "/notes", "query": {"a": "2"}, "url": "https://elsewhere/x"}, "/notes?a=2"),
    ],
)
async def test_the_guest_sees_path_and_query(runner: Runner, http: dict[str, Any], url: str) -> None:
    envelope = await runner.call(await runner.put(guests.echo_url()), http=http)
    assert body_of(envelope).decode() == url


async def test_the_guest_sees_method_tenant_and_request_id(runner: Runner) -> None:
    assert body_of(await runner.call(await runner.put(guests.echo_method()), http={"method": "PATCH"})) == b"PATCH"
    assert body_of(await runner.call(await runner.put(guests.echo_tenant()))) == TENANT.encode()
    assert body_of(await runner.call(await runner.put(guests.echo_request_id()))) == b"request-1"


async def test_the_guest_gets_the_bytes_of_the_body(runner: Runner) -> None:
    sent = bytes(range(256)) * 100
    envelope = await runner.call(await runner.put(guests.echo_body()), http={"method": "POST", "body_b64": base64.b64encode(sent).decode()})
    assert body_of(envelope) == sent


async def test_a_body_of_invalid_json_of_another_shape_or_of_another_type_is_rejected(runner: Runner) -> None:
    headers = {"x-runner-service-token": TOKEN, "content-type": "application/json"}
    for content, sent, status, error in [
        (b"{", headers, 400, "malformed_json"),
        (b"\xff", headers, 400, "malformed_json"),
        (b"[" * 100_000, headers, 422, "invalid_request"),
        (json.dumps({"context": {}, "http": {}}).encode(), headers, 422, "invalid_request"),
        (json.dumps(call_body(HASH) | {"providers": None}).encode(), headers, 422, "invalid_request"),
        (b"{}", headers | {"content-type": "text/plain"}, 415, "unsupported_media_type"),
    ]:
        response = await runner.client.post("/v1/execute", content=content, headers=sent)
        assert (response.status_code, response.json()["error"]) == (status, error)


async def test_unknown_fields_are_ignored_and_optional_ones_may_be_missing(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    body = {
        "context": {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": digest, "trigger": "schedule"},
        "http": {"method": "GET", "path": "/"},
        "endpoint": "GET /",
    }
    assert (await runner.post(body)).json()["status"] == 200


@pytest.mark.parametrize("header", ["x-alga-tenant", "x-alga-extension"])
async def test_missing_routing_headers_are_named(runner: Runner, header: str) -> None:
    envelope = (await runner.post(call_body(HASH), {header: ""})).json()
    assert (envelope["status"], envelope["error"]) == (400, "missing_routing_headers")


@pytest.mark.parametrize("header", ["x-alga-tenant", "x-alga-extension"])
async def test_headers_that_name_another_tenant_or_extension_than_the_body_are_rejected(runner: Runner, header: str) -> None:
    digest = await runner.put(guests.fine())
    envelope = (await runner.post(call_body(digest), {header: "another"})).json()
    assert (envelope["status"], envelope["error"], envelope["body_b64"]) == (400, "routing_mismatch", None)
    assert runner.cached() == []


@pytest.mark.parametrize("content_hash", ["sha256:dummy", "../../etc", "", "sha256:" + "a" * 63, "/" + "a" * 63])
async def test_an_invalid_content_hash_is_rejected_before_any_path_is_built(runner: Runner, content_hash: str) -> None:
    envelope = await runner.call(HASH, context={"content_hash": content_hash})
    assert envelope["status"] == 400
    assert envelope["error"].startswith("invalid_content_hash: ")


async def test_an_id_that_is_not_a_path_segment_is_rejected(runner: Runner) -> None:
    headers = {"x-alga-tenant": "../other"}
    envelope = (await runner.post(call_body(HASH, context={"tenant_id": "../other"}), headers)).json()
    assert envelope["status"] == 400
    assert envelope["error"].startswith("invalid_bundle_key: ")


async def test_unknown_capabilities_are_listed_and_no_bundle_is_fetched(runner: Runner) -> None:
    envelope = await runner.call(HASH, providers=["cap:zzz", " CAP:Files ", "cap:log.emit"])
    assert (envelope["status"], envelope["error"]) == (400, "unknown_capabilities: cap:files, cap:zzz")


async def test_a_missing_bundle_is_an_error_until_it_is_in_the_store(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    key = bundle_key(TENANT, EXTENSION, digest)
    path = runner.root / "data/bundles" / key
    content = path.read_bytes()
    path.unlink()
    envelope = await runner.call(digest)
    assert envelope["status"] == 502
    assert envelope["error"].startswith("bundle_fetch_failed: ")
    path.write_bytes(content)
    assert (await runner.call(digest))["status"] == 200


async def test_a_tampered_bundle_is_never_run_and_leaves_nothing(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    path = runner.root / "data/bundles" / bundle_key(TENANT, EXTENSION, digest)
    path.write_bytes(path.read_bytes() + b"x")
    envelope = await runner.call(digest)
    assert envelope["status"] == 502
    assert envelope["error"].startswith(f"bundle_fetch_failed: archive hash mismatch: expected {digest}, got ")
    assert runner.cached() == []
    assert any("archive hash mismatch" in message for message in runner.messages())


async def test_a_bundle_of_pages_only_cannot_be_called(runner: Runner) -> None:
    envelope = await runner.call(await runner.put())
    assert (envelope["status"], envelope["error"]) == (502, "bundle_fetch_failed: the bundle has no dist/main.wasm")


async def test_a_file_that_is_not_a_component_has_its_own_error(runner: Runner) -> None:
    envelope = await runner.call(await runner.put(files={"dist/main.wasm": b"\0asm garbage"}))
    assert envelope["status"] == 500
    assert envelope["error"].startswith("execute_failed: not_a_component: ")
    assert envelope["failure"]["code"] == "not_a_component"


async def test_a_trap_is_an_outcome_with_its_stack(runner: Runner) -> None:
    envelope = await runner.call(await runner.put(guests.trapping()))
    assert envelope["status"] == 500
    assert envelope["error"].startswith("execute_failed: trap: ")
    assert envelope["failure"]["code"] == "trap"
    assert envelope["failure"]["guest_stack"]
    assert any(message.startswith("call failed: trap") for message in runner.messages())


async def test_a_call_without_a_deadline_gets_the_default(start_runner: StartRunner) -> None:
    runner = await start_runner(call_timeout_ms=100)
    envelope = await runner.call(await runner.put(guests.endless()), limits={"timeout_ms": None})
    assert envelope["error"] == "execute_failed: deadline: the call did not finish within 100 ms"


async def test_a_deadline_above_the_maximum_is_capped(start_runner: StartRunner) -> None:
    runner = await start_runner(call_timeout_max_ms=100)
    envelope = await runner.call(await runner.put(guests.endless()), limits={"timeout_ms": 10**12})
    assert envelope["error"] == "execute_failed: deadline: the call did not finish within 100 ms"


async def test_a_body_of_invalid_base64_is_an_invalid_body(runner: Runner) -> None:
    envelope = await runner.call(HASH, http={"body_b64": "%%%"})
    assert envelope["status"] == 500
    assert envelope["error"].startswith("execute_failed: invalid_body: invalid body base64: ")


async def test_a_body_beyond_the_limit_is_rejected(start_runner: StartRunner) -> None:
    runner = await start_runner(request_body_max_bytes=1_000)
    digest = await runner.put(guests.echo_body())
    allowed = base64.b64encode(bytes(1_000)).decode()
    assert len(body_of(await runner.call(digest, http={"body_b64": allowed}))) == 1_000
    response = await runner.post(call_body(digest, http={"body_b64": base64.b64encode(bytes(1_001)).decode()}))
    assert (response.status_code, response.json()["error"]) == (413, "body_too_large")
    response = await runner.post(call_body(digest, http={"body_b64": "A" * 2_000_000}))
    assert (response.status_code, response.json()["error"]) == (413, "body_too_large")


async def test_a_body_of_unknown_length_is_not_read_beyond_the_limit(start_runner: StartRunner) -> None:
    runner = await start_runner(request_body_max_bytes=1)
    sent = 0

    async def pieces() -> Any:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield bytes(100_000)

    headers = {"x-runner-service-token": TOKEN, "content-type": "application/json"}
    # Not over a socket: its buffers would accept bytes that the runner never reads.
    async with runner.unchecked() as client:
        response = await client.post("/v1/execute", content=pieces(), headers=headers)
    assert response.status_code == 413
    assert sent < 20


async def test_secrets_reach_the_host_functions_in_development_and_are_rejected_in_production(start_runner: StartRunner) -> None:
    envelope = {"ciphertext_b64": base64.b64encode(b'{"greeting": "hello"}').decode(), "algorithm": "inline/base64"}
    runner = await start_runner()
    digest = await runner.put(guests.waiting_for_a_secret())
    assert (await runner.call(digest, providers=["cap:secrets.get"], secret_envelope=envelope))["status"] == 200
    assert any(message.startswith("host call secrets.list-keys: ok") for message in runner.messages())
    rejected = await (await start_runner(environment="production")).call(digest, secret_envelope=envelope)
    assert (rejected["status"], rejected["error"]) == (500, "secret_decrypt_failed")


@pytest.mark.parametrize(
    "envelope", [{"ciphertext_b64": "vault:v1:abc", "algorithm": "vault-transit"}, {"ciphertext_b64": "%%"}, {"ciphertext_b64": "W10="}]
)
async def test_secrets_that_cannot_be_decrypted_end_the_call(runner: Runner, envelope: dict[str, str]) -> None:
    response = await runner.call(HASH, secret_envelope=envelope)
    assert (response["status"], response["error"]) == (500, "secret_decrypt_failed")
    assert any("secret_decrypt_failed" in message for message in runner.messages())


async def test_a_call_beyond_the_limit_of_an_install_is_busy_and_other_installs_are_unaffected(start_runner: StartRunner) -> None:
    runner = await start_runner(calls_per_install=1, calls_per_process=2)
    slow, fine = await runner.put(guests.endless()), await runner.put(guests.fine())
    await runner.client.post("/warmup", json=_warmup(slow), headers={"x-runner-auth": TOKEN})
    running = asyncio.create_task(runner.call(slow, limits={"timeout_ms": 60_000}))
    await _until_running(runner)
    busy = await runner.call(fine)
    assert (busy["status"], busy["error"]) == (429, "busy: 1 calls of this install already run")
    assert (await runner.call(fine, context={"install_id": "7d1f5c5c-2f4b-4f5e-8a0e-1d2c3b4a5968"}))["status"] == 200
    running.cancel()
    await asyncio.wait([running])
    assert (await runner.call(fine))["status"] == 200


async def _until_running(runner: Runner) -> None:
    while not runner.services.concurrency.running:
        await asyncio.sleep(0)


async def test_a_disconnected_caller_ends_its_guest(runner: Runner) -> None:
    digest = await runner.put(guests.endless())
    await runner.client.post("/warmup", json=_warmup(digest), headers={"x-runner-auth": TOKEN})
    disconnected, sent = asyncio.Event(), list[Message]()
    body = json.dumps(call_body(digest, limits={"timeout_ms": 60_000})).encode()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        await disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = {"x-runner-auth": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION, "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/execute",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    call = asyncio.create_task(create_app(runner.services)(scope, receive, send))
    await _until_running(runner)
    disconnected.set()
    await call
    assert runner.services.concurrency.running == 0
    assert sent[0]["status"] == 499


async def test_the_debug_stream_shows_start_and_end_of_a_call(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    await runner.call(digest, http={"path": "/notes?secret=1"})
    messages = runner.messages()
    assert messages[0] == "call started: GET /notes"
    assert messages[-1].startswith("call finished: status 200 in ")
    event = runner.events.events[-1]
    assert (event.install_id, event.request_id, event.content_hash) == (INSTALL, "request-1", f"sha256:{digest}")


async def test_the_log_line_of_a_call_names_the_call_and_no_token(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    await runner.call(await runner.put(guests.fine()))
    await asyncio.sleep(0)
    written = capsys.readouterr()
    line = next(line for line in (written.out + written.err).splitlines() if "[POST /v1/execute]" in line)
    assert "request-1" in line and TENANT in line and EXTENSION in line and "200" in line
    assert TOKEN not in written.out + written.err


def _warmup(digest: str) -> dict[str, str]:
    return {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}


async def test_warming_up_fetches_verifies_and_compiles(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    response = await runner.client.post("/warmup", json=_warmup(digest), headers={"x-runner-service-token": TOKEN})
    assert (response.status_code, response.json()) == (200, {"ok": True, "component": True})
    assert runner.cached() == [digest]
    response = await runner.client.post("/warmup", json=_warmup(await runner.put()), headers={"x-runner-service-token": TOKEN})
    assert response.json() == {"ok": True, "component": False}


async def test_warming_up_needs_the_token_and_reports_errors(runner: Runner) -> None:
    async def warm(body: dict[str, str], token: str = TOKEN) -> tuple[int, str]:
        response: httpx2.Response = await runner.client.post("/warmup", json=body, headers={"x-runner-auth": token})
        return response.status_code, response.json()["error"]

    assert await warm(_warmup(HASH), "wrong") == (401, "unauthorized")
    # Callers of the existing runner know 400 for a body that names only the hash.
    assert await warm({"content_hash": HASH}) == (400, "warmup_incomplete")
    assert await warm(_warmup("zz")) == (400, "invalid_content_hash")
    assert await warm(_warmup(HASH)) == (404, "bundle_not_found")
    broken = runner.root / "broken"
    broken.write_bytes(b"not zstd")
    assert await warm(_warmup(await runner.put_archive(broken))) == (500, "extract_failed")
    no_component = await runner.put_archive(archive(runner.root / "made", regular("dist/main.wasm", b"garbage")))
    assert await warm(_warmup(no_component)) == (422, "not_a_component")


async def test_the_report_of_a_failed_fetch_names_the_rule(runner: Runner) -> None:
    async def rule_of(digest: str) -> tuple[str, str]:
        envelope = await runner.call(digest)
        assert envelope["error"].startswith("bundle_fetch_failed: ")
        return envelope["failure"]["code"], envelope["failure"]["rule"]

    assert await rule_of(HASH) == ("bundle_fetch_failed", "bundle_not_found")
    hidden = archive(runner.root / "hidden.tar.zst", regular(".env"))
    assert await rule_of(await runner.put_archive(hidden)) == ("bundle_fetch_failed", "name_segment")
    assert await rule_of(await runner.put()) == ("bundle_fetch_failed", "component_missing")
    changed = await runner.put(guests.fine())
    stored = next((runner.root / "data" / "bundles").rglob(f"{changed}/*.zst"))
    stored.write_bytes(stored.read_bytes() + b"x")
    assert await rule_of(changed) == ("bundle_fetch_failed", "archive_hash_mismatch")
