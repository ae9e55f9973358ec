"""The REST API of records: who may use it, and that it stays within a tenant."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response

from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, add_user

RECORDS = "/api/v1/records"
PERMISSIONS = {
    f"GET {RECORDS}/clients": "client:read",
    f"GET {RECORDS}/contacts": "client:read",
    f"GET {RECORDS}/services": "service:read",
    f"GET {RECORDS}/invoices": "invoice:read",
    f"POST {RECORDS}/clients/import": "client:write",
    f"POST {RECORDS}/contacts/import": "client:write",
    f"POST {RECORDS}/services/import": "service:write",
}


async def send(platform: Platform, request: str, headers: dict[str, str], **body: Any) -> Response:
    method, _, url = request.partition(" ")
    table = {"format": "csv", "content": "client_name\nAcme\n"} | body
    return await platform.http.request(method, url, headers=headers, json=table if method == "POST" else None)


async def test_each_operation_needs_its_permission(platform: Platform) -> None:
    admin = await add_user(platform.db, "admin@example.com", admin=True)
    plain = await platform.key_of(await add_user(platform.db, "plain@example.com"))
    person = await platform.key_of(await add_user(platform.db, "person@acme.example", user_type="client", client=True))
    limited = {one: await platform.key_of(admin, scopes=[one]) for one in set(PERMISSIONS.values())}
    for request, permission in PERMISSIONS.items():
        assert (await send(platform, request, {})).status_code == 401
        for headers in (plain, person, *(key for one, key in limited.items() if one != permission)):
            denied = await send(platform, request, headers)
            assert (denied.status_code, denied.json()["error"]) == (403, "forbidden")
        kind = request.split("/")[4]
        content = "full_name\nAda\n" if kind == "contacts" else "service_name\nWork\n" if kind == "services" else "client_name\nAcme\n"
        assert (await send(platform, request, limited[permission], content=content)).status_code == 200


async def test_records_are_imported_and_listed_in_pages(platform: Platform) -> None:
    admin = await platform.admin()
    table = "client_name\nA\nB\nC\n"
    dry = await send(platform, f"POST {RECORDS}/clients/import", admin, content=table, dryRun=True)
    assert dry.json() == {"created": 3, "updated": 0, "unchanged": 0, "dryRun": True}
    assert (await send(platform, f"POST {RECORDS}/clients/import", admin, content=table)).json()["created"] == 3
    first = (await send(platform, f"GET {RECORDS}/clients?limit=2", admin)).json()
    rest = (await send(platform, f"GET {RECORDS}/clients?limit=2&after={first['nextAfter']}", admin)).json()
    assert sorted(row["client_name"] for row in first["rows"] + rest["rows"]) == ["A", "B", "C"]
    assert rest["nextAfter"] is None and first["columns"][:2] == ["client_id", "client_name"]
    wrong = await send(platform, f"POST {RECORDS}/clients/import", admin, content="client_name\n\nA,B\n")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "records_invalid")
    assert wrong.json()["details"]["errors"][0]["line"] == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=%C2%B2", "after=x"])
async def test_a_page_out_of_range_is_invalid(platform: Platform, query: str) -> None:
    refused = await send(platform, f"GET {RECORDS}/clients?{query}", await platform.admin())
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


async def test_a_caller_sees_and_changes_its_own_tenant_only(platform: Platform) -> None:
    admin = await platform.admin()
    other = await platform.key_of(await add_user(platform.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True))
    await send(platform, f"POST {RECORDS}/clients/import", admin)
    assert (await send(platform, f"GET {RECORDS}/clients", other)).json()["rows"] == []
    (row,) = (await send(platform, f"GET {RECORDS}/clients", admin)).json()["rows"]
    stolen = f"client_id,client_name\n{row['client_id']},Theirs\n"
    assert (await send(platform, f"POST {RECORDS}/clients/import", other, content=stolen)).status_code == 400
    assert (await send(platform, f"GET {RECORDS}/clients", admin)).json()["rows"] == [row]
