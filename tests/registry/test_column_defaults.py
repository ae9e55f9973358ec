"""Rows that scripts of the existing platform insert on Postgres: every column that they leave out has a default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Table, create_engine, inspect, select, text

from holdfast.records.database.columns import Base
from holdfast.registry.migrate import migrate
from tests.records.databases import TENANT
from tests.records.postgres import PostgresServer
from tests.registry.test_migrate import FIRST_ROWS, MODEL_MODULES

assert MODEL_MODULES  # imported for the tables that their import registers

ID = "99999999-9999-4999-8999-999999999999"
DAY = "2026-01-01"
REQUIRED: dict[str, dict[str, Any]] = {
    "tenants": {"client_name": "Acme"},
    "clients": {"tenant": ID, "client_name": "Acme"},
    "contacts": {"tenant": ID, "full_name": "Ann"},
    "users": {"tenant": ID, "username": "ann", "email": "ann@example.com", "hashed_password": "-"},
    "roles": {"tenant": ID, "role_name": "Admin"},
    "permissions": {"tenant": ID, "resource": "extension", "action": "read"},
    "role_permissions": {"tenant": ID, "role_id": ID, "permission_id": ID},
    "user_roles": {"tenant": ID, "role_id": ID, "user_id": ID},
    "sessions": {"token_hash": "-", "tenant": ID, "user_id": ID, "expires_at": DAY},
    "api_keys": {"tenant": ID, "user_id": ID, "key_hash": "-", "prefix": "-"},
    "services": {"tenant": ID, "service_name": "Support"},
    "invoices": {
        "tenant": ID,
        "client_id": ID,
        "invoice_number": "1",
        "invoice_date": DAY,
        "due_date": DAY,
        "subtotal": 1,
        "total": 1,
    },
    "invoice_counters": {"tenant": ID, "last_number": 1},
    "invoice_charges": {"tenant": ID, "invoice_id": ID, "description": "-", "quantity": 1, "rate": 1, "net_amount": 1, "total_price": 1},
    "extension_registry": {"publisher": "acme", "name": "notes"},
    "extension_version": {"registry_id": ID, "version": "1.0.0", "runtime": "wasm", "main_entry": "main"},
    "extension_bundle": {"version_id": ID, "content_hash": "sha256:00"},
    "extension_api_endpoint": {"version_id": ID, "method": "GET", "path": "/", "handler": "main"},
    "tenant_extension_install": {"tenant_id": ID, "registry_id": ID, "version_id": ID},
    "tenant_extension_install_config": {"install_id": ID, "tenant_id": ID},
    # Without an algorithm it cannot be decrypted.
    "tenant_extension_install_secrets": {"install_id": ID, "tenant_id": ID, "ciphertext": "-", "algorithm": "inline/base64"},
    "tenant_extension_schedule": {"install_id": ID, "tenant_id": ID, "endpoint_id": ID, "cron": "* * * * *"},
    "extension_execution_log": {"tenant_id": ID, "registry_id": ID, "version_id": ID, "status": "success"},
    "extension_quota_usage": {"tenant_id": ID, "registry_id": ID, "window_start": DAY},
    "extension_event_subscription": {"tenant_id": ID, "install_id": ID, "topic": "t", "handler": "main"},
    "extension_event": {
        **{"id": ID, "tenant_id": ID, "install_id": ID, "topic": "t", "subject": "s", "occurred_at": DAY, "available_at": DAY},
    },
    "extension_event_loss": {"install_id": ID, "tenant_id": ID, "last_at": DAY},
    "extension_schedule_cursor": {"schedule_id": ID, "cron": "* * * * *", "timezone": "UTC", "enabled": True},
    "extension_schedule_run": {
        **{"id": ID, "schedule_id": ID, "install_id": ID, "tenant_id": ID, "cause": "schedule", "due_at": DAY, "status": "due"},
        "created_at": DAY,
    },
    "extension_scheduler": {"executor_id": "e", "host": "h", "started_at": DAY, "seen_at": DAY},
    "extension_call_attempt": {
        **{"call_id": ID, "number": 1, "tenant_id": ID, "install_id": ID, "cause": "event", "request_id": "r", "status": "started"},
        "started_at": DAY,
    },
    "extension_audit_logs": {"tenant": ID, "event_type": "published"},
    "ext_storage_records": {"tenant": ID, "extension_install_id": ID, "namespace": "n", "key": "k", "value": "1"},
    "ext_storage_schemas": {"tenant": ID, "extension_install_id": ID, "namespace": "n", "schema_version": 1, "schema_document": "{}"},
    "ext_storage_usage": {"tenant": ID, "extension_install_id": ID},
    "extension_publisher": {"publisher": "acme"},
    "extension_upload": {"key": "k", "tenant_id": ID, "user_id": ID, "filename": "f", "size_bytes": 1},
    "extension_pending_object": {"key": "k"},
    "ext_storage_removals": {"tenant": ID, "extension_install_id": ID, "remove_at": DAY},
}
"""By table, the values that a row cannot be without. A table that Holdfast adds needs no entry if all its other columns have defaults."""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.migrated() as url:
        yield url


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A connection without checks of foreign keys; what it writes is discarded."""
    engine = create_engine(database)
    with engine.connect() as opened:
        opened.execute(text("SET session_replication_role = replica"))
        yield opened
        opened.rollback()
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("table", Base.metadata.sorted_tables, ids=lambda table: table.name)
def test_a_row_needs_no_values_but_those_that_only_its_writer_knows(table: Table, connection: Connection) -> None:
    required = REQUIRED.get(table.name, {column.name: None for column in table.primary_key})
    columns_found = inspect(connection).get_columns(table.name)
    missing = {column["name"] for column in columns_found if not column["nullable"] and column["default"] is None}
    assert missing <= set(required), "these columns need a default on Postgres"
    if table.name in REQUIRED:
        columns, values = ", ".join(required), ", ".join(f":{name}" for name in required)
        connection.execute(text(f"INSERT INTO {table.name} ({columns}) VALUES ({values})"), required)
        (row,) = connection.execute(select(table)).mappings()
        empty = [column.name for column in table.columns if row[column.name] is None]
        assert all(table.columns[name].nullable for name in empty)


