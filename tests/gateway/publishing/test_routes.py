"""Publishing over HTTP: what the contract says of it, with authentication that means something."""

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
from holdfast.gateway.publishing import upload as ext_bundles_upload
from holdfast.gateway.services.publish_rate_limit import PublishRateLimit
from holdfast.registry.models.installs import ExtensionVersion
from holdfast.registry.models.publishing import ExtensionUpload
from tests.bundles.archives import archive, bundle, regular
from tests.bundles.signers import Signers, signature_of
from tests.gateway.platform import Platform, Seconds
from tests.gateway.platform import platform as made
from tests.gateway.publisher import ABORT, FINALIZE, UPLOAD, publish, upload
from tests.records.databases import OTHER_TENANT, add_user
from tests.registry.extensions import archive_of, manifest
from tests.waiting import MAX_WAIT_SECONDS


@pytest.fixture
async def development(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    """A platform that publishes without signatures, with a runner that can run every component."""
    async with made(tmp_path, database_url=database_url, environment="development") as running:
        yield running


def new(platform: Platform, name: str = "com.example.other", **changes: Any) -> Path:
    return archive_of(platform.folder / f"{name}.tar.zst", name=name, **changes)


async def count(platform: Platform, table: type[Any]) -> int:
    async with platform.db.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_an_upload_is_staged_and_finalised(development: Platform) -> None:
    headers, content = await development.admin(), new(development).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    uploaded = await upload(development.http, content, headers | {"x-request-id": "mine"})
    assert uploaded.headers["x-request-id"] == "mine"
    told = uploaded.json()
    key = told["upload"]["key"]
    assert told == {
        "upload": {"key": key, "strategy": "staging"},
        "filename": "bundle.tar.zst",
        "size": len(content),
        "declaredHash": digest,
    }
    assert key.startswith("sha256/_staging/") and key.endswith("/bundle.tar.zst")
    body = {"key": key, "size": len(content), "declaredHash": digest, "manifestJson": json.dumps(manifest(name="com.example.other"))}
    answer = await development.http.post(FINALIZE, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    shape = answer.json()
    assert (shape["extension"]["name"], shape["extension"]["publisher"]) == ("com.example.other", "acme")
    assert (shape["version"]["version"], shape["contentHash"]) == ("1.0.0", digest)
    assert shape["canonicalKey"].endswith(f"/sha256/{digest}/bundle.tar.zst")
    assert shape["published"]["registryId"] == shape["extension"]["id"]
    assert shape["published"]["verdict"]["state"] == "unsigned"
    assert await development.services.store.exists(shape["canonicalKey"])
    assert not await development.services.store.exists(key)
    sent = next(request for request in development.runner.requests if request.path == "/v1/components/check")
    assert sent.header("x-runner-service-token")


async def test_a_version_that_exists_is_refused_in_the_contracts_form(development: Platform) -> None:
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
async def test_a_wrong_announcement_says_what_is_wrong(development: Platform, query: dict[str, str], why: str) -> None:
    answer = await upload(development.http, b"four", await development.admin(), **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert answer.headers["x-upload-proxy-why"] == why
    assert await count(development, ExtensionUpload) == 0


async def test_an_empty_body_is_missing(development: Platform) -> None:
    answer = await upload(development.http, b"", await development.admin(), size="4", declaredHash="")
    assert (answer.status_code, answer.headers["x-upload-proxy-why"]) == (400, "missing_body")


@pytest.mark.parametrize("length", [3, 5])
async def test_a_body_of_another_length_than_announced_leaves_nothing(development: Platform, length: int) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(length):
            yield b"x"

    query = {"filename": "bundle.tar.zst", "size": "4"}
    answer = await development.http.post(UPLOAD, params=query, content=pieces(), headers=await development.admin())
    assert (answer.status_code, answer.headers["x-upload-proxy-why"]) == (400, "content_length_mismatch")
    assert await count(development, ExtensionUpload) == 0


async def test_another_content_than_announced_is_a_mismatch(development: Platform) -> None:
    answer = await upload(development.http, b"four", await development.admin(), declaredHash="0" * 64)
    assert (answer.status_code, answer.json()["code"]) == (400, "HASH_MISMATCH")
    assert answer.json()["details"]["declared"] == "0" * 64


async def test_an_upload_that_stalls_ends(development: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ext_bundles_upload, "STALL_SECONDS", 0.05)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(MAX_WAIT_SECONDS)

    query = {"filename": "bundle.tar.zst", "size": "4"}
    answer = await development.http.post(UPLOAD, params=query, content=pieces(), headers=await development.admin())
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


async def test_an_upload_that_crawls_ends(development: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ext_bundles_upload, "STALL_SECONDS", 0.1)

    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x"
            await asyncio.sleep(0.02)

    query = {"filename": "bundle.tar.zst", "size": "4000"}
    answer = await development.http.post(UPLOAD, params=query, content=pieces(), headers=await development.admin())
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")
    assert sent < 400, "it ends long before the body does"


@pytest.mark.parametrize(
    "headers", [{"x-alga-admin": "true"}, {"x-alga-admin": "true", "x-api-key": "anything"}], ids=["header alone", "header and any key"]
)
async def test_the_header_x_alga_admin_opens_nothing(
    development: Platform, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setenv("EXT_BUNDLES_ALLOW_INSECURE", "true")
    for path in (UPLOAD, FINALIZE, ABORT):
        answer = await development.http.post(path, json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert (await upload(development.http, b"four", headers)).headers["x-upload-proxy-why"] == "unauthenticated"


async def test_who_may_only_read_is_refused(development: Platform) -> None:
    admin = await add_user(development.db, "reader@example.com", admin=True)
    headers = await development.key_of(admin, scopes=["extension:read"]) | {"x-alga-admin": "true"}
    answer = await upload(development.http, b"four", headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "RBAC_FORBIDDEN")
    assert answer.headers["x-upload-proxy-why"] == "rbac_forbidden"


async def test_an_upload_belongs_to_its_tenant(development: Platform) -> None:
    other = await add_user(development.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True)
    stranger = await development.key_of(other)
    key = (await upload(development.http, new(development).read_bytes(), await development.admin())).json()["upload"]["key"]
    for path in (FINALIZE, ABORT):
        answer = await development.http.post(path, json={"key": key}, headers=stranger)
        assert (answer.status_code, answer.json()["code"]) == (400, "STAGING_NOT_FOUND")
    assert await development.services.store.exists(key)


async def test_an_upload_is_taken_away_and_then_is_gone(development: Platform) -> None:
    headers = await development.admin()
    key = (await upload(development.http, b"four", headers)).json()["upload"]["key"]
    answer = await development.http.post(ABORT, json={"key": key, "reason": "user_reset"}, headers=headers)
    assert answer.json() == {"status": "deleted", "key": key, "area": "staging"}
    assert not await development.services.store.exists(key)
    gone = await development.http.post(FINALIZE, json={"key": key}, headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (400, "STAGING_NOT_FOUND")


async def test_what_is_published_is_not_taken_away(development: Platform) -> None:
    headers = await development.admin()
    key = (await publish(development.http, new(development), headers)).json()["canonicalKey"]
    answer = await development.http.post(ABORT, json={"key": key}, headers=headers)
    assert answer.json() == {"status": "noop", "key": key, "area": "canonical"}
    assert await development.services.store.exists(key)


@pytest.mark.parametrize("key", ["", "a", "sha256/x", "sha256/_staging/../bundle.tar.zst", "/etc/passwd", 7, None])
async def test_what_is_no_staging_key_is_a_bad_request(development: Platform, key: Any) -> None:
    answer = await development.http.post(FINALIZE, json={"key": key}, headers=await development.admin())
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


async def test_a_bundle_without_a_manifest_is_refused_and_nothing_is_published(development: Platform) -> None:
    headers, before = await development.admin(), await count(development, ExtensionVersion)
    without = archive(development.folder / "without.tar.zst", regular("ui/index.html"))
    refused = await publish(development.http, without, headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "MANIFEST_NOT_FOUND")
    invalid = await publish(development.http, bundle(development.folder / "invalid.tar.zst", {"manifest.json": b"{}"}), headers)
    assert (invalid.status_code, invalid.json()["code"]) == (400, "INVALID_MANIFEST")
    assert await count(development, ExtensionVersion) == before


async def test_what_is_no_archive_is_refused_and_nothing_is_published(development: Platform) -> None:
    noise = development.folder / "noise.tar.zst"
    noise.write_bytes(b"no archive at all")
    refused = await publish(development.http, noise, await development.admin())
    assert (refused.status_code, refused.json()["code"]) == (500, "MANIFEST_EXTRACTION_FAILED")


async def test_a_manifest_that_is_not_the_archives_is_refused(development: Platform) -> None:
    text = json.dumps(manifest(name="com.example.other", version="9.9.9"))
    refused = await publish(development.http, new(development), await development.admin(), manifestJson=text)
    assert (refused.status_code, refused.json()["code"]) == (400, "MANIFEST_MISMATCH")


async def test_a_component_that_cannot_run_is_refused_with_its_reason_and_nothing_is_published(development: Platform) -> None:
    headers, before = await development.admin(), await count(development, ExtensionVersion)
    development.runner.reply({"error": "handler_missing", "message": "It exports no handler.", "code": "handler_missing"}, 422)
    refused = await publish(development.http, new(development), headers)
    assert refused.status_code == 422
    assert refused.json()["code"] == "component_refused"
    assert refused.json()["details"] == {"code": "handler_missing"}
    assert refused.json()["error"] == "It exports no handler."
    assert await count(development, ExtensionVersion) == before


async def test_without_a_runner_nothing_is_published_and_the_answer_says_so(development: Platform) -> None:
    headers, before = await development.admin(), await count(development, ExtensionVersion)
    development.services.runner.base_url = "http://127.0.0.1:9"
    refused = await publish(development.http, new(development), headers)
    assert (refused.status_code, refused.json()["code"]) == (503, "component_check_unavailable")
    assert "runner" in refused.json()["error"]
    assert await count(development, ExtensionVersion) == before


async def test_production_publishes_nothing_unsigned(platform: Platform) -> None:
    headers, before = await platform.admin(), await count(platform, ExtensionVersion)
    refused = await publish(platform.http, new(platform), headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "signature_missing")
    assert await count(platform, ExtensionVersion) == before


async def test_production_publishes_what_a_trusted_key_signed_and_the_version_is_installed(tmp_path: Path) -> None:
    signers = Signers(tmp_path / "trusted-keys.json", required=True)
    async with made(tmp_path, signing_trust_bundle=tmp_path / "trusted-keys.json") as production:
        headers, archive = await production.admin(), new(production)
        text = signature_of(archive, signers.trusted).decode()
        stranger = signature_of(archive, signers.stranger).decode()
        refused = await publish(production.http, archive, headers, signature={"text": stranger})
        assert (refused.status_code, refused.json()["code"]) == (403, "signature_untrusted")
        published = await publish(production.http, archive, headers, signature={"text": text, "algorithm": "minisign"})
        assert published.status_code == 200, published.text
        verdict = published.json()["published"]["verdict"]
        assert (verdict["state"], verdict["keyId"]) == ("signed", signers.trusted.public.key_id)
        installed = await production.http.post("/api/v1/extensions", json={"extension": "acme.com.example.other"}, headers=headers)
        assert installed.status_code == 201, installed.text


async def test_a_signature_of_another_kind_is_refused_not_dropped(development: Platform) -> None:
    refused = await publish(
        development.http, new(development), await development.admin(), signature={"text": "anything", "algorithm": "cosign"}
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "BAD_REQUEST")


async def test_a_tenant_publishes_only_so_often_whatever_address_it_names(tmp_path: Path) -> None:
    async with made(tmp_path, environment="development", ext_bundles_ratelimit_max=2) as platform:
        headers = await platform.admin()
        other = await platform.key_of(await add_user(platform.db, "o@example.com", tenant_id=OTHER_TENANT, admin=True))
        for number in range(2):
            assert (await upload(platform.http, b"four", headers | {"x-forwarded-for": f"10.0.0.{number}"})).status_code == 200
        limited = await upload(platform.http, b"four", headers | {"x-forwarded-for": "10.0.0.9"})
        assert (limited.status_code, limited.json()["code"]) == (429, "RATE_LIMIT")
        assert limited.headers["x-upload-proxy-why"] == "rate_limited"
        assert 1 <= int(limited.headers["retry-after"]) <= 60
        assert (await upload(platform.http, b"four", other)).status_code == 200


def test_a_tenant_that_waits_may_publish_again() -> None:
    clock = Seconds()
    limit = PublishRateLimit(count=2, seconds=60, clock=clock)
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


async def test_a_store_that_is_away_is_the_contracts_failure(development: Platform) -> None:
    headers = await development.admin()
    bundles = development.folder / "bundles"
    bundles.rename(development.folder / "elsewhere")
    bundles.write_text("no folder")
    answer = await upload(development.http, b"four", headers)
    assert (answer.status_code, answer.json()["code"]) == (500, "S3_PUT_FAILED")
    assert answer.headers["x-upload-proxy-why"] == "s3_put_failed"


async def test_an_upload_is_never_whole_in_memory(development: Platform) -> None:
    size, piece = 64 * 1024 * 1024, bytes(256 * 1024)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    headers, query = await development.admin(), {"filename": "bundle.tar.zst", "size": str(size)}
    tracemalloc.start()
    try:
        answer = await development.http.post(UPLOAD, params=query, content=pieces(), headers=headers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code, answer.json()["size"]) == (200, size)
    assert peak < 16 * 1024 * 1024


async def test_of_many_that_publish_one_version_at_once_one_wins(development: Platform) -> None:
    headers = await development.admin()
    archives = [new(development, marker=str(number)).read_bytes() for number in range(8)]
    keys = [(await upload(development.http, content, headers)).json()["upload"]["key"] for content in archives]
    answers = await asyncio.gather(*(development.http.post(FINALIZE, json={"key": key}, headers=headers) for key in keys))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    losers = {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409}
    assert losers == {"EXTENSION_VERSION_ALREADY_EXISTS"}


async def test_an_upload_that_is_finalised_many_times_at_once_is_published_once(development: Platform) -> None:
    headers = await development.admin()
    key = (await upload(development.http, new(development).read_bytes(), headers)).json()["upload"]["key"]
    answers = await asyncio.gather(*(development.http.post(FINALIZE, json={"key": key}, headers=headers) for _ in range(8)))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.status_code for answer in answers} <= {200, 400, 409}
