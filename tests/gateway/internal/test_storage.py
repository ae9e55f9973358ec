from __future__ import annotations

from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.installs.grants import revoke
from holdfast.registry.models.installs import TenantExtensionInstall
from tests.gateway.platform import INTERNAL_TOKEN, SERVICE_TOKEN, Platform
from tests.records.databases import OTHER_TENANT, TENANT


async def operate(platform: Platform, install_id: str | None = None, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    url = f"/api/internal/ext-storage/install/{install_id or platform.installed.install_id}"
    return await platform.http.post(url, json=body, headers={"x-runner-auth": INTERNAL_TOKEN} if headers is None else headers)


async def test_a_record_is_put_read_listed_and_deleted(platform: Platform) -> None:
    put = await operate(platform, operation="put", namespace="n", key="k", value={"a": [1]}, metadata={"m": 1}, ttlSeconds=60)
    assert put.status_code == 200
    assert set(put.json()) == {"namespace", "key", "revision", "ttlExpiresAt", "createdAt", "updatedAt"}
    got = (await operate(platform, operation="get", namespace="n", key="k")).json()
    assert (got["value"], got["metadata"], got["revision"]) == ({"a": [1]}, {"m": 1}, 1)
    assert got["ttlExpiresAt"].endswith("Z")
    bare = (await operate(platform, operation="list", namespace="n")).json()
    assert bare["nextCursor"] is None
    assert set(bare["items"][0]) == {"tenantId", "extensionInstallId", *put.json()}
    assert (bare["items"][0]["tenantId"], bare["items"][0]["extensionInstallId"]) == (TENANT, platform.installed.install_id)
    full = (await operate(platform, operation="list", namespace="n", includeValues=True, includeMetadata=True, keyPrefix="k")).json()
    assert (full["items"][0]["value"], full["items"][0]["metadata"]) == ({"a": [1]}, {"m": 1})
    assert (await operate(platform, operation="delete", namespace="n", key="k")).json() == {"success": True}
    assert (await operate(platform, operation="delete", namespace="n", key="k")).json() == {"success": False}
    missing = await operate(platform, operation="get", namespace="n", key="k")
    assert (missing.status_code, missing.json()["code"]) == (404, "NOT_FOUND")


async def test_null_is_a_value_and_an_optional_field_may_be_null(platform: Platform) -> None:
    optional = {"metadata": None, "ttlSeconds": None, "ifRevision": None, "schemaVersion": None}
    assert (await operate(platform, operation="put", namespace="n", key="k", value=None, **optional)).status_code == 200
    assert (await operate(platform, operation="get", namespace="n", key="k", ifRevision=None)).json()["value"] is None
    nothing = {"limit": None, "cursor": None, "keyPrefix": None}
    assert (await operate(platform, operation="list", namespace="n", **nothing)).status_code == 200


async def test_pages_follow_each_other_without_gaps(platform: Platform) -> None:
    items = [{"key": f"{number:02}", "value": number} for number in range(7)]
    bulk = await operate(platform, operation="bulkPut", namespace="n", items=items)
    assert bulk.json()["items"][0] == {"key": "00", "revision": 1, "ttlExpiresAt": None}
    seen, cursor = [], None
    while True:
        page = (await operate(platform, operation="list", namespace="n", limit=3, cursor=cursor)).json()
        seen += [item["key"] for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seen == [item["key"] for item in items]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"operation": "put", "namespace": "n", "key": "k", "value": 1, "ifRevision": 5}, 409, "REVISION_MISMATCH"),
        ({"operation": "put", "namespace": "n", "key": "a/b", "value": 1}, 400, "VALIDATION_FAILED"),
        ({"operation": "put", "namespace": "n", "key": "k"}, 400, "VALIDATION_FAILED"),
        ({"operation": "put", "namespace": "n", "key": "k", "value": "x" * 70_000}, 400, "LIMIT_EXCEEDED"),
        ({"operation": "put", "namespace": "n", "key": "k", "value": 1, "ttlSeconds": 5}, 400, "LIMIT_EXCEEDED"),
        ({"operation": "put", "namespace": "n", "key": "k", "value": 1, "ifRevision": -1}, 400, "VALIDATION_FAILED"),
        ({"operation": "bulkPut", "namespace": "n", "items": []}, 400, "VALIDATION_FAILED"),
        ({"operation": "list", "namespace": "n", "cursor": "!"}, 400, "VALIDATION_FAILED"),
        ({"operation": "explode", "namespace": "n"}, 400, "VALIDATION_FAILED"),
        ({"namespace": "n"}, 400, "VALIDATION_FAILED"),
        (
            {
                "operation": "bulkPut",
                "namespace": "n",
                "items": [{"key": "a", "value": 1, "schemaVersion": 1}, {"key": "b", "value": 1, "schemaVersion": 2}],
            },
            400,
            "VALIDATION_FAILED",
        ),
    ],
)
async def test_errors_have_the_codes_of_the_contract(platform: Platform, body: dict[str, Any], status: int, code: str) -> None:
    response = await operate(platform, **body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert set(response.json()) == {"error", "code", "details"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_a_json_object_is_a_validation_failure(platform: Platform, body: bytes) -> None:
    url = f"/api/internal/ext-storage/install/{platform.installed.install_id}"
    response = await platform.http.post(url, content=body, headers={"x-runner-auth": INTERNAL_TOKEN})
    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-runner-auth": ""}, {"x-runner-auth": SERVICE_TOKEN}, {"x-runner-auth": INTERNAL_TOKEN + "x"}, {"x-api-key": INTERNAL_TOKEN}],
)
async def test_without_the_internal_token_there_is_no_storage(platform: Platform, headers: dict[str, str]) -> None:
    response = await operate(platform, headers=headers, operation="list", namespace="n")
    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")


async def test_without_the_capability_there_is_no_storage(platform: Platform) -> None:
    await revoke(platform.db, actor=local_actor(TENANT), extension="com.example.notes", capabilities=["cap:storage.kv"])
    response = await operate(platform, operation="list", namespace="n")
    assert (response.status_code, response.json()["code"]) == (403, "NAMESPACE_DENIED")


async def test_a_disabled_install_has_no_storage(platform: Platform) -> None:
    await set_enabled(platform.db, actor=local_actor(TENANT), extension="com.example.notes", enabled=False)
    response = await operate(platform, operation="list", namespace="n")
    assert (response.status_code, response.json()["error"]) == (401, "extension install is disabled")
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(is_enabled=True, status="pending"))
    assert (await operate(platform, operation="list", namespace="n")).status_code == 401


