from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.models.installs import TenantExtensionInstall
from tests.gateway.platform import AUTH_KEY, INTERNAL_TOKEN, SERVICE_TOKEN, Platform
from tests.records.databases import OTHER_TENANT, TENANT

VALIDATE, LOOKUP = "/api/installs/validate", "/api/installs/lookup-by-host"
KEY = {"x-api-key": AUTH_KEY}


async def validate(platform: Platform, **changes: str | None) -> Any:
    params = {"tenant": TENANT, "extension": platform.installed.registry_id, "hash": platform.installed.content_hash, "ts": "1"} | changes
    response = await platform.http.get(VALIDATE, params={name: value for name, value in params.items() if value is not None}, headers=KEY)
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize("url", [VALIDATE, LOOKUP])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "anything"},
        {"x-api-key": ""},
        {"x-api-key": INTERNAL_TOKEN},
        {"x-runner-auth": AUTH_KEY},
        {"x-runner-auth": SERVICE_TOKEN},
    ],
)
async def test_the_lookups_need_their_key_or_the_internal_token(platform: Platform, url: str, headers: dict[str, str]) -> None:
    assert (await platform.http.get(url, headers=headers)).status_code == 401


async def test_an_installed_version_is_valid_with_either_credential(platform: Platform) -> None:
    assert await validate(platform) == {"valid": True}
    params = {"tenant": TENANT, "extension": platform.installed.registry_id, "hash": platform.installed.content_hash}
    assert (await platform.http.get(VALIDATE, params=params, headers={"x-runner-auth": INTERNAL_TOKEN})).json() == {"valid": True}


async def test_the_hash_may_be_bare_and_in_capitals(platform: Platform) -> None:
    bare = platform.installed.content_hash.removeprefix("sha256:")
    assert await validate(platform, hash=bare) == {"valid": True}
    assert await validate(platform, hash=bare.upper()) == {"valid": True}


async def test_without_a_tenant_the_response_names_one_that_has_it(platform: Platform) -> None:
    assert await validate(platform, tenant=None) == {"valid": True, "tenant_id": TENANT}
    assert await validate(platform, tenant=None, hash="0" * 64) == {"valid": False, "tenant_id": None}


@pytest.mark.parametrize("changes", [{"tenant": OTHER_TENANT}, {"extension": "x"}, {"extension": OTHER_TENANT}, {"hash": "0" * 64}])
async def test_an_extension_that_is_not_installed_is_not_valid(platform: Platform, changes: dict[str, str]) -> None:
    assert await validate(platform, **changes) == {"valid": False}


async def test_a_disabled_install_is_not_valid(platform: Platform) -> None:
    await set_enabled(platform.db, actor=local_actor(TENANT), extension="com.example.notes", enabled=False)
    assert await validate(platform) == {"valid": False}
    assert await validate(platform, tenant=None) == {"valid": False, "tenant_id": None}


async def test_an_earlier_bundle_of_the_installed_version_is_still_valid(platform: Platform) -> None:
    earlier = platform.installed.content_hash
    later = await platform.install(marker="changed")
    assert later.content_hash != earlier
    assert await validate(platform, hash=earlier) == {"valid": True}


async def test_the_bundle_of_a_version_that_was_replaced_is_not_valid(platform: Platform) -> None:
    await platform.install(version="2.0.0")
    assert await validate(platform) == {"valid": False}


@pytest.mark.parametrize("content_hash", ["", "sha256:", "x" * 64, "a" * 63, "sha512:" + "a" * 64])
async def test_an_invalid_hash_is_an_invalid_request(platform: Platform, content_hash: str) -> None:
    response = await platform.http.get(VALIDATE, params={"hash": content_hash}, headers=KEY)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_a_host_finds_its_enabled_install(platform: Platform) -> None:
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(runner_domain="notes.apps.test"))
    for host in ("notes.apps.test", "NOTES.apps.test:8085", " notes.apps.test "):
        response = await platform.http.get(LOOKUP, params={"host": host}, headers=KEY)
        assert response.json() == {
            "tenant_id": TENANT,
            "extension_id": platform.installed.registry_id,
            "content_hash": platform.installed.content_hash,
        }
        assert response.headers["cache-control"] == "no-store"
    await set_enabled(platform.db, actor=local_actor(TENANT), extension="com.example.notes", enabled=False)
    assert (await platform.http.get(LOOKUP, params={"host": "notes.apps.test"}, headers=KEY)).status_code == 404


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [({}, 400, "missing_host"), ({"host": ":80"}, 400, "missing_host"), ({"host": "x.test"}, 404, "not_found")],
)
async def test_an_unknown_host_gets_an_error(platform: Platform, params: dict[str, str], status: int, code: str) -> None:
    response = await platform.http.get(LOOKUP, params=params, headers=KEY)
    assert (response.status_code, response.json()["error"]) == (status, code)
