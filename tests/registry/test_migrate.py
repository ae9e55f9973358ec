from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

import holdfast.records.billing_tables
import holdfast.records.tables
import holdfast.registry.publishing_tables
import holdfast.registry.tables
import holdfast.storage.tables
from holdfast.records.columns import Base
from holdfast.registry.migrate import DatabaseNewer, migrate

ROOMS = (
    holdfast.records.tables,
    holdfast.records.billing_tables,
    holdfast.registry.tables,
    holdfast.registry.publishing_tables,
    holdfast.storage.tables,
)


def _open(tmp_path: Path) -> Connection:
    return create_engine(f"sqlite:///{tmp_path / 'data' / 'holdfast.db'}").connect()


def _url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'data' / 'holdfast.db'}"


async def test_a_fresh_database_gets_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    await migrate(_url(tmp_path))
    with _open(tmp_path) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        connection.engine.dispose()


async def test_the_tables_and_columns_that_people_query_have_their_names(tmp_path: Path) -> None:
    await migrate(_url(tmp_path))
    with _open(tmp_path) as connection:
        found = inspect(connection)
        names = {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}
        connection.engine.dispose()
    assert names["tenants"] >= {"tenant", "client_name"}
    assert names["tenant_extension_install"] >= {
        *("id", "tenant_id", "registry_id", "version_id", "granted_caps", "granted_egress", "config", "is_enabled", "status"),
        *("created_at", "updated_at", "runner_domain", "runner_status", "runner_ref"),
    }
    assert names["extension_bundle"] >= {"id", "version_id", "content_hash", "signature", "storage_url", "size_bytes", "created_at"}
    assert names["ext_storage_records"] >= {"tenant", "extension_install_id", "namespace", "key", "revision", "value", "metadata"}
    assert names.keys() >= {
        *("extension_registry", "extension_version", "extension_api_endpoint", "tenant_extension_install_config"),
        *("tenant_extension_install_secrets", "tenant_extension_schedule", "extension_execution_log", "extension_quota_usage"),
        *("extension_publisher", "extension_upload", "extension_event_subscription", "extension_audit_logs", "ext_storage_removals"),
        *("services", "invoices", "invoice_charges"),
        *("ext_storage_schemas", "ext_storage_usage", "users", "roles", "permissions", "sessions", "api_keys", "clients", "contacts"),
    }


async def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    await migrate(_url(tmp_path))
    with _open(tmp_path) as connection:
        connection.execute(text("INSERT INTO tenants VALUES ('11111111-1111-4111-8111-111111111111', 'Kept', '2026-01-01')"))
        connection.commit()
        await migrate(_url(tmp_path))
        assert connection.execute(text("SELECT client_name FROM tenants")).scalars().all() == ["Kept"]
        connection.engine.dispose()


async def test_two_runs_at_once_both_end_well(tmp_path: Path) -> None:
    await asyncio.gather(migrate(_url(tmp_path)), migrate(_url(tmp_path)))
    with _open(tmp_path) as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
        connection.engine.dispose()


async def test_the_database_of_a_newer_version_is_refused_with_advice(tmp_path: Path) -> None:
    await migrate(_url(tmp_path))
    with _open(tmp_path) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
        connection.engine.dispose()
    with pytest.raises(DatabaseNewer, match=r"revision 9999.*newer version of Holdfast"):
        await migrate(_url(tmp_path))


@pytest.mark.parametrize("table", Base.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_made_on_postgres_with_native_types(table: object) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    ddl = str(CreateTable(table).compile(dialect=dialect))  # type: ignore[arg-type]
    ddl += "".join(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)  # type: ignore[attr-defined]
    assert "JSON," not in ddl and "DATETIME" not in ddl
    assert "VARCHAR(36)" not in ddl
