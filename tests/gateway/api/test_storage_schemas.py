"""Schemas of namespaces over REST, and what guests and users get that write something else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.gateway.platform import INTERNAL_TOKEN, Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, add_user

SCHEMAS = "/api/v1/extensions/com.example.notes/storage-schemas"
NUMBERS = {"type": "array", "items": {"type": "number"}}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """On SQLite only: the tests of the schemas themselves run on both databases."""
    async with running_platform(tmp_path) as running:
        yield running


async def test_a_schema_is_registered_activated_listed_and_deprecated(platform: Platform) -> None:
    admin, http = await platform.admin(), platform.http
    registered = await http.put(SCHEMAS, json={"namespace": "n", "schemaVersion": 1, "schema": NUMBERS}, headers=admin)
    assert registered.status_code == 200, registered.text
    assert registered.json()["schema"]["status"] == "draft"
    active = await http.patch(SCHEMAS, json={"namespace": "n", "schemaVersion": 1, "status": "active"}, headers=admin)
    assert active.json()["schema"] | {"updatedAt": ""} == registered.json()["schema"] | {"updatedAt": "", "status": "active"}
    await http.put(SCHEMAS, json={"namespace": "m", "schemaVersion": 1, "schema": {}, "activate": True}, headers=admin)
    listed = (await http.get(SCHEMAS, headers=admin)).json()["schemas"]
    assert [(one["namespace"], one["schemaVersion"], one["status"]) for one in listed] == [("m", 1, "active"), ("n", 1, "active")]
    assert [one["namespace"] for one in (await http.get(f"{SCHEMAS}?namespace=n", headers=admin)).json()["schemas"]] == ["n"]
    again = await http.put(SCHEMAS, json={"namespace": "n", "schemaVersion": 1, "schema": {}}, headers=admin)
    assert (again.status_code, again.json()["error"]) == (409, "SCHEMA_EXISTS")
    async with platform.db.session() as session:
        rows = await session.scalars(select(ExtensionAuditLog).where(ExtensionAuditLog.event_type == "storage_schema.changed"))
        assert [row.details["status"] for row in rows if row.details is not None] == ["draft", "active", "active"]


async def test_a_value_that_does_not_satisfy_the_schema_is_refused_everywhere_with_its_errors(platform: Platform) -> None:
    admin, http, install_id = await platform.admin(), platform.http, platform.installed.install_id
    await http.put(SCHEMAS, json={"namespace": "n", "schemaVersion": 1, "schema": NUMBERS, "activate": True}, headers=admin)
    records = f"/api/ext-storage/install/{install_id}/n/records"
    one = await http.put(f"{records}/k", json={"value": ["x"]}, headers=admin)
    assert (one.status_code, one.json()["error"]["code"]) == (400, "VALIDATION_FAILED")
    assert one.json()["error"]["details"]["errors"][0]["instancePath"] == "/0"
    many = await http.post(records, json={"items": [{"key": "a", "value": [1]}, {"key": "b", "value": "x"}]}, headers=admin)
    assert many.json()["error"]["details"]["key"] == "b"
    internal = await http.post(
        f"/api/internal/ext-storage/install/{install_id}",
        json={"operation": "put", "namespace": "n", "key": "k", "value": "x", "schemaVersion": 1},
        headers={"x-runner-auth": INTERNAL_TOKEN},
    )
    assert (internal.status_code, internal.json()["code"]) == (400, "VALIDATION_FAILED")
    assert "does not satisfy version 1" in internal.json()["error"]
    assert (await http.get(records, headers=admin)).json()["items"] == []
    assert (await http.put(f"{records}/k", json={"value": [1.5]}, headers=admin)).status_code == 200
    # The records of the tenant have namespaces of their own.
    assert (await http.put("/api/v1/storage/namespaces/n/records/k", json={"value": "x"}, headers=admin)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"namespace": "n", "schemaVersion": 0, "schema": {}},
        {"namespace": "", "schemaVersion": 1, "schema": {}},
        {"namespace": "n", "schemaVersion": 1, "schema": {"$ref": "http://127.0.0.1/"}},
        {"namespace": "n", "schemaVersion": 1, "schema": []},
        {"namespace": "n", "schemaVersion": 1, "schema": {"description": "x" * 40_000}},
    ],
)
async def test_an_unusable_schema_is_refused(platform: Platform, body: dict[str, object]) -> None:
    admin = await platform.admin()
    assert (await platform.http.put(SCHEMAS, json=body, headers=admin)).status_code == 400
    assert (await platform.http.get(SCHEMAS, headers=admin)).json()["schemas"] == []


async def test_only_administrators_of_the_tenant_change_schemas(platform: Platform) -> None:
    body = {"namespace": "n", "schemaVersion": 1, "schema": {}}
    member = await platform.key_of(await add_user(platform.db, "member@example.com"))
    other = await platform.key_of(await add_user(platform.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True))
    for headers, status in (({}, 401), (member, 403), (other, 404)):
        assert (await platform.http.put(SCHEMAS, json=body, headers=headers)).status_code == status
    assert (await platform.http.get(SCHEMAS, headers=other)).status_code == 404
