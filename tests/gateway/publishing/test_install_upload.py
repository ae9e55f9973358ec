"""`POST /api/ext-bundles/install`: in development the same version is installed again; production publishes once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from holdfast.registry.models.publishing import ExtensionUpload
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.gateway.publisher import publish, upload
from tests.registry.extensions import archive_of

INSTALL = "/api/ext-bundles/install"


@pytest.fixture
async def development(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path, database_url=database_url, environment="development") as running:
        yield running


async def install(platform: Platform, headers: dict[str, str], **content: Any) -> httpx2.Response:
    archive = archive_of(platform.folder / "bundle.tar.zst", name="com.example.mine", **content)
    uploaded = await upload(platform.http, archive.read_bytes(), headers)
    assert uploaded.status_code == 200, uploaded.text
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return await platform.http.post(INSTALL, json={"key": uploaded.json()["upload"]["key"], "declaredHash": digest}, headers=headers)


async def test_the_same_version_is_installed_again_with_other_content(development: Platform) -> None:
    headers = await development.admin()
    first, second = await install(development, headers), await install(development, headers, marker="other")
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.json()["version"] == second.json()["version"] == "1.0.0"
    assert first.json()["installId"] == second.json()["installId"]
    assert first.json()["contentHash"] != second.json()["contentHash"]
    shown = await development.http.get(f"/api/v1/extensions/{first.json()['installId']}", headers=headers)
    assert shown.json()["contentHash"] == second.json()["contentHash"]
    async with development.db.session() as session:
        assert await session.scalar(select(func.count()).select_from(ExtensionUpload)) == 0


async def test_a_published_version_is_not_replaced(development: Platform) -> None:
    headers = await development.admin()
    published = archive_of(development.folder / "published.tar.zst", name="com.example.mine")
    assert (await publish(development.http, published, headers)).status_code == 200
    rejected = await install(development, headers, marker="other")
    assert (rejected.status_code, rejected.json()["error"]["code"]) == (409, "EXTENSION_VERSION_ALREADY_EXISTS")


async def test_production_never_replaces_a_version(tmp_path: Path, database_url: str) -> None:
    async with running_platform(tmp_path, database_url=database_url) as production:
        headers = await production.admin()
        rejected = await install(production, headers)
        assert (rejected.status_code, rejected.json()["code"]) == (403, "development_only")
        listed = (await production.http.get("/api/v1/extensions", headers=headers)).json()["extensions"]
        assert "com.example.mine" not in [one["name"] for one in listed]


async def test_an_upload_of_another_content_or_tenant_is_not_installed(development: Platform) -> None:
    headers = await development.admin()
    archive = archive_of(development.folder / "bundle.tar.zst", name="com.example.mine")
    uploaded = await upload(development.http, archive.read_bytes(), headers)
    key = uploaded.json()["upload"]["key"]
    wrong = await development.http.post(INSTALL, json={"key": key, "declaredHash": "0" * 64}, headers=headers)
    assert wrong.json()["code"] == "HASH_MISMATCH"
    unknown = await development.http.post(INSTALL, json={"key": "sha256/elsewhere/bundle.tar.zst"}, headers=headers)
    assert unknown.status_code == 400
    without = await development.http.post(INSTALL, json={"key": key})
    assert without.status_code == 401
