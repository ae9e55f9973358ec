"""Every change of records and installs has its event in the same transaction, also a change by SQL typed by hand; on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.models.users import Client
from holdfast.registry.models.events import ExtensionEvent, ExtensionEventLoss
from holdfast.world.topics import TOPICS
from tests.records.databases import OTHER_TENANT, TENANT, migrated, on_postgres
from tests.registry.events.subscribers import add_install, events_of, recorded, run_sql

ID = "00000000-0000-4000-8000-000000000001"
MAX_WAITING = 10_000
NOW = "'2026-01-01'"
CLIENT = (
    f"INSERT INTO clients (client_id, tenant, client_name, is_inactive, created_at) VALUES ('{ID}', '{TENANT}', 'It''s C', false, {NOW})"
)
CLIENT_DATA = {
    **{"clientId": ID, "clientName": "It's C", "clientType": None, "isInactive": False},
    **{"defaultCurrencyCode": None, "accountManagerId": None, "billingEmail": None},
}


@pytest.fixture
async def db(tmp_path: Path, database_url: str) -> AsyncIterator[Database]:
    async with migrated(tmp_path, url=database_url) as opened:
        yield opened


async def test_changes_of_a_client_by_sql_have_their_events_with_what_the_client_is(db: Database) -> None:
    install = await add_install(db, TOPICS)
    await run_sql(db, CLIENT)
    await run_sql(db, f"UPDATE clients SET is_inactive = true, client_name = 'D' WHERE client_id = '{ID}'")
    # Neither what stays as it was nor what no event shows is a change.
    await run_sql(db, "UPDATE clients SET client_name = 'D'", "UPDATE clients SET created_at = '2026-02-02'")
    await run_sql(db, "DELETE FROM clients")
    changed = CLIENT_DATA | {"isInactive": True, "clientName": "D"}
    subject = f"client:{ID}"
    assert await recorded(db, install) == [
        ("client.created", subject, CLIENT_DATA),
        ("client.updated", subject, changed),
        ("client.deleted", subject, changed),
    ]
    first, *_ = await events_of(db, install)
    assert (first.status, first.tenant_id, first.attempts, first.out_of_order) == ("waiting", TENANT, 0, False)
    assert timedelta() <= utc_now() - first.occurred_at < timedelta(minutes=10)


async def test_changes_by_code_have_their_events_too(db: Database) -> None:
    install = await add_install(db, ["client.created"])
    async with db.transaction() as session:
        session.add(Client(client_id=ID, tenant=TENANT, client_name="It's C", is_inactive=False))
    assert await recorded(db, install) == [("client.created", f"client:{ID}", CLIENT_DATA)]


async def test_contacts_and_services_have_events(db: Database) -> None:
    install = await add_install(db, ["contact.created", "contact.updated", "service.created"])
    await run_sql(
        db,
        CLIENT,
        f"INSERT INTO contacts (contact_name_id, tenant, client_id, full_name) VALUES ('{ID}', '{TENANT}', '{ID}', 'Ada')",
        "INSERT INTO services (service_id, tenant, service_name, item_kind, billing_method, default_rate, is_active, created_at) "
        f"VALUES ('{ID}', '{TENANT}', 'Support', 'service', 'hourly', 9900, true, {NOW})",
        "DELETE FROM clients",
    )
    contact = {"contactId": ID, "clientId": ID, "fullName": "Ada", "email": None}
    service = {
        **{"serviceId": ID, "serviceName": "Support", "itemKind": "service", "billingMethod": "hourly", "serviceTypeId": None},
        **{"serviceTypeName": None, "defaultRate": 9900, "unitOfMeasure": None, "isActive": True, "sku": None},
    }
    assert await recorded(db, install) == [
        ("contact.created", f"contact:{ID}", contact),
        ("service.created", f"service:{ID}", service),
        # The database takes a deleted client from its contacts.
        ("contact.updated", f"contact:{ID}", contact | {"clientId": None}),
    ]


async def test_an_install_hears_of_the_invoices_that_it_made_and_of_no_other(db: Database) -> None:
    topics = ["invoice.created", "invoice.updated", "invoice.deleted"]
    maker, other = await add_install(db, topics), await add_install(db, topics)
    values = "invoice_id, tenant, client_id, invoice_number, status, is_manual, invoice_date, due_date, currency_code, subtotal, tax, total"
    row = f"'{TENANT}', '{ID}', '%s', 'draft', true, '2026-01-02', '2026-02-01', 'EUR', 100, 19, 119"
    insert = f"INSERT INTO invoices ({values}, created_at, extension_install_id) VALUES ('%s', {row}, {NOW}, %s)"
    await run_sql(db, CLIENT, insert % (ID, "A-1", f"'{maker}'"), insert % (new_id(), "A-2", "NULL"))
    await run_sql(db, "UPDATE invoices SET status = 'sent'", "DELETE FROM invoices")
    created = {
        **{"invoiceId": ID, "invoiceNumber": "A-1", "clientId": ID, "status": "draft", "invoiceDate": "2026-01-02"},
        **{"dueDate": "2026-02-01", "poNumber": None, "currencyCode": "EUR", "subtotal": 100, "tax": 19, "total": 119},
    }
    sent = created | {"status": "sent"}
    assert await recorded(db, maker) == [(topic, f"invoice:{ID}", data) for topic, data in zip(topics, (created, sent, sent), strict=True)]
    assert await recorded(db, other) == []


@on_postgres
async def test_a_column_that_another_platform_does_not_have_is_null_and_no_error(db: Database) -> None:
    install = await add_install(db, ["client.created"])
    await run_sql(db, "ALTER TABLE clients DROP COLUMN billing_email", CLIENT)
    assert await recorded(db, install) == [("client.created", f"client:{ID}", CLIENT_DATA)]


@on_postgres
async def test_a_role_that_may_only_write_records_has_its_changes_recorded(db: Database) -> None:
    install = await add_install(db, ["client.created"])
    role = f"records_{install[:8]}"
    await run_sql(db, f"CREATE ROLE {role}", f"GRANT INSERT ON clients TO {role}", f"GRANT SELECT ON tenants TO {role}")
    try:
        await run_sql(db, f"SET LOCAL ROLE {role}", CLIENT)
    finally:
        await run_sql(db, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    assert await recorded(db, install) == [("client.created", f"client:{ID}", CLIENT_DATA)]


async def test_no_event_without_its_change(db: Database) -> None:
    install = await add_install(db, TOPICS)
    with pytest.raises(RuntimeError):
        async with db.transaction() as session:
            session.add(Client(client_id=ID, tenant=TENANT, client_name="C"))
            await session.flush()
            raise RuntimeError
    assert await recorded(db, install) == []


async def test_a_tenant_hears_only_of_its_own_records(db: Database) -> None:
    own, other = await add_install(db, TOPICS), await add_install(db, TOPICS, tenant_id=OTHER_TENANT)
    await run_sql(db, CLIENT, f"UPDATE clients SET client_name = 'E' WHERE tenant = '{TENANT}'")
    assert len(await recorded(db, own)) == 2
    assert await recorded(db, other) == []


async def test_only_subscriptions_with_an_endpoint_count(db: Database) -> None:
    informative = await add_install(db, ["client.created"], handler="dist/main")
    await run_sql(db, CLIENT)
    assert await recorded(db, informative) == []


async def test_an_install_hears_of_its_own_life_and_of_no_other(db: Database) -> None:
    install, other = await add_install(db, TOPICS), await add_install(db, TOPICS)
    only = f"WHERE id = '{install}'"
    await run_sql(db, f"UPDATE tenant_extension_install_config SET config = '{{\"a\": 1}}' WHERE install_id = '{install}'")
    await run_sql(db, f"UPDATE tenant_extension_install_config SET version = '2' WHERE install_id = '{install}'")
    await run_sql(db, f"UPDATE tenant_extension_install SET is_enabled = false {only}")
    await run_sql(db, f"UPDATE tenant_extension_install SET status = 'disabled' {only}")
    await run_sql(db, f"UPDATE tenant_extension_install SET is_enabled = true, status = 'enabled' {only}")
    # Settings are never in events: an extension reads them when it is called.
    topics = ["extension.settings_changed", "extension.disabled", "extension.enabled"]
    assert await recorded(db, install) == [(topic, f"extension:{install}", {}) for topic in topics]
    assert await recorded(db, other) == []


async def test_events_of_an_install_end_with_it(db: Database) -> None:
    install = await add_install(db, TOPICS)
    await run_sql(db, CLIENT, f"DELETE FROM tenant_extension_install WHERE id = '{install}'")
    assert await events_of(db, install) == []


async def test_what_comes_when_the_queue_of_an_install_is_full_is_counted_as_lost(db: Database) -> None:
    full, free = await add_install(db, ["client.created"]), await add_install(db, ["client.created"])
    now = datetime.now(UTC)
    row = {"tenant_id": TENANT, "install_id": full, "topic": "client.created", "subject": "s", "occurred_at": now, "available_at": now}
    async with db.transaction() as session:
        await session.execute(insert(ExtensionEvent), [row | {"id": new_id(), "data": {}} for _ in range(MAX_WAITING - 1)])
    for _ in range(3):
        await run_sql(db, CLIENT, "DELETE FROM clients")
    assert (len(await events_of(db, full)), len(await events_of(db, free))) == (MAX_WAITING, 3)
    async with db.session() as session:
        losses = (await session.execute(select(ExtensionEventLoss.install_id, ExtensionEventLoss.lost))).all()
    assert [tuple(row) for row in losses] == [(full, 2)]
