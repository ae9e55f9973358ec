"""Publishing over HTTP, as the contract defines it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from holdfast.gateway.http.errors import RateLimited
from holdfast.gateway.publishing import upload as upload_module
from holdfast.gateway.services.publish_rate_limit import PublishRateLimit
from holdfast.http.token_bucket import TokenBuckets
from holdfast.registry.models.installs import ExtensionVersion
from holdfast.registry.models.publishing import ExtensionUpload
from tests.bundles.archives import archive, bundle, regular
from tests.bundles.signers import Signers, signature_of
from tests.gateway.platform import Platform, Seconds
from tests.gateway.platform import platform as running_platform
from tests.gateway.publisher import ABORT, FINALIZE, UPLOAD, publish, upload
from tests.records.databases import OTHER_TENANT, add_user
from tests.registry.extensions import archive_of, manifest
from tests.waiting import MAX_WAIT_SECONDS


@pytest.fixture
async def development(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    """A platform that publishes without signatures, with a runner that can run every component."""
    async with running_platform(tmp_path, database_url=database_url, environment="development") as running:
        yield running


def new(platform: Platform, name: str = "com.example.other", **changes: Any) -> Path:
    return archive_of(platform.folder / f"{name}.tar.zst", name=name, **changes)


async def count(platform: Platform, table: type[Any]) -> int:
    async with platform.db.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_an_upload_is_staged_and_finalized(development: Platform) -> None:
    headers, content = await development.admin(), new(development).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    uploaded = await upload(development.http, content, headers | {"x-request-id": "mine"})
    assert uploaded.headers["x-request-id"] == "mine"
    shape = uploaded.json()
    key = shape["upload"]["key"]
    assert shape == {
        "upload": {"key": key, "strategy": "staging"},
        "filename": "bundle.tar.zst",
        "size": len(content),
        "declaredHash": digest,
    }
    assert key.startswith("sha256/_staging/") and key.endswith("/bundle.tar.zst")
    body = {"key": key, "size": len(content), "declaredHash": digest, "manifestJson": json.dumps(manifest(name="com.example.other"))}
    response = await development.http.post(FINALIZE, json=body, headers=headers)
    assert response.status_code == 200, response.text
    shape = response.json()
    assert (shape["extension"]["name"], shape["extension"]["publisher"]) == ("com.example.other", "acme")
    assert (shape["version"]["version"], shape["contentHash"]) == ("1.0.0", digest)
    assert shape["canonicalKey"].endswith(f"/sha256/{digest}/bundle.tar.zst")
    assert shape["published"]["registryId"] == shape["extension"]["id"]
    assert shape["published"]["verdict"]["state"] == "unsigned"
    assert await development.services.store.exists(shape["canonicalKey"])
    assert not await development.services.store.exists(key)
    sent = next(request for request in development.runner.requests if request.path == "/v1/components/check")
    assert sent.header("x-runner-service-token")


async def test_a_version_that_exists_is_rejected_in_the_contracts_shape(development: Platform) -> None:
    headers = await development.admin()
    assert (await publish(development.http, new(development), headers)).status_code == 200
    again = await publish(development.http, new(development, marker="other"), headers)
    shape = again.json()
    assert again.status_code == 409
    assert shape["success"] is False
    assert shape["error"]["code"] == "EXTENSION_VERSION_ALREADY_EXISTS"
    assert "1.0.0" in shape["error"]["message"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"filename": ""}, "filename_required"),
        ({"size": ""}, "size_required"),
        ({"size": "0"}, "size_invalid"),
        ({"size": "-4"}, "size_invalid"),
        ({"size": "four"}, "size_invalid"),
        ({"size": str(200 * 1024 * 1024 + 1)}, "size_exceeds_cap"),
        ({"size": "5"}, "content_length_mismatch"),
        ({"declaredHash": "A" * 64}, "declared_hash_invalid"),
        ({"declaredHash": "12"}, "declared_hash_invalid"),
    ],
)
async def test_an_invalid_upload_query_gets_the_reason(development: Platform, query: dict[str, str], why: str) -> None:
    response = await upload(development.http, b"four", await development.admin(), **query)
    assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST")
    assert response.headers["x-upload-proxy-why"] == why
    assert await count(development, ExtensionUpload) == 0


async def test_an_empty_upload_is_rejected(development: Platform) -> None:
    response = await upload(development.http, b"", await development.admin(), size="4", declaredHash="")
    assert (response.status_code, response.headers["x-upload-proxy-why"]) == (400, "missing_body")


@pytest.mark.parametrize("length", [3, 5])
async def test_a_body_of_another_length_than_declared_leaves_nothing_behind(development: Platform, length: int) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(length):
            yield b"x"

    query = {"filename": "bundle.tar.zst", "size": "4"}
    response = await development.http.post(UPLOAD, params=query, content=pieces(), headers=await development.admin())
    assert (response.status_code, response.headers["x-upload-proxy-why"]) == (400, "content_length_mismatch")
    assert await count(development, ExtensionUpload) == 0


async def test_content_that_differs_from_the_declared_hash_is_rejected(development: Platform) -> None:
    response = await upload(development.http, b"four", await development.admin(), declaredHash="0" * 64)
    assert (response.status_code, response.json()["code"]) == (400, "HASH_MISMATCH")
    assert response.json()["details"]["declared"] == "0" * 64


async def test_an_upload_that_stalls_ends(development: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "STALL_SECONDS", 0.05)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(MAX_WAIT_SECONDS)

    query = {"filename": "bundle.tar.zst", "size": "4"}
    response = await development.http.post(UPLOAD, params=query, content=pieces(), headers=await development.admin())
    assert (response.status_code, response.json()["code"]) == (408, "request_timeout")


async def test_an_upload_below_the_minimum_rate_ends(development: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "STALL_SECONDS", 0.1)

    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x"
            await asyncio.sleep(0.02)

    # At this rate, the body would need 80 s to exceed its size, and the error would then be another one.
    query = {"filename": "bundle.tar.zst", "size": "4000"}
    response = await development.http.post(UPLOAD, params=query, content=pieces(), headers=await development.admin())
    assert (response.status_code, response.json()["code"]) == (408, "request_timeout")
    assert sent < 400, "it ends long before the body does"


@pytest.mark.parametrize(
    "headers", [{"x-alga-admin": "true"}, {"x-alga-admin": "true", "x-api-key": "anything"}], ids=["header alone", "header and any key"]
)
async def test_the_header_x_alga_admin_authenticates_no_one(
    development: Platform, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setenv("EXT_BUNDLES_ALLOW_INSECURE", "true")
    for path in (UPLOAD, FINALIZE, ABORT):
        response = await development.http.post(path, json={}, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert (await upload(development.http, b"four", headers)).headers["x-upload-proxy-why"] == "unauthenticated"


async def test_a_caller_with_read_permission_cannot_publish(development: Platform) -> None:
    admin = await add_user(development.db, "reader@example.com", admin=True)
    headers = await development.key_of(admin, scopes=["extension:read"]) | {"x-alga-admin": "true"}
    response = await upload(development.http, b"four", headers)
    assert (response.status_code, response.json()["code"]) == (403, "RBAC_FORBIDDEN")
    assert response.headers["x-upload-proxy-why"] == "rbac_forbidden"


async def test_an_upload_belongs_to_its_tenant(development: Platform) -> None:
    other = await add_user(development.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True)
    stranger = await development.key_of(other)
    key = (await upload(development.http, new(development).read_bytes(), await development.admin())).json()["upload"]["key"]
    for path in (FINALIZE, ABORT):
        response = await development.http.post(path, json={"key": key}, headers=stranger)
        assert (response.status_code, response.json()["code"]) == (400, "STAGING_NOT_FOUND")
    assert await development.services.store.exists(key)


async def test_an_aborted_upload_is_deleted(development: Platform) -> None:
    headers = await development.admin()
    key = (await upload(development.http, b"four", headers)).json()["upload"]["key"]
    response = await development.http.post(ABORT, json={"key": key, "reason": "user_reset"}, headers=headers)
    assert response.json() == {"status": "deleted", "key": key, "area": "staging"}
    assert not await development.services.store.exists(key)
    gone = await development.http.post(FINALIZE, json={"key": key}, headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (400, "STAGING_NOT_FOUND")


async def test_a_published_bundle_cannot_be_aborted(development: Platform) -> None:
    headers = await development.admin()
    key = (await publish(development.http, new(development), headers)).json()["canonicalKey"]
    response = await development.http.post(ABORT, json={"key": key}, headers=headers)
    assert response.json() == {"status": "noop", "key": key, "area": "canonical"}
    assert await development.services.store.exists(key)


@pytest.mark.parametrize("key", ["", "a", "sha256/x", "sha256/_staging/../bundle.tar.zst", "/etc/passwd", 7, None])
async def test_an_invalid_staging_key_is_a_bad_request(development: Platform, key: Any) -> None:
    response = await development.http.post(FINALIZE, json={"key": key}, headers=await development.admin())
    assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST")


async def test_a_bundle_without_a_manifest_is_rejected_and_nothing_is_published(development: Platform) -> None:
    headers, before = await development.admin(), await count(development, ExtensionVersion)
    without = archive(development.folder / "without.tar.zst", regular("ui/index.html"))
    rejected = await publish(development.http, without, headers)
    assert (rejected.status_code, rejected.json()["code"]) == (400, "MANIFEST_NOT_FOUND")
    invalid = await publish(development.http, bundle(development.folder / "invalid.tar.zst", {"manifest.json": b"{}"}), headers)
    assert (invalid.status_code, invalid.json()["code"]) == (400, "INVALID_MANIFEST")
    assert await count(development, ExtensionVersion) == before


async def test_a_file_that_is_not_an_archive_is_rejected_and_nothing_is_published(development: Platform) -> None:
    noise = development.folder / "noise.tar.zst"
    noise.write_bytes(b"no archive at all")
    rejected = await publish(development.http, noise, await development.admin())
    assert (rejected.status_code, rejected.json()["code"]) == (500, "MANIFEST_EXTRACTION_FAILED")


async def test_a_manifest_that_differs_from_the_archives_is_rejected(development: Platform) -> None:
    text = json.dumps(manifest(name="com.example.other", version="9.9.9"))
    rejected = await publish(development.http, new(development), await development.admin(), manifestJson=text)
    assert (rejected.status_code, rejected.json()["code"]) == (400, "MANIFEST_MISMATCH")


async def test_a_component_that_cannot_run_is_rejected_with_the_reason_and_nothing_is_published(development: Platform) -> None:
    headers, before = await development.admin(), await count(development, ExtensionVersion)
    development.runner.reply({"error": "handler_missing", "message": "It exports no handler.", "code": "handler_missing"}, 422)
    rejected = await publish(development.http, new(development), headers)
    assert rejected.status_code == 422
    assert rejected.json()["code"] == "component_refused"
    assert rejected.json()["details"] == {"code": "handler_missing"}
    assert rejected.json()["error"] == "It exports no handler."
    assert await count(development, ExtensionVersion) == before


async def test_without_a_runner_nothing_is_published(development: Platform) -> None:
    headers, before = await development.admin(), await count(development, ExtensionVersion)
    development.services.runner.runners[0].base_url = "http://127.0.0.1:9"
    rejected = await publish(development.http, new(development), headers)
    assert (rejected.status_code, rejected.json()["code"]) == (503, "component_check_unavailable")
    assert "runner" in rejected.json()["error"]
    assert await count(development, ExtensionVersion) == before


async def test_production_publishes_nothing_unsigned(platform: Platform) -> None:
    headers, before = await platform.admin(), await count(platform, ExtensionVersion)
    rejected = await publish(platform.http, new(platform), headers)
    assert (rejected.status_code, rejected.json()["code"]) == (403, "signature_missing")
    assert await count(platform, ExtensionVersion) == before


async def test_production_publishes_and_installs_a_bundle_signed_with_a_trusted_key(tmp_path: Path) -> None:
    signers = Signers(tmp_path / "trusted-keys.json", required=True)
    async with running_platform(tmp_path, signing_trust_bundle=tmp_path / "trusted-keys.json") as production:
        headers, archive = await production.admin(), new(production)
        text = signature_of(archive, signers.trusted).decode()
        stranger = signature_of(archive, signers.stranger).decode()
        rejected = await publish(production.http, archive, headers, signature={"text": stranger})
        assert (rejected.status_code, rejected.json()["code"]) == (403, "signature_untrusted")
        published = await publish(production.http, archive, headers, signature={"text": text, "algorithm": "minisign"})
        assert published.status_code == 200, published.text
        verdict = published.json()["published"]["verdict"]
        assert (verdict["state"], verdict["keyId"]) == ("signed", signers.trusted.public.key_id)
        installed = await production.http.post("/api/v1/extensions", json={"extension": "acme.com.example.other"}, headers=headers)
        assert installed.status_code == 201, installed.text


async def test_an_unsupported_signature_is_rejected_not_dropped(development: Platform) -> None:
    rejected = await publish(
        development.http, new(development), await development.admin(), signature={"text": "anything", "algorithm": "cosign"}
    )
    assert (rejected.status_code, rejected.json()["code"]) == (400, "BAD_REQUEST")


async def test_the_publish_rate_limit_is_per_tenant_and_ignores_forwarded_addresses(tmp_path: Path) -> None:
    async with running_platform(tmp_path, environment="development", ext_bundles_ratelimit_max=2) as platform:
        headers = await platform.admin()
        other = await platform.key_of(await add_user(platform.db, "o@example.com", tenant_id=OTHER_TENANT, admin=True))
        for number in range(2):
            assert (await upload(platform.http, b"four", headers | {"x-forwarded-for": f"10.0.0.{number}"})).status_code == 200
        limited = await upload(platform.http, b"four", headers | {"x-forwarded-for": "10.0.0.9"})
        assert (limited.status_code, limited.json()["code"]) == (429, "RATE_LIMIT")
        assert limited.headers["x-upload-proxy-why"] == "rate_limited"
        assert 1 <= int(limited.headers["retry-after"]) <= 60
        assert (await upload(platform.http, b"four", other)).status_code == 200


def test_a_tenant_that_waits_can_publish_again() -> None:
    clock = Seconds()
    limit = PublishRateLimit(TokenBuckets.per_window(2, 60, clock=clock), count=2, seconds=60)
    limit.acquire("t", "upload")
    limit.acquire("t", "upload")
    limit.acquire("t", "abort")
    with pytest.raises(RateLimited) as caught:
        limit.acquire("t", "upload")
    assert caught.value.retry_after_seconds == 30
    clock.value = 30
    limit.acquire("t", "upload")
    with pytest.raises(RateLimited):
        limit.acquire("t", "upload")


async def test_an_unreachable_store_gets_the_contracts_error_code(development: Platform) -> None:
    headers = await development.admin()
    bundles = development.folder / "bundles"
    bundles.rename(development.folder / "elsewhere")
    bundles.write_text("no folder")
    response = await upload(development.http, b"four", headers)
    assert (response.status_code, response.json()["code"]) == (500, "S3_PUT_FAILED")
    assert response.headers["x-upload-proxy-why"] == "s3_put_failed"


async def test_an_upload_is_never_whole_in_memory(development: Platform) -> None:
    size, piece = 64 * 1024 * 1024, bytes(256 * 1024)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    headers, query = await development.admin(), {"filename": "bundle.tar.zst", "size": str(size)}
    tracemalloc.start()
    try:
        response = await development.http.post(UPLOAD, params=query, content=pieces(), headers=headers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.status_code, response.json()["size"]) == (200, size)
    assert peak < 16 * 1024 * 1024


async def test_of_concurrent_publications_of_one_version_one_succeeds(development: Platform) -> None:
    headers = await development.admin()
    archives = [new(development, marker=str(number)).read_bytes() for number in range(8)]
    keys = [(await upload(development.http, content, headers)).json()["upload"]["key"] for content in archives]
    responses = await asyncio.gather(*(development.http.post(FINALIZE, json={"key": key}, headers=headers) for key in keys))
    assert sorted(response.status_code for response in responses) == [200] + [409] * 7
    errors = {response.json()["error"]["code"] for response in responses if response.status_code == 409}
    assert errors == {"EXTENSION_VERSION_ALREADY_EXISTS"}


async def test_an_upload_that_is_finalized_concurrently_is_published_once(development: Platform) -> None:
    headers = await development.admin()
    key = (await upload(development.http, new(development).read_bytes(), headers)).json()["upload"]["key"]
    responses = await asyncio.gather(*(development.http.post(FINALIZE, json={"key": key}, headers=headers) for _ in range(8)))
    assert [response.status_code for response in responses].count(200) == 1
    assert {response.status_code for response in responses} <= {200, 400, 409}
