"""Imports and exports of records, on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from holdfast.client.records.files import as_text
from holdfast.contract.record_tables import ImportKind, ImportResult, RecordImport, RecordKind, TableFormat
from holdfast.records.billing.samples import add_samples
from holdfast.records.billing.tables.errors import RecordsError
from holdfast.records.billing.tables.exports import read_records
from holdfast.records.billing.tables.imports import import_records
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.models.billing import Invoice, Service
from holdfast.records.models.users import Client, Contact
from tests.records.databases import OTHER_TENANT, TENANT, add_user

ACME, OTHER = "aaaaaaa1-0000-4000-8000-000000000000", "aaaaaaa2-0000-4000-8000-000000000000"


async def load(
    db: Database, kind: ImportKind, content: str, form: TableFormat = "csv", *, tenant: str = TENANT, dry_run: bool = False
) -> tuple[int, int, int]:
    result: ImportResult = await import_records(db, tenant, kind, RecordImport(format=form, content=content, dry_run=dry_run))
    assert result.dry_run == dry_run
    return result.created, result.updated, result.unchanged


async def errors_of(db: Database, kind: ImportKind, content: str, form: TableFormat = "csv") -> list[tuple[int, str | None, str]]:
    before = await rows(db, kind)
    with pytest.raises(RecordsError) as refused:
        await load(db, kind, content, form)
    assert await rows(db, kind) == before
    assert refused.value.details["total"] == len(refused.value.details["errors"])
    return [(one["line"], one["column"], one["message"]) for one in refused.value.details["errors"]]


async def rows(db: Database, kind: RecordKind, tenant: str = TENANT) -> list[dict[str, Any]]:
    return (await read_records(db, tenant, kind, after=None, limit=1_000)).rows


async def test_a_row_creates_a_record_or_changes_the_one_of_its_id_or_name(db: Database) -> None:
    table = f"client_id,client_name,default_currency_code,is_inactive\n{ACME},Acme,EUR,no\n,Müller,,\n"
    assert await load(db, "clients", "\ufeff" + table.replace("\n", "\r\n")) == (2, 0, 0)
    assert await load(db, "clients", table) == (0, 0, 2)
    # A column that is not there stays; an empty cell has no value.
    assert await load(db, "clients", "client_name,billing_email\nMüller,bills@mueller.example\n") == (0, 1, 0)
    assert await load(db, "clients", f"client_id,default_currency_code,is_inactive\n{ACME},,yes\n") == (0, 1, 0)
    found = {one["client_name"]: one for one in await rows(db, "clients")}
    acme = {"client_id": ACME, "client_name": "Acme", "is_inactive": True, "is_tax_exempt": False}
    assert found["Acme"] == acme | dict.fromkeys(("client_type", "default_currency_code", "account_manager_id", "billing_email"))
    assert (found["Müller"]["billing_email"], found["Müller"]["default_currency_code"]) == ("bills@mueller.example", None)


async def test_an_export_is_an_import_that_changes_nothing(db: Database) -> None:
    assert await add_samples(db, TENANT, now=utc_now())
    for kind in ("clients", "contacts", "services"):
        for form in ("csv", "json"):
            page = await read_records(db, TENANT, kind, after=None, limit=1_000)
            text = as_text(page.columns, page.rows, form)
            assert await load(db, kind, text, form) == (0, 0, len(page.rows))
            # The same in another tenant: the ids are taken, and there is nothing to see of them.
            with pytest.raises(RecordsError) as refused:
                await load(db, kind, text, form, tenant=OTHER_TENANT)
            assert {one["message"] for one in refused.value.details["errors"]} <= {"is not available", "is not a client of this tenant"}
            assert await rows(db, kind, OTHER_TENANT) == []


async def test_a_dry_run_checks_everything_and_changes_nothing(db: Database) -> None:
    assert await load(db, "services", "service_name\nWork\nGoods\n", dry_run=True) == (2, 0, 0)
    assert await rows(db, "services") == []


async def test_every_error_has_its_line_and_column(db: Database) -> None:
    table = (
        "service_name,item_kind,default_rate,tax_percent,is_active,service_id\n"
        '"Two\nlines",service,100,19,true,\n'
        "Work,thing,1.5,19.00001,perhaps,x\n"
        "\n"
        ",service,-1,101,true,\n"
        "Short,service\n"
    )
    assert await errors_of(db, "services", table) == [
        (4, "item_kind", "must be service or product"),
        (4, "default_rate", "must be a whole number of minor units (cents), 0 or more"),
        (4, "tax_percent", "must be a percentage from 0 to 100 with at most 4 decimal places"),
        (4, "is_active", "must be true or false"),
        (4, "service_id", "must be a UUID"),
        (6, "default_rate", "must be a whole number of minor units (cents), 0 or more"),
        (6, "tax_percent", "must be a percentage from 0 to 100 with at most 4 decimal places"),
        (6, "service_name", "is required"),
        (7, None, "has 2 values; the headings are 6"),
    ]


async def test_a_text_that_is_no_table_says_where(db: Database) -> None:
    columns = "client_id, client_name, client_type, is_inactive, default_currency_code, account_manager_id, billing_email, is_tax_exempt"
    cases: list[tuple[TableFormat, str, list[tuple[int, str | None, str]]]] = [
        ("csv", "", [(1, None, "must be a line of headings, such as client_id,client_name,client_type")]),
        ("csv", "client_name,name\nA,B\n", [(1, "name", f"is not a column; the columns are {columns}")]),
        ("csv", "client_name,client_name\nA,B\n", [(1, "client_name", "is there twice")]),
        ("csv", 'client_name\n"A\n', [(2, None, "is not valid CSV: unexpected end of data")]),
        ("json", "{}", [(1, None, "must be a JSON array of objects")]),
        ("json", '[\n {"client_name": "A"},\n 7,\n {"client_name": "B"', [(3, None, "must be a JSON object"), (4, None, ANY_JSON)]),
        (
            "json",
            '[{"client_name": 7, "name": 1}]',
            [(1, "client_name", "must be text"), (1, "name", f"is not a column; the columns are {columns}")],
        ),
        ("json", '[{"client_name": "A"} {"client_name": "B"}]', [(1, None, "is not valid JSON: a comma or ] must follow")]),
        ("json", "[] 1", [(1, None, "is not valid JSON: there is more after the array")]),
        ("json", '[{"client_name": "\\ud800"}]', [(1, "client_name", "has characters that cannot be stored")]),
        ("json", "[" * 100_000, [(1, None, "is nested too deeply, or has a number that is too long")]),
    ]
    for form, text, expected in cases:
        found = await errors_of(db, "clients", text, form)
        assert [(line, column, ANY_JSON if message.startswith(ANY_JSON) else message) for line, column, message in found] == [
            (line, column, message) for line, column, message in expected
        ], text[:100]


ANY_JSON = "is not valid JSON: Expecting"


async def test_extreme_numbers_are_wrong_values(db: Database) -> None:
    for number in ("1e999999999", '"1e-999999999"', "9" * 4_000, "NaN", "-Infinity", "true", '"1_0e"'):
        (error,) = await errors_of(db, "services", f'[{{"service_name": "A", "tax_percent": {number}}}]', "json")
        assert error[1] == "tax_percent"
    assert await errors_of(db, "services", f'[{{"service_name": "A", "default_rate": {"9" * 5_000}}}]', "json") == [
        (1, None, "is nested too deeply, or has a number that is too long")
    ]


async def test_no_two_rows_are_the_same_record_and_a_name_of_several_needs_an_id(db: Database) -> None:
    assert await errors_of(db, "clients", "client_name\nAcme\nAcme\n") == [(3, None, "is the same client as line 2")]
    assert await errors_of(db, "clients", f"client_id,client_name\n{ACME},A\n{ACME},B\n") == [(3, None, "is the same client as line 2")]
    async with db.transaction() as session:
        session.add_all([Client(tenant=TENANT, client_name="Twin"), Client(tenant=TENANT, client_name="Twin", client_id=ACME)])
    assert await errors_of(db, "clients", "client_name\nTwin\n") == [(2, "client_name", "is the name of 2 clients; add client_id")]
    assert await errors_of(db, "clients", f"client_id\n{OTHER}\n") == [(2, "client_name", "is required for a new client")]
    assert await load(db, "clients", f"client_id,is_inactive\n{ACME},true\n") == (0, 1, 0)


async def test_records_refer_to_their_own_tenant_only(db: Database) -> None:
    foreign = await add_user(db, "foreign@example.com", tenant_id=OTHER_TENANT)
    async with db.transaction() as session:
        session.add(Client(tenant=OTHER_TENANT, client_name="Theirs", client_id=OTHER))
    manager = f"client_name,account_manager_id\nAcme,{foreign.user_id}\n"
    assert await errors_of(db, "clients", manager) == [(2, "account_manager_id", "is not a user of this tenant")]
    assert await errors_of(db, "contacts", f"full_name,client_id\nAda,{OTHER}\n") == [(2, "client_id", "is not a client of this tenant")]
    assert await errors_of(db, "clients", f"client_id,client_name\n{OTHER},Mine\n") == [(2, "client_id", "is not available")]
    # A name of another tenant is free.
    assert await load(db, "clients", "client_name\nTheirs\n") == (1, 0, 0)


async def test_an_import_has_limits(db: Database) -> None:
    for text in ("client_name\n" + "A\n" * 10_001, "client_name\n" + "x" * 5 * 1024 * 1024):
        with pytest.raises(RecordsError) as refused:
            await load(db, "clients", text)
        assert refused.value.code == "records_too_large"
    (error,) = await errors_of(db, "clients", "client_name\n" + "x" * 256)
    assert error == (2, "client_name", "has more than 255 characters")


async def test_pages_of_an_export_have_every_record_once(db: Database) -> None:
    await load(db, "clients", json.dumps([{"client_name": f"Client {number}"} for number in range(7)]), "json")
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await read_records(db, TENANT, "clients", after=after, limit=3)
        seen += [row["client_id"] for row in page.rows]
        after = page.next_after
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen)


async def test_only_an_empty_tenant_gets_samples(db: Database) -> None:
    assert await add_samples(db, TENANT, now=utc_now())
    assert not await add_samples(db, TENANT, now=utc_now())
    (invoice,) = await rows(db, "invoices")
    assert (invoice["invoice_number"], invoice["client_name"], invoice["currency_code"]) == ("INV-000001", "Northwind Bakery", "EUR")
    assert (invoice["subtotal"], invoice["tax"], invoice["total"]) == (38_250, 7_268, 45_518)
    async with db.session() as session:
        for model, owner in ((Client, Client.tenant), (Contact, Contact.tenant), (Service, Service.tenant), (Invoice, Invoice.tenant)):
            assert await session.scalar(select(func.count()).select_from(model).where(owner == OTHER_TENANT)) == 0
    await load(db, "services", "service_name\nOwn\n", tenant=OTHER_TENANT)
    assert not await add_samples(db, OTHER_TENANT, now=utc_now())
