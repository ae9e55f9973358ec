"""Records over REST: those of an install, and those of the tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast.gateway.api.legacy.records import NO_INSTALL
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.installs.grants import revoke
from tests.gateway.platform import INTERNAL_TOKEN, Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

OF_TENANT = "/api/v1/storage/namespaces/n/records"


def of_install(platform: Platform) -> str:
    return f"/api/ext-storage/install/{platform.installed.install_id}/n/records"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """On SQLite only: the tests of the service run on both databases."""
    async with running_platform(tmp_path) as running:
        yield running


@pytest.fixture
async def admin(platform: Platform) -> dict[str, str]:
    return await platform.admin()


@pytest.fixture(params=["install", "tenant"])
def records(request: pytest.FixtureRequest, platform: Platform) -> str:
    """The path of a namespace, of an install and of the tenant."""
    return of_install(platform) if request.param == "install" else OF_TENANT


def error_of(response: httpx2.Response) -> tuple[int, str]:
    shape: dict[str, Any] = response.json()
    assert set(shape["error"]) - {"hint"} == {"code", "message", "details"} and shape["requestId"] == response.headers["x-request-id"]
    return response.status_code, shape["error"]["code"]


async def test_a_record_is_put_read_and_deleted(platform: Platform, admin: dict[str, str], records: str) -> None:
    http, one = platform.http, f"{records}/k"
    put = await http.put(one, json={"value": {"a": [1]}, "metadata": {"m": 1}, "ttlSeconds": 60, "unknown": 1}, headers=admin)
    assert put.status_code == 200
    assert set(put.json()) == {"namespace", "key", "revision", "ttlExpiresAt", "createdAt", "updatedAt"}
    got = await http.get(one, headers=admin)
    assert got.json() == {**put.json(), "value": {"a": [1]}, "metadata": {"m": 1}}
    assert got.headers["cache-control"] == "no-store"
    for _ in range(2):
        deleted = await http.delete(one, headers=admin)
        assert (deleted.status_code, deleted.content) == (204, b"")
    assert error_of(await http.get(one, headers=admin)) == (404, "NOT_FOUND")


async def test_null_is_a_value_and_a_missing_value_is_not(platform: Platform, admin: dict[str, str], records: str) -> None:
    assert (await platform.http.put(f"{records}/k", json={"value": None}, headers=admin)).status_code == 200
    assert (await platform.http.get(f"{records}/k", headers=admin)).json()["value"] is None
    assert error_of(await platform.http.put(f"{records}/k", json={}, headers=admin)) == (400, "VALIDATION_FAILED")


async def test_revisions_are_expected_in_header_body_and_query(platform: Platform, admin: dict[str, str], records: str) -> None:
    http, one = platform.http, f"{records}/k"

    def expect(revision: int | str) -> dict[str, str]:
        return admin | {"if-revision-match": str(revision)}

    assert error_of(await http.put(one, json={"value": 1, "ifRevision": 1}, headers=admin)) == (409, "REVISION_MISMATCH")
    assert (await http.put(one, json={"value": 1, "ifRevision": 0}, headers=admin)).json()["revision"] == 1
    assert error_of(await http.put(one, json={"value": 2}, headers=expect(0))) == (409, "REVISION_MISMATCH")
    assert (await http.put(one, json={"value": 2}, headers=expect(1))).json()["revision"] == 2
    assert error_of(await http.get(one, headers=expect(1))) == (409, "REVISION_MISMATCH")
    assert (await http.get(one, headers=expect(2))).json()["revision"] == 2
    assert error_of(await http.delete(f"{one}?ifRevision=1", headers=admin)) == (409, "REVISION_MISMATCH")
    assert error_of(await http.delete(one, headers=expect(1))) == (409, "REVISION_MISMATCH")
    assert error_of(await http.delete(f"{one}?ifRevision=1", headers=expect(2))) == (400, "VALIDATION_FAILED")
    assert (await http.delete(f"{one}?ifRevision=2", headers=admin)).status_code == 204


async def test_a_revision_that_is_no_number_is_rejected(platform: Platform, admin: dict[str, str], records: str) -> None:
    one = f"{records}/k"
    for revision in ("x", "-1", "1.5", "", "٣", '"1"', "9" * 30):
        assert error_of(await platform.http.delete(one, params={"ifRevision": revision}, headers=admin)) == (400, "VALIDATION_FAILED")
        if revision.isascii():
            headers = admin | {"if-revision-match": revision}
            assert error_of(await platform.http.get(one, headers=headers)) == (400, "VALIDATION_FAILED")


async def test_many_records_are_put_at_once_and_listed_by_page(platform: Platform, admin: dict[str, str], records: str) -> None:
    http = platform.http
    items = [{"key": f"{prefix}{number}", "value": number, "metadata": {"m": number}} for prefix in "ab" for number in range(3)]
    bulk = await http.post(records, json={"items": items}, headers=admin)
    assert bulk.json()["namespace"] == "n" and bulk.json()["items"][0] == {"key": "a0", "revision": 1, "ttlExpiresAt": None}
    seen, cursor = [], None
    while True:
        params = {"limit": "2", "keyPrefix": "b"} | ({} if cursor is None else {"cursor": cursor})
        page = (await http.get(records, params=params, headers=admin)).json()
        seen += [item["key"] for item in page["items"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert seen == ["b0", "b1", "b2"]
    assert error_of(await http.get(records, params={"cursor": "!"}, headers=admin)) == (400, "VALIDATION_FAILED")
    items = [{"key": "new", "value": 1}, {"key": "a0", "value": 1, "ifRevision": 9}]
    failed = await http.post(records, json={"items": items}, headers=admin)
    assert error_of(failed) == (409, "REVISION_MISMATCH")
    assert error_of(await http.get(f"{records}/new", headers=admin)) == (404, "NOT_FOUND")


async def test_false_is_false_and_what_is_neither_true_nor_false_is_rejected(
    platform: Platform, admin: dict[str, str], records: str
) -> None:
    await platform.http.put(f"{records}/k", json={"value": "secret", "metadata": {"m": 1}}, headers=admin)
    for parameter, field, value in (("includeValues", "value", "secret"), ("includeMetadata", "metadata", {"m": 1})):
        for text in ("true", "TRUE", "1"):
            (item,) = (await platform.http.get(records, params={parameter: text}, headers=admin)).json()["items"]
            assert item[field] == value and set(item) & {"value", "metadata"} == {field}
        for text in ("false", "False", "0"):
            (item,) = (await platform.http.get(records, params={parameter: text}, headers=admin)).json()["items"]
            assert not set(item) & {"value", "metadata"}
        for text in ("", "yes", "2", "null"):
            response = await platform.http.get(records, params={parameter: text}, headers=admin)
            assert error_of(response) == (400, "VALIDATION_FAILED")


async def test_a_body_that_is_not_right_is_rejected(platform: Platform, admin: dict[str, str], records: str) -> None:
    for body in (b"", b"{", b"[]", b"\xff", b'{"value": 1, "ttlSeconds": "x"}'):
        response = await platform.http.put(f"{records}/k", content=body, headers=admin)
        assert error_of(response) == (400, "VALIDATION_FAILED")
    assert error_of(await platform.http.put(f"{records}/k", json={"value": 1, "ttlSeconds": 5}, headers=admin)) == (400, "LIMIT_EXCEEDED")


async def test_a_body_that_is_too_large_is_rejected(platform: Platform, admin: dict[str, str], records: str) -> None:
    response = await platform.http.put(f"{records}/k", content=b"x" * (2 * 1024 * 1024 + 1), headers=admin)
    assert error_of(response) == (413, "LIMIT_EXCEEDED")


async def test_a_header_cannot_choose_another_tenant(platform: Platform, admin: dict[str, str], records: str) -> None:
    for name in ("x-tenant", "x-tenant-id", "x-alga-tenant"):
        for tenant_id in (TENANT, TENANT.upper()):
            assert (await platform.http.get(records, headers=admin | {name: tenant_id})).status_code == 200
        assert error_of(await platform.http.get(records, headers=admin | {name: OTHER_TENANT})) == (403, "tenant_mismatch")


async def test_another_tenant_sees_nothing_of_it(platform: Platform, admin: dict[str, str]) -> None:
    other = await platform.key_of(await add_user(platform.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True))
    for records in (of_install(platform), OF_TENANT):
        await platform.http.put(f"{records}/k", json={"value": 1}, headers=admin)
    assert error_of(await platform.http.get(f"{of_install(platform)}/k", headers=other)) == (404, "extension_not_available")
    assert error_of(await platform.http.get(f"{OF_TENANT}/k", headers=other)) == (404, "NOT_FOUND")


async def test_records_of_the_tenant_and_of_its_install_are_apart(platform: Platform, admin: dict[str, str]) -> None:
    await platform.http.put(f"{OF_TENANT}/k", json={"value": 1}, headers=admin)
    assert error_of(await platform.http.get(f"{of_install(platform)}/k", headers=admin)) == (404, "NOT_FOUND")
    elsewhere = f"/api/ext-storage/install/{NO_INSTALL}/n/records/k"
    assert error_of(await platform.http.get(elsewhere, headers=admin)) == (404, "extension_not_available")
    internal = await platform.http.post(
        f"/api/internal/ext-storage/install/{NO_INSTALL}",
        json={"operation": "get", "namespace": "n", "key": "k"},
        headers={"x-runner-auth": INTERNAL_TOKEN},
    )
    assert internal.status_code == 404


async def test_an_extension_and_the_rest_share_the_records_of_an_install(platform: Platform, admin: dict[str, str]) -> None:
    put = {"operation": "put", "namespace": "n", "key": "k", "value": "from the extension"}
    url = f"/api/internal/ext-storage/install/{platform.installed.install_id}"
    await platform.http.post(url, json=put, headers={"x-runner-auth": INTERNAL_TOKEN})
    assert (await platform.http.get(f"{of_install(platform)}/k", headers=admin)).json()["value"] == "from the extension"


async def test_an_install_that_is_disabled_or_lacks_the_capability_has_no_records(platform: Platform, admin: dict[str, str]) -> None:
    records = of_install(platform)
    await revoke(platform.db, actor=local_actor(TENANT), extension="com.example.notes", capabilities=["cap:storage.kv"])
    assert error_of(await platform.http.get(records, headers=admin)) == (403, "NAMESPACE_DENIED")
    await set_enabled(platform.db, actor=local_actor(TENANT), extension="com.example.notes", enabled=False)
    assert error_of(await platform.http.get(records, headers=admin)) == (404, "extension_not_available")


async def test_quotas_hold_and_are_reported(platform: Platform, admin: dict[str, str], records: str) -> None:
    path = records.replace("/n/", "/{}/")
    for number in range(32):
        assert (await platform.http.put(f"{path.format(number)}/k", json={"value": 1}, headers=admin)).status_code == 200
    response = await platform.http.put(f"{path.format('one-more')}/k", json={"value": 1}, headers=admin)
    assert error_of(response) == (429, "QUOTA_EXCEEDED")
    assert response.json()["error"]["details"] == {"limit": 32, "attempted": 33}
