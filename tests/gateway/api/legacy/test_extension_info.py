"""Where an install is served, and what it can be called for."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update

from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionVersion, TenantExtensionInstall
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

INFO = "/api/extensions/install-info"


async def test_an_install_says_where_it_is_served(platform: Platform) -> None:
    headers = await platform.admin()
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(runner_domain="a.example.com", runner_status={"state": "ready"}))
    for name in (platform.installed.registry_id, platform.installed.install_id, "com.example.notes"):
        response = await platform.http.get(INFO, params={"registryId": name}, headers=headers)
        assert response.json() == {
            "install_id": platform.installed.install_id,
            "runner_domain": "a.example.com",
            "runner_status": {"state": "ready"},
            "tenant_id": TENANT,
            "content_hash": platform.installed.content_hash,
            "version_id": platform.installed.version_id,
        }


async def test_an_install_without_a_state_is_pending(platform: Platform) -> None:
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(runner_status=None))
    response = await platform.http.get(INFO, params={"registryId": platform.installed.registry_id}, headers=await platform.admin())
    assert response.json()["runner_status"] == {"state": "pending"}


async def test_without_an_extension_there_is_no_information(platform: Platform) -> None:
    headers = await platform.admin()
    for name, status in ((None, 400), ("", 400), ("x" * 513, 400), ("x", 404)):
        query = {} if name is None else {"registryId": name}
        assert (await platform.http.get(INFO, params=query, headers=headers)).status_code == status


async def test_the_endpoints_of_the_installed_version_are_listed_with_stable_ids(platform: Platform) -> None:
    stored = [
        {"method": "get", "path": "/a", "handler": "a"},
        {"method": "POST", "path": "b", "handler": "b"},
        {"method": "GET", "path": "/c/:id", "handler": "c"},
        {"method": "DELETE", "path": "/a", "handler": "d"},
        {"method": "TRACE", "path": "/a", "handler": "e"},
    ]
    async with platform.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(api_endpoints=stored))
        # As versions of the existing platform are: the rows are made when they are first needed.
        await session.execute(delete(ExtensionApiEndpoint))
    headers, path = await platform.admin(), f"/api/extensions/{platform.installed.registry_id}/endpoints"
    first, second = [(await platform.http.get(path, headers=headers)).json()["endpoints"] for _ in range(2)]
    assert first == second
    assert [(one["method"], one["path"], one["handler"], one["schedulable"]) for one in first] == [
        ("GET", "/a", "a", True),
        ("POST", "/b", "b", True),
        ("GET", "/c/:id", "c", False),
        ("DELETE", "/a", "d", False),
    ]
    async with platform.db.session() as session:
        assert await session.scalar(select(func.count()).select_from(ExtensionApiEndpoint)) == 4


async def test_another_tenant_learns_nothing(platform: Platform) -> None:
    other = await platform.key_of(await add_user(platform.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True))
    registry_id = platform.installed.registry_id
    assert (await platform.http.get(INFO, params={"registryId": registry_id}, headers=other)).status_code == 404
    assert (await platform.http.get(f"/api/extensions/{registry_id}/endpoints", headers=other)).status_code == 404
