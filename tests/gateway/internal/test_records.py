"""The internal APIs `ext-clients` and `ext-services`, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast.contract.call_headers import SCHEDULE_HEADER, USER_HEADER
from holdfast.records.models.billing import Service
from holdfast.records.models.users import Client
from tests.gateway.platform import INTERNAL_TOKEN, Platform
from tests.gateway.platform import platform as open_platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

CAPABILITIES = ["cap:client.read", "cap:service.read", "cap:scheduler.manage"]
UNKNOWN = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
async def platform(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path, database_url=database_url) as running:
        running.installed = await running.install("reader.tar.zst", name="com.example.reader", capabilities=CAPABILITIES)
        yield running


async def read(
    platform: Platform, kind: str, install_id: str | None = None, headers: dict[str, str] | None = None, **body: Any
) -> httpx2.Response:
    url = f"/api/internal/ext-{kind}/install/{install_id or platform.installed.install_id}"
    return await platform.http.post(url, json={"operation": "list", **body}, headers={"x-runner-auth": INTERNAL_TOKEN, **(headers or {})})


async def names(platform: Platform, kind: str, install_id: str | None = None, **given: Any) -> list[str]:
    response = await read(platform, kind, install_id, input=given)
    assert response.status_code == 200, response.text
    return [item["clientName" if kind == "clients" else "serviceName"] for item in response.json()["items"]]


async def add(platform: Platform, *rows: Client | Service) -> None:
    async with platform.db.transaction() as session:
        session.add_all(rows)


def client(name: str, *, tenant: str = TENANT, **fields: Any) -> Client:
    return Client(tenant=tenant, client_name=name, **fields)


def service(name: str, *, tenant: str = TENANT, **fields: Any) -> Service:
    return Service(tenant=tenant, service_name=name, **fields)


async def test_clients_and_services_have_all_their_fields(platform: Platform) -> None:
    manager = await add_user(platform.db, "manager@example.com")
    fields = {"client_type": "company", "default_currency_code": "EUR", "billing_email": "bills@acme.example"}
    await add(
        platform,
        client("Acme", client_id=UNKNOWN, account_manager_id=manager.user_id, **fields),
        service("Support", service_id=UNKNOWN, billing_method="hourly", default_rate=15_000, unit_of_measure="hour", sku="S-1"),
    )
    (acme,) = (await read(platform, "clients")).json()["items"]
    assert acme == {
        **{"clientId": UNKNOWN, "clientName": "Acme", "clientType": "company", "isInactive": False, "defaultCurrencyCode": "EUR"},
        **{"accountManagerId": manager.user_id, "accountManagerName": "Ada Lovelace", "billingEmail": "bills@acme.example"},
    }
    page = (await read(platform, "services", input=None, user=None)).json()
    assert page == {
        "items": [
            {
                **{"serviceId": UNKNOWN, "serviceName": "Support", "itemKind": "service", "billingMethod": "hourly"},
                **{"serviceTypeId": None, "serviceTypeName": None, "defaultRate": 15_000, "unitOfMeasure": "hour"},
                **{"isActive": True, "sku": "S-1"},
            }
        ],
        **{"totalCount": 1, "page": 1, "pageSize": 25},
    }
    assert (await read(platform, "clients", operation="get", input={"clientId": UNKNOWN})).json() == {"item": acme}
    assert (await read(platform, "services", operation="get", input={"serviceId": UNKNOWN})).json() == {"item": page["items"][0]}


async def test_a_search_ignores_case_and_takes_every_character_as_it_is(platform: Platform) -> None:
    await add(
        platform,
        client("Müller & Söhne", billing_email="BILLS@mueller.example"),
        client("100% Fun", client_id=UNKNOWN),
        client("1000 Fun"),
        client("under_score"),
        client("back\\slash"),
    )
    assert await names(platform, "clients", search="MÜLLER") == ["Müller & Söhne"]
    assert await names(platform, "clients", search="bills@") == ["Müller & Söhne"]
    assert await names(platform, "clients", search="100%") == ["100% Fun"]
    assert await names(platform, "clients", search="r_s") == ["under_score"]
    assert await names(platform, "clients", search="R&s") == []
    assert await names(platform, "clients", search="k\\S") == ["back\\slash"]
    assert await names(platform, "clients", search="33333333-3333") == ["100% Fun"]
    assert await names(platform, "clients", search="no uuid \x00 '") == []
    assert len(await names(platform, "clients", search=None, includeInactive=None, page=None, pageSize=None)) == 5


async def test_filters_leave_out_what_was_not_asked_for(platform: Platform) -> None:
    await add(
        platform,
        client("Active"),
        client("Gone", client_id=UNKNOWN, is_inactive=True),
        service("Router", item_kind="product", sku="R-1"),
        service("Setup", billing_method="hourly"),
        service("Old", is_active=False, description="a router of before"),
    )
    assert await names(platform, "clients") == ["Active"]
    assert await names(platform, "clients", includeInactive=True) == ["Active", "Gone"]
    # One that is asked for by its id is returned: it may be on an old bill.
    assert (await read(platform, "clients", operation="get", input={"clientId": UNKNOWN})).json()["item"]["isInactive"] is True
    assert await names(platform, "services", itemKind="product") == ["Router"]
    assert await names(platform, "services", isActive=False) == ["Old"]
    assert await names(platform, "services", billingMethod="hourly") == ["Setup"]
    assert await names(platform, "services", search="ROUTER") == ["Old", "Router"]
    assert await names(platform, "services", search="r-1", isActive=True) == ["Router"]


async def test_pages_neither_repeat_nor_miss_records_of_the_same_name(platform: Platform) -> None:
    await add(platform, *(client("Same") for _ in range(7)))
    seen: list[str] = []
    for page in (1, 2, 3, 4):
        shown = (await read(platform, "clients", input={"page": page, "pageSize": 2})).json()
        assert (shown["totalCount"], shown["page"], shown["pageSize"]) == (7, page, 2)
        seen += [item["clientId"] for item in shown["items"]]
    assert len(seen) == len(set(seen)) == 7
    beyond = (await read(platform, "clients", input={"page": 10_000, "pageSize": 100})).json()
    assert (beyond["items"], beyond["totalCount"]) == ([], 7)


OUT_OF_RANGE: list[dict[str, Any]] = [
    *({"input": {"page": page}} for page in (0, -1, 10_001, 1.5, "1")),
    *({"input": {"pageSize": size}} for size in (0, 101)),
    {"input": {"search": "x" * 201}},
    {"operation": "get", "input": {"clientId": "nonsense", "serviceId": "nonsense"}},
    {"operation": "get", "input": {}},
    {"operation": "delete"},
    {"input": []},
]


async def test_input_that_is_out_of_range_is_named(platform: Platform) -> None:
    for kind in ("clients", "services"):
        for body in OUT_OF_RANGE:
            refused = await read(platform, kind, **body)
            assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
            assert refused.json()["error"].startswith("Validation error: ")


async def test_the_user_of_the_call_needs_the_permission(platform: Platform) -> None:
    admin = await add_user(platform.db, "admin@example.com", admin=True)
    plain = await add_user(platform.db, "plain@example.com")
    foreign = await add_user(platform.db, "foreign@example.com", tenant_id=OTHER_TENANT, admin=True)
    await add(platform, client("Acme"), service("Support"))
    for kind, permission in (("clients", "client:read"), ("services", "service:read")):
        in_body: dict[str, Any] = {"user": {"userId": admin.user_id, "userType": "internal"}}
        in_header: dict[str, Any] = {"headers": {USER_HEADER: admin.user_id}}
        for spelled in (in_body, in_header):
            assert len((await read(platform, kind, **spelled)).json()["items"]) == 1
        # Without a user, the grants of the install decide: a runner of the existing platform may omit it.
        assert (await read(platform, kind)).status_code == 200
        for user_id in (plain.user_id, foreign.user_id, UNKNOWN, "no uuid"):
            refused = await read(platform, kind, user={"userId": user_id})
            assert (refused.status_code, refused.json()["code"]) == (403, "NOT_ALLOWED")
            assert permission in refused.json()["error"]


async def test_a_client_user_sees_only_its_own_client(platform: Platform) -> None:
    person = await add_user(platform.db, "person@acme.example", user_type="client", client=True)
    lost = await add_user(platform.db, "lost@acme.example", user_type="client")
    await add(platform, client("Other", client_id=UNKNOWN), service("Support"))
    user = {"userId": person.user_id, "userType": "internal"}
    (own,) = (await read(platform, "clients", user=user)).json()["items"]
    assert own["clientName"] == "Client of person@acme.example"
    assert (await read(platform, "clients", user=user, operation="get", input={"clientId": own["clientId"]})).json() == {"item": own}
    assert (await read(platform, "clients", user=user, operation="get", input={"clientId": UNKNOWN})).json() == {"item": None}
    assert (await read(platform, "clients", user=user, input={"search": "Other"})).json()["totalCount"] == 0
    assert (await read(platform, "clients", user={"userId": lost.user_id})).json()["items"] == []
    assert (await read(platform, "services", user=user)).status_code == 403


async def test_a_schedule_of_the_install_may_read_what_the_install_may(platform: Platform) -> None:
    created = await platform.http.post(
        f"/api/internal/ext-scheduler/install/{platform.installed.install_id}",
        json={"operation": "create", "endpoint": "GET /notes", "cron": "0 * * * *"},
        headers={"x-runner-auth": INTERNAL_TOKEN},
    )
    schedule = {SCHEDULE_HEADER: created.json()["scheduleId"]}
    other = await platform.install("other.tar.zst", name="com.example.other", capabilities=CAPABILITIES)
    assert (await read(platform, "clients", headers=schedule)).status_code == 200
    assert (await read(platform, "clients", other.install_id, headers=schedule)).status_code == 403
    assert (await read(platform, "services", headers={SCHEDULE_HEADER: "nonsense"})).status_code == 403


async def test_only_the_runner_and_only_with_the_capability(platform: Platform) -> None:
    without = await platform.install("without.tar.zst", name="com.example.without", capabilities=[])
    for kind, capability in (("clients", "cap:client.read"), ("services", "cap:service.read")):
        stranger = await read(platform, kind, headers={"x-runner-auth": "wrong"})
        assert (stranger.status_code, stranger.json()["code"]) == (401, "UNAUTHORIZED")
        denied = await read(platform, kind, without.install_id)
        assert (denied.status_code, denied.json()["code"]) == (403, "NOT_ALLOWED")
        assert denied.json()["error"] == f"Permission denied: {capability} not granted"
        assert (await read(platform, kind, UNKNOWN)).json()["code"] == "NOT_FOUND"


async def test_the_records_of_another_tenant_do_not_exist(platform: Platform) -> None:
    manager = await add_user(platform.db, "manager@example.com", tenant_id=OTHER_TENANT)
    await add(
        platform,
        client("Theirs", tenant=OTHER_TENANT, client_id=UNKNOWN),
        service("Theirs", tenant=OTHER_TENANT, service_id=UNKNOWN),
        client("Mine", account_manager_id=manager.user_id),
    )
    assert await names(platform, "clients") == ["Mine"]
    assert await names(platform, "services") == []
    assert (await read(platform, "clients")).json()["items"][0]["accountManagerName"] is None
    for kind in ("clients", "services"):
        shown = await read(platform, kind, operation="get", input={"clientId": UNKNOWN, "serviceId": UNKNOWN})
        assert shown.json() == {"item": None}
        assert (await read(platform, kind, input={"search": "theirs"})).json()["totalCount"] == 0
        assert (await read(platform, kind, headers={"x-alga-tenant": OTHER_TENANT})).status_code == 404