@pytest.mark.parametrize("install_id", ["51bbbfe5-0720-4d9b-b3e5-b5b43e441a52", "x", "%20"])
async def test_an_install_that_does_not_exist_has_no_storage(platform: Platform, install_id: str) -> None:
    response = await operate(platform, install_id, operation="list", namespace="n")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_a_tenant_header_binds_the_call_to_that_tenants_installs(platform: Platform) -> None:
    for tenant, status in ((TENANT, 200), (OTHER_TENANT, 404)):
        headers = {"x-runner-auth": INTERNAL_TOKEN, "x-alga-tenant": tenant}
        assert (await operate(platform, headers=headers, operation="list", namespace="n")).status_code == status


async def test_an_install_that_moved_to_another_tenant_is_found_with_that_tenant(platform: Platform) -> None:
    assert (await operate(platform, operation="put", namespace="n", key="k", value="of the first")).status_code == 200
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(tenant_id=OTHER_TENANT))
    assert (await operate(platform, operation="get", namespace="n", key="k")).status_code == 404
    headers = {"x-runner-auth": INTERNAL_TOKEN, "x-alga-tenant": TENANT}
    assert (await operate(platform, headers=headers, operation="list", namespace="n")).status_code == 404


async def test_installs_of_two_tenants_share_nothing(platform: Platform) -> None:
    other = await platform.install(tenant_id=OTHER_TENANT)
    await operate(platform, operation="put", namespace="n", key="k", value="mine")
    assert (await operate(platform, other.install_id, operation="get", namespace="n", key="k")).status_code == 404
