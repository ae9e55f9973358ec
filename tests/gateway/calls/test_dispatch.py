from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from starlette.responses import Response

from holdfast.records.models.users import ApiKey, UserRole
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import patch_config, replace_config
from holdfast.registry.installs.grants import revoke
from holdfast.registry.models.installs import ExtensionBundle, ExtensionVersion, TenantExtensionInstall, TenantExtensionInstallSecrets
from tests.events.recording_server import Recorded
from tests.gateway.calls.outcomes import NOTES, outcome
from tests.gateway.platform import SERVICE_TOKEN, Platform
from tests.records.databases import TENANT, add_user
from tests.waiting import MAX_WAIT_SECONDS


async def test_the_extensions_status_headers_and_bytes_arrive_intact(platform: Platform) -> None:
    body = bytes(range(256))
    headers = {"Content-Type": "application/x-notes", "ETag": '"7"', "Cache-Control": "max-age=5", "X-Own": "yes", "Content-Encoding": "br"}
    platform.respond_with(body, 418, headers)
    async with platform.http.stream("GET", NOTES, headers=await platform.admin()) as response:
        raw = b"".join([chunk async for chunk in response.aiter_raw()])
    assert (response.status_code, raw) == (418, body)
    assert {name: response.headers[name.lower()] for name in headers} == headers


async def test_repeated_headers_stay_apart_where_the_runner_tells_them_apart(platform: Platform) -> None:
    platform.respond_with(b"", 200, {"link": "<a>, <b>"}, header_list=[["Link", "<a>"], ["Link", "<b>"]])
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert response.headers.get_list("link") == ["<a>", "<b>"]


