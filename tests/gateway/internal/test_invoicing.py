"""The internal API `ext-invoicing`, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from holdfast.contract.call_headers import IDEMPOTENCY_KEY_HEADER, USER_HEADER
from holdfast.records.models.billing import Invoice, InvoiceCharge, InvoiceCounter, Service
from holdfast.records.models.users import Client
from tests.gateway.platform import INTERNAL_TOKEN, Platform
from tests.gateway.platform import platform as open_platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

UNKNOWN = "33333333-3333-4333-8333-333333333333"
CLIENT, EXEMPT, THEIR_CLIENT = (f"aaaaaaa{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))
WORK, GOODS, THEIR_SERVICE = (f"bbbbbbb{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))
CAPABILITIES = ["cap:invoice.manual.create"]


@pytest.fixture
async def platform(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path, database_url=database_url) as running:
        running.installed = await running.install("biller.tar.zst", name="com.example.biller", capabilities=CAPABILITIES)
        async with running.db.transaction() as session:
            session.add_all(
                [
                    Client(client_id=CLIENT, tenant=TENANT, client_name="Acme", default_currency_code="EUR"),
                    Client(client_id=EXEMPT, tenant=TENANT, client_name="Charity", is_tax_exempt=True),
                    Client(client_id=THEIR_CLIENT, tenant=OTHER_TENANT, client_name="Theirs"),
                    Service(service_id=WORK, tenant=TENANT, service_name="Work", tax_rate_ppm=190_000),
                    Service(service_id=GOODS, tenant=TENANT, service_name="Goods", tax_rate_ppm=70_000),
                    Service(service_id=THEIR_SERVICE, tenant=OTHER_TENANT, service_name="Theirs"),
                ]
            )
        yield running


def item(**fields: Any) -> dict[str, Any]:
    return {"serviceId": WORK, "quantity": 2, "description": "work", "rate": 5_000} | fields


async def create(
    platform: Platform, *items: Any, install_id: str | None = None, headers: dict[str, str] | None = None, **fields: Any
) -> httpx2.Response:
    url = f"/api/internal/ext-invoicing/install/{install_id or platform.installed.install_id}"
    body = {"operation": "createManualInvoice", "clientId": CLIENT, "items": list(items)} | fields
    return await platform.http.post(url, json=body, headers={"x-runner-auth": INTERNAL_TOKEN, **(headers or {})})


async def errors_of(platform: Platform, *items: Any, **fields: Any) -> dict[str, str]:
    refused = await create(platform, *items, **fields)
    assert (refused.status_code, refused.json()["success"]) == (400, False)
    assert await count(platform) == 0
    errors: dict[str, str] = refused.json()["fieldErrors"]
    return errors


async def count(platform: Platform) -> int:
    async with platform.db.session() as session:
        return await session.scalar(select(func.count()).select_from(Invoice)) or 0


async def test_a_draft_has_its_lines_and_sums(platform: Platform) -> None:
    created = await create(
        platform,
        item(rate=4_999.5, isDiscount=False, appliesToItemId=None),
        item(serviceId=GOODS, quantity=0.5, rate=1_001, description="goods"),
        item(isDiscount=True, discountType="percentage", rate=12.5, quantity=1, description="thanks", appliesToServiceId=WORK),
        invoiceDate="2028-02-29",
        dueDate="2028-01-01",
        poNumber="PO-7",
    )
    assert created.status_code == 201
    invoice_id = created.json()["invoice"]["invoiceId"]
    # Work: 10,000, less 1,250, tax 19 % of 8,750 = 1,662.5; goods: 500.5, tax 7 % of 501 = 35.07.
    assert created.json() == {
        "success": True,
        "invoice": {
            **{"invoiceId": invoice_id, "invoiceNumber": "INV-000001", "status": "draft"},
            **{"subtotal": 9_251, "tax": 1_698, "total": 10_949},
        },
    }
    async with platform.db.session() as session:
        invoice = (await session.execute(select(Invoice))).scalar_one()
        charges = (await session.scalars(select(InvoiceCharge).order_by(InvoiceCharge.position))).all()
    assert (str(invoice.invoice_date), str(invoice.due_date), invoice.po_number) == ("2028-02-29", "2028-01-01", "PO-7")
    assert (invoice.currency_code, invoice.is_manual, invoice.tenant) == ("EUR", True, TENANT)
    assert invoice.extension_install_id == platform.installed.install_id
    assert [(one.rate, one.net_amount, one.tax_amount, one.total_price, one.description) for one in charges] == [
        (5_000, 10_000, 1_663, 11_663, "work"),
        (1_001, 501, 35, 536, "goods"),
        (13, -1_250, 0, -1_250, "thanks"),
    ]
    assert [one.discount_percentage for one in charges] == [None, None, 12.5]


async def test_dates_default_to_today_and_a_client_may_be_free_of_tax(platform: Platform) -> None:
    created = (await create(platform, item(), clientId=EXEMPT, invoiceDate=None, poNumber=None)).json()["invoice"]
    assert (created["subtotal"], created["tax"], created["total"]) == (10_000, 0, 10_000)
    async with platform.db.session() as session:
        invoice = (await session.execute(select(Invoice))).scalar_one()
    assert invoice.invoice_date == invoice.due_date == invoice.created_at.date()
    assert invoice.currency_code == "USD"


async def test_every_wrong_field_is_named(platform: Platform) -> None:
    wrong = item(
        **{"serviceId": "x", "quantity": 0, "rate": -1, "description": "d" * 501, "discountType": "fixed", "appliesToItemId": UNKNOWN}
    )
    assert await errors_of(platform, wrong, {}, 7, clientId="x", invoiceDate="2026-02-30", dueDate="tomorrow", poNumber="p" * 129) == {
        **{"clientId": "Invalid UUID", "invoiceDate": "Invalid date (no such day)", "dueDate": "Invalid date (expected YYYY-MM-DD)"},
        **{"poNumber": "Too long", "items[0].serviceId": "Invalid UUID", "items[0].quantity": "Must be > 0"},
        **{"items[0].rate": "Must be >= 0", "items[0].description": "Too long"},
        **{"items[0].discountType": "Not allowed unless isDiscount=true"},
        **{"items[0].appliesToItemId": "appliesTo* fields require isDiscount=true"},
        **{f"items[1].{name}": "Required" for name in ("serviceId", "quantity", "rate", "description")},
        **{"items[2]": "Expected JSON object"},
    }


WRONG_ITEMS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"isDiscount": True}, {"items[0].discountType": "Required when isDiscount=true"}),
    ({"isDiscount": True, "discountType": "percentage", "rate": 101}, {"items[0].rate": "Must be between 0 and 100"}),
    ({"isDiscount": True, "discountType": "half"}, {"items[0].discountType": "Expected percentage or fixed"}),
    (
        {"isDiscount": True, "discountType": "fixed", "appliesToItemId": UNKNOWN, "appliesToServiceId": UNKNOWN},
        {"items[0].appliesToServiceId": "Only one of appliesToItemId and appliesToServiceId is allowed"},
    ),
    ({"isDiscount": "maybe"}, {"items[0].isDiscount": "Expected boolean"}),
    ({"quantity": True, "rate": "5"}, {"items[0].quantity": "Expected number", "items[0].rate": "Expected number"}),
    ({"rate": 1e300}, {"items[0].rate": "Too large"}),
    ({"quantity": 1e9, "rate": 1e9}, {"items[0].rate": "Too large"}),
    ({"description": ""}, {"items[0].description": "Required"}),
    ({"description": 1}, {"items[0].description": "Expected string"}),
]


async def test_a_wrong_item_creates_nothing(platform: Platform) -> None:
    for fields, errors in WRONG_ITEMS:
        assert await errors_of(platform, item(**fields)) == errors


async def test_an_invoice_has_items_and_an_end(platform: Platform) -> None:
    assert await errors_of(platform) == {"items": "Must include at least one item"}
    assert await errors_of(platform, items=None, clientId=None) == {"clientId": "Required", "items": "Required"}
    assert await errors_of(platform, *[item()] * 501) == {"items": "Must include at most 500 items"}
    url = f"/api/internal/ext-invoicing/install/{platform.installed.install_id}"
    for body in (b"[]", b"{", b"", b"null"):
        refused = await platform.http.post(url, content=body, headers={"x-runner-auth": INTERNAL_TOKEN})
        assert (refused.status_code, refused.json()["fieldErrors"]) == (400, {"body": "Expected JSON object"})
    assert (await create(platform, item(), operation="deleteInvoice")).json() == {"error": "Unsupported operation"}


async def test_clients_and_services_of_another_tenant_do_not_exist(platform: Platform) -> None:
    for client_id in (THEIR_CLIENT, UNKNOWN):
        assert await errors_of(platform, item(), clientId=client_id) == {"clientId": "Client not found"}
    for service_id in (THEIR_SERVICE, UNKNOWN):
        missing = {"serviceId": "Service not found", "items[1].serviceId": "Service not found"}
        assert await errors_of(platform, item(), item(serviceId=service_id)) == missing
    async with platform.db.session() as session:
        # Not even a number was taken.
        assert await session.scalar(select(func.count()).select_from(InvoiceCounter)) == 0


async def test_numbers_have_no_gaps_and_no_doubles_also_when_invoices_are_created_at_once(platform: Platform) -> None:
    async with platform.db.transaction() as session:
        fixed = {"subtotal": 0, "total": 0, "invoice_date": platform.services.now().date(), "due_date": platform.services.now().date()}
        session.add(Invoice(tenant=TENANT, client_id=CLIENT, invoice_number="INV-000004", **fixed))
    bad = item(serviceId=UNKNOWN)
    results = await asyncio.gather(*(create(platform, bad if number % 3 == 0 else item()) for number in range(12)))
    numbers = sorted(one.json()["invoice"]["invoiceNumber"] for one in results if one.status_code == 201)
    # 4 is the number of an invoice from elsewhere; those that failed have none.
    assert numbers == [f"INV-{number:06d}" for number in (1, 2, 3, 5, 6, 7, 8, 9)]


async def test_the_same_key_creates_one_invoice(platform: Platform) -> None:
    other = await platform.install("other.tar.zst", name="com.example.other", capabilities=CAPABILITIES)
    key = {IDEMPOTENCY_KEY_HEADER: "k" * 128}
    results = await asyncio.gather(*(create(platform, item(), headers=key) for _ in range(6)))
    assert {one.status_code for one in results} == {201}
    assert len({one.json()["invoice"]["invoiceId"] for one in results}) == 1
    # 2 and 2.0 are the same request.
    assert (await create(platform, item(quantity=2.0, isDiscount=False), headers=key)).json() == results[0].json()
    reused = await create(platform, item(quantity=3), headers=key)
    assert (reused.status_code, reused.json()["success"]) == (409, False)
    assert "INV-000001" in reused.json()["error"]
    assert await count(platform) == 1
    # The key belongs to the install, and without one every request creates an invoice.
    assert (await create(platform, item(), headers=key, install_id=other.install_id)).json() != results[0].json()
    assert (await create(platform, item())).status_code == 201
    assert await count(platform) == 3
    assert (await create(platform, item(), headers={IDEMPOTENCY_KEY_HEADER: "k" * 129})).status_code == 400


async def test_only_users_who_may_create_invoices(platform: Platform) -> None:
    admin = await add_user(platform.db, "admin@example.com", admin=True)
    plain = await add_user(platform.db, "plain@example.com")
    person = await add_user(platform.db, "person@acme.example", user_type="client", client=True)
    foreign = await add_user(platform.db, "foreign@example.com", tenant_id=OTHER_TENANT, admin=True)
    for user in (plain, person, foreign):
        denied = await create(platform, item(), headers={USER_HEADER: user.user_id})
        assert (denied.status_code, denied.json()["success"]) == (403, False)
        assert denied.json()["error"] == "Permission denied: the user of this call does not have invoice:create"
    assert await count(platform) == 0
    assert (await create(platform, item(), headers={USER_HEADER: admin.user_id})).status_code == 201


async def test_only_the_runner_and_only_with_the_capability(platform: Platform) -> None:
    stranger = await create(platform, item(), headers={"x-runner-auth": "wrong"})
    assert (stranger.status_code, stranger.json()) == (401, {"error": "Invalid runner token", "code": "UNAUTHORIZED"})
    without = await platform.install("without.tar.zst", name="com.example.without", capabilities=[])
    denied = await create(platform, item(), install_id=without.install_id)
    assert denied.status_code == 403
    assert denied.json()["error"] == "Permission denied: cap:invoice.manual.create not granted"
    assert (await create(platform, item(), install_id=UNKNOWN)).status_code == 404