@pytest.mark.postgres
def test_the_rows_of_the_install_script_are_inserted(connection: Connection) -> None:
    registry, version, bundle, install = (f"0000000{number}-0000-5000-8000-000000000000" for number in range(4))
    for statement, values in (
        (
            "INSERT INTO extension_registry (id, publisher, name, display_name, description) VALUES (:id, 'acme', 'notes', 'Notes', '') "
            "ON CONFLICT (publisher, name) DO UPDATE SET display_name = EXCLUDED.display_name, updated_at = now() RETURNING id",
            {"id": registry},
        ),
        (
            "INSERT INTO extension_version (id, registry_id, version, runtime, main_entry, api, ui, capabilities, api_endpoints) "
            """VALUES (:id, :registry, '1.0.0', 'wasm', 'handlers/index.wasm', '{}', '{"entry": "/index.html"}', '[]', '[]') """
            "ON CONFLICT (registry_id, version) DO UPDATE SET main_entry = EXCLUDED.main_entry RETURNING id",
            {"id": version, "registry": registry},
        ),
        (
            "INSERT INTO extension_bundle (id, version_id, content_hash, storage_url) VALUES (:id, :version, 'sha256:00', 'file:///x') "
            "ON CONFLICT (version_id, content_hash) DO UPDATE SET storage_url = EXCLUDED.storage_url RETURNING id",
            {"id": bundle, "version": version},
        ),
        (
            "INSERT INTO tenant_extension_install (id, tenant_id, registry_id, version_id, granted_caps, config, is_enabled, status, "
            """runner_domain, runner_status) VALUES (:id, :tenant, :registry, :version, '[]', '{}', true, 'enabled', NULL, """
            """'{"state": "ready"}') ON CONFLICT (tenant_id, registry_id) DO UPDATE SET version_id = EXCLUDED.version_id, """
            "updated_at = now() RETURNING id",
            {"id": install, "tenant": TENANT, "registry": registry, "version": version},
        ),
    ):
        # Twice: a second run of the script updates its rows.
        ids = [str(connection.execute(text(statement), values).scalar()) for _ in range(2)]
        assert ids == [values["id"]] * 2
    installs = Base.metadata.tables["tenant_extension_install"]
    row = connection.execute(select(installs)).mappings().one()
    assert (row["granted_egress"], row["config"], row["runner_status"]) == ([], {}, {"state": "ready"})
    assert row["created_at"] is not None and row["updated_at"] is not None


@pytest.mark.postgres
async def test_the_migration_changes_no_row_of_an_earlier_version(postgres: PostgresServer) -> None:
    with postgres.empty() as url:
        await migrate(url, to="0003")
        engine = create_engine(url)
        tables = ("tenants", "extension_registry", "extension_version", "tenant_extension_install")
        with engine.connect() as connection:
            for statement in FIRST_ROWS:
                connection.exec_driver_sql(statement.replace("%", "%%"))
            connection.commit()
            before = {name: connection.execute(text(f"SELECT xmin, ctid, t::text FROM {name} t")).all() for name in tables}
            connection.commit()
            await migrate(url, to="0004")
            after = {name: connection.execute(text(f"SELECT xmin, ctid, t::text FROM {name} t")).all() for name in tables}
        engine.dispose()
    assert after == before