async def test_the_response_of_an_extension_does_not_run_in_the_origin_of_the_application(platform: Platform) -> None:
    platform.respond_with(
        b"<script>steal()</script>", 200, {"content-type": "text/html", "set-cookie": "a=b", "content-security-policy": "x"}
    )
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert response.headers.get_list("content-security-policy") == ["sandbox; default-src 'none'; frame-ancestors 'none'"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in response.headers


async def test_a_response_without_cache_control_is_not_cached(platform: Platform) -> None:
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("body", [None, b"", b"should not be there"])
async def test_a_response_without_a_body_has_none(platform: Platform, status: int, body: bytes | None) -> None:
    platform.respond_with(body, status)
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert (response.status_code, response.content) == (status, b"")
    assert response.headers.get("content-length") == ("0" if status == 205 else None)
    assert await outcome(platform) == ("ok", None, status)


@pytest.mark.parametrize("status", [0, 101, 199, 600, 65_535])
async def test_an_invalid_status_is_a_bad_gateway(platform: Platform, status: int) -> None:
    platform.respond_with(b"x", status)
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert (response.status_code, response.json()["details"]["code"]) == (502, "invalid_response")
    assert await outcome(platform) == ("error", "invalid_response", 502)


async def test_the_runner_gets_the_user_the_request_and_the_grants(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    await replace_config(platform.db, actor=local_actor(TENANT), extension="com.example.notes", config={"color": "green", "size": 3})
    await revoke(platform.db, actor=local_actor(TENANT), extension="com.example.notes", capabilities=["cap:http.fetch"])
    headers = {**await platform.key_of(user), "x-request-id": "req-1", "content-type": "text/plain", "x-idempotency-key": "once"}
    await platform.http.post(f"{NOTES}?a=1&a=2&b=%20x", content=b"body", headers=headers)
    (request,) = platform.runner.requests
    installed = platform.installed
    assert (request.method, request.path) == ("POST", "/v1/execute")
    assert request.header("x-runner-service-token") == SERVICE_TOKEN
    assert request.header("x-alga-tenant") == TENANT
    assert request.header("x-alga-extension") == installed.registry_id
    assert request.header("x-ext-install-id") == installed.install_id
    assert request.header("authorization") is None
    sent = request.json
    assert sent["context"] == {
        "request_id": "req-1",
        "tenant_id": TENANT,
        "extension_id": installed.registry_id,
        "install_id": installed.install_id,
        "version_id": installed.version_id,
        "content_hash": installed.content_hash,
        "config": {"color": "green", "size": "3"},
        "settings": {"color": "green", "size": 3},
        "egress": ["api.example.com"],
        "egress_withheld": [],
        "extension_name": "com.example.notes",
        "extension_version": "1.0.0",
    }
    assert sent["providers"] == ["cap:context.read", "cap:log.emit", "cap:storage.kv", "cap:user.read"]
    assert sent["limits"] == {"timeout_ms": 5_000}
    assert sent["user"] == {
        "user_id": user.user_id,
        "user_email": "ada@example.com",
        "user_name": "Ada Lovelace",
        "user_type": "internal",
        "client_name": "First",
        "additional_fields": {"username": "ada"},
    }
    http = sent["http"]
    assert (http["method"], http["path"], http["url"]) == ("POST", "/notes", "/notes?a=1&a=2&b=%20x")
    assert http["query"] == {"a": "2", "b": " x"}
    assert base64.b64decode(http["body_b64"]) == b"body"
    assert "secret_envelope" not in sent


async def test_the_extension_sees_allowed_headers_and_never_a_credential(platform: Platform) -> None:
    secret = {"cookie": "other=1", "x-runner-auth": "x", "x-forwarded-for": "1.2.3.4", "x-own": "1", "origin": "http://elsewhere.test"}
    allowed = {"accept": "text/html", "accept-language": "de", "user-agent": "test", "content-type": "text/plain"}
    admin = await platform.admin()
    await platform.http.post(NOTES, headers={**admin, **secret, **allowed, "x-alga-extension": "forged", "x-idempotency-key": "once"})
    seen = platform.runner.requests[0].json["http"]["headers"]
    assert {name: seen[name] for name in allowed} == allowed
    assert seen["x-alga-tenant"] == TENANT
    assert seen["x-alga-extension"] == platform.installed.registry_id
    assert seen["x-idempotency-key"] == "once"
    assert set(seen) <= {*allowed, "accept-encoding", "x-request-id", "x-alga-tenant", "x-alga-extension", "x-idempotency-key"}
    assert admin["authorization"] not in str(platform.runner.requests[0].json)


async def test_an_endpoint_receives_the_request_headers_that_its_manifest_names(platform: Platform) -> None:
    api = {
        "requestHeaders": ["X-Everywhere"],
        "endpoints": [
            {"method": "POST", "path": "/hook", "handler": "dist/main", "requestHeaders": ["stripe-signature"]},
            {"method": "POST", "path": "/notes", "handler": "dist/main"},
        ],
    }
    await platform.install(version="1.1.0", api=api)
    headers = {**await platform.admin(), "x-everywhere": "e", "stripe-signature": "t=1,v1=2", "content-encoding": "gzip"}
    for path in ("/hook", "/notes"):
        await platform.http.post(f"/api/ext/com.example.notes{path}", content=b"\x1f\x8b sent as it is", headers=headers)
    hook, notes = (request.json["http"] for request in platform.runner.requests)
    assert (hook["headers"].get("x-everywhere"), hook["headers"].get("stripe-signature")) == ("e", "t=1,v1=2")
    assert notes["headers"].get("x-everywhere") == "e" and "stripe-signature" not in notes["headers"]
    # The gateway decodes nothing: a signature covers the bytes that were sent.
    assert (hook["headers"]["content-encoding"], base64.b64decode(hook["body_b64"])) == ("gzip", b"\x1f\x8b sent as it is")


async def test_a_header_that_no_extension_gets_stays_away_whatever_the_row_of_the_version_says(platform: Platform) -> None:
    stored = [
        {"method": "GET", "path": "/notes", "handler": "dist/main", "requestHeaders": ["authorization", "cookie", "x-alga-tenant", "x-own"]}
    ]
    async with platform.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(api_endpoints=stored))
    headers = {**await platform.admin(), "cookie": "a=b", "x-own": "o"}
    assert (await platform.http.get(NOTES, headers=headers)).status_code == 200
    seen = platform.runner.requests[0].json["http"]["headers"]
    assert seen["x-own"] == "o" and seen["x-alga-tenant"] == TENANT
    assert not {"authorization", "cookie"} & set(seen)


async def test_repeated_request_headers_stay_apart(platform: Platform) -> None:
    headers = [*(await platform.admin()).items(), ("accept", "text/html"), ("accept", "text/plain")]
    await platform.http.get(NOTES, headers=headers)
    assert platform.runner.requests[0].json["http"]["headers"]["accept"] == ["text/html", "text/plain"]


async def test_a_redirect_leads_below_the_prefix_of_the_extension(platform: Platform) -> None:
    platform.respond_with(b"", 303, {"location": "/notes/7"})
    admin = await platform.admin()
    for kind in ("ext", "ext-proxy"):
        response = await platform.http.get(NOTES.replace("/ext/", f"/{kind}/"), headers=admin)
        assert (response.status_code, response.headers["location"]) == (303, f"/api/{kind}/com.example.notes/notes/7")


async def test_sealed_secrets_travel_sealed(platform: Platform) -> None:
    now = platform.services.now() + timedelta(days=1)
    async with platform.db.transaction() as session:
        session.add(
            TenantExtensionInstallSecrets(
                install_id=platform.installed.install_id,
                tenant_id=TENANT,
                ciphertext="c2VhbGVk",
                algorithm="aes-gcm",
                version="3",
                expires_at=now,
            )
        )
    await platform.http.get(NOTES, headers=await platform.admin())
    request = platform.runner.requests[0]
    assert request.json["secret_envelope"] == {
        "ciphertext_b64": "c2VhbGVk",
        "algorithm": "aes-gcm",
        "version": "3",
        "expires_at": now.isoformat(),
    }
    assert request.header("x-ext-secrets-version") == "3"


async def test_idempotency_keys_of_different_people_and_bodies_never_meet(platform: Platform) -> None:
    admin = await platform.admin()
    other = await platform.key_of(await add_user(platform.db, "bob@example.com", admin=True))
    for headers, content in ((admin, b"1"), (admin, b"1"), (admin, b"2"), (other, b"1")):
        await platform.http.post(NOTES, content=content, headers={**headers, "x-idempotency-key": "same"})
    keys = [request.header("x-idempotency-key") for request in platform.runner.requests]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_without_a_key_every_write_has_its_own_and_a_read_has_none(platform: Platform) -> None:
    admin = {**await platform.admin(), "x-request-id": "always the same"}
    for method in ("POST", "POST", "GET"):
        await platform.http.request(method, NOTES, headers=admin)
    keys = [request.header("x-idempotency-key") for request in platform.runner.requests]
    assert keys[0] and keys[1] and keys[0] != keys[1]
    assert keys[2] is None


@pytest.mark.parametrize(("status", "expected"), [(200, ("ok", None, 200)), (503, ("upstream_error", "extension_error_status", 503))])
async def test_a_call_is_recorded_with_its_outcome_and_without_its_content(
    platform: Platform, status: int, expected: tuple[str, str | None, int]
) -> None:
    platform.respond_with(b"answer-secret", status)
    headers = {**await platform.admin(), "x-request-id": "req-1", "user-agent": "agent-secret"}
    response = await platform.http.post(f"{NOTES}?query-secret=1", content=b"body-secret", headers=headers)
    assert (response.status_code, response.headers["x-request-id"]) == (status, "req-1")
    assert await outcome(platform) == expected
    (row,) = await platform.log()
    assert (row.tenant_id, row.registry_id, row.version_id) == (TENANT, platform.installed.registry_id, platform.installed.version_id)
    assert row.request_id == "req-1" and row.metrics is not None
    assert set(row.metrics) == {"method", "path", "endpoint_template", "principal_kind", "user_id", "http_status", "duration_ms"}
    assert (row.metrics["method"], row.metrics["path"], row.metrics["principal_kind"]) == ("POST", "/notes", "msp")
    assert "secret" not in str(row.metrics)


async def test_a_request_id_that_is_too_long_is_cut_and_one_that_is_not_printable_is_replaced(platform: Platform) -> None:
    admin = await platform.admin()
    assert (await platform.http.get(NOTES, headers={**admin, "x-request-id": "r" * 5_000})).headers["x-request-id"] == "r" * 255
    replaced = (await platform.http.get(NOTES, headers={**admin, "x-request-id": "a b"})).headers["x-request-id"]
    assert len(replaced) == 36
    assert [row.request_id for row in await platform.log()] == ["r" * 255, replaced]


async def test_a_call_that_cannot_be_recorded_does_not_run(platform: Platform) -> None:
    admin = await platform.admin()
    await _rename(platform, "extension_execution_log", "moved_away")
    response = await platform.http.get(NOTES, headers=admin)
    assert (response.status_code, response.json()["error"]) == (503, "access_policy_unavailable")
    assert platform.runner.requests == []
    assert "extension_execution_log" not in response.text


async def _rename(platform: Platform, table: str, to: str) -> None:
    async with platform.db.transaction() as session:
        await session.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


async def test_a_call_whose_end_cannot_be_recorded_still_gets_its_response(platform: Platform) -> None:
    admin = await platform.admin()

    respond = platform.runner.answer

    async def rename_meanwhile(request: Recorded) -> Response:
        await _rename(platform, "extension_execution_log", "moved_away")
        answered = respond(request)
        assert isinstance(answered, Response)
        return answered

    platform.runner.answer = rename_meanwhile
    assert (await platform.http.get(NOTES, headers=admin)).status_code == 200
    assert not await platform.services.audit.flush()
    await _rename(platform, "moved_away", "extension_execution_log")
    # Once the table is there again, the end is not lost either.
    assert [row.status for row in await platform.log()] == ["ok"]


async def test_an_install_replaced_between_check_and_call_is_not_run(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    original = platform.services.audit.start

    async def replace_meanwhile(*args: Any, **kwargs: Any) -> Any:
        row = await original(*args, **kwargs)
        await platform.install(version="2.0.0")
        return row

    admin = await platform.admin()
    monkeypatch.setattr(platform.services.audit, "start", replace_meanwhile)
    response = await platform.http.get(NOTES, headers=admin)
    assert (response.status_code, response.json()["error"]) == (503, "access_policy_unavailable")
    assert platform.runner.requests == []
    assert await outcome(platform) == ("policy_denied", "access_policy_unavailable", 503)


async def test_an_install_removed_between_check_and_call_is_not_run(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    original = platform.services.audit.start

    async def disable_meanwhile(*args: Any, **kwargs: Any) -> Any:
        row = await original(*args, **kwargs)
        async with platform.db.transaction() as session:
            await session.execute(update(TenantExtensionInstall).values(is_enabled=False))
        return row

    admin = await platform.admin()
    monkeypatch.setattr(platform.services.audit, "start", disable_meanwhile)
    response = await platform.http.get(NOTES, headers=admin)
    assert (response.status_code, response.json()["error"]) == (404, "not_installed")
    assert await outcome(platform) == ("policy_denied", "not_installed", 404)


@pytest.mark.parametrize(("revoked", "status", "code"), [("key", 401, "unauthenticated"), ("role", 403, "forbidden")])
async def test_a_right_that_is_revoked_between_check_and_call_is_not_used(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, revoked: str, status: int, code: str
) -> None:
    original = platform.services.audit.start

    async def revoke_meanwhile(*args: Any, **kwargs: Any) -> Any:
        row = await original(*args, **kwargs)
        async with platform.db.transaction() as session:
            await session.execute(update(ApiKey).values(revoked=True) if revoked == "key" else delete(UserRole))
        return row

    admin = await platform.admin()
    monkeypatch.setattr(platform.services.audit, "start", revoke_meanwhile)
    response = await platform.http.get(NOTES, headers=admin)
    assert (response.status_code, response.json()["error"]) == (status, code)
    assert platform.runner.requests == []
    assert await outcome(platform) == ("policy_denied", code, status)


async def test_a_setting_that_is_changed_between_check_and_call_is_the_new_one(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    original = platform.services.audit.start

    async def change_meanwhile(*args: Any, **kwargs: Any) -> Any:
        row = await original(*args, **kwargs)
        await patch_config(platform.db, actor=local_actor(TENANT), extension="com.example.notes", set={"colour": "red"})
        return row

    admin = await platform.admin()
    monkeypatch.setattr(platform.services.audit, "start", change_meanwhile)
    assert (await platform.http.get(NOTES, headers=admin)).status_code == 200
    assert platform.runner.requests[-1].json["context"]["config"]["colour"] == "red"


async def test_a_version_without_a_bundle_is_not_run(platform: Platform) -> None:
    async with platform.db.transaction() as session:
        await session.execute(delete(ExtensionBundle).where(ExtensionBundle.content_hash == platform.installed.content_hash))
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert (response.status_code, response.json()["error"]) == (404, "not_installed")


async def test_a_disconnected_caller_leaves_a_finished_audit_row(platform: Platform) -> None:
    called, ever = asyncio.Event(), asyncio.Event()

    async def answer(_: Recorded) -> Response:
        called.set()
        await ever.wait()
        return Response(b"")

    platform.runner.answer = answer
    task = asyncio.ensure_future(platform.http.get(NOTES, headers=await platform.admin()))
    await called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ever.set()
    # Behind a socket, the disconnect arrives later than the client's exception.
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while (await platform.log())[0].finished_at is None:
            await asyncio.sleep(0.01)
    assert await outcome(platform) == ("error", "cancelled", None)


async def test_a_path_or_request_from_the_outside_is_never_a_log_field_with_secrets(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = await platform.admin()
    await platform.http.post(f"{NOTES}?query-secret=1", content=b"body-secret", headers={**admin, "x-own": "header-secret"})
    written = capsys.readouterr().out
    assert "[POST /api/ext/com.example.notes/notes]" in written
    assert f"Calling runner at {platform.runner.url}/v1/execute" in written
    for secret in ("query-secret", "body-secret", "header-secret", admin["authorization"].removeprefix("Bearer "), SERVICE_TOKEN):
        assert secret not in written
