from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

import holdfast.records.models.billing
import holdfast.records.models.changes
import holdfast.records.models.users
import holdfast.registry.models.call_attempts
import holdfast.registry.models.call_log
import holdfast.registry.models.events
import holdfast.registry.models.installs
import holdfast.registry.models.publishing
import holdfast.schedules.tables
import holdfast.storage.tables
from holdfast.records.changes.feed import SHARED
from holdfast.records.database.columns import Base
from holdfast.records.database.database import Database
from holdfast.records.models.users import Tenant
from holdfast.registry import migrations
from holdfast.registry.migrate import Migrated, migrate
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall
from tests.error_codes import rejected
from tests.records.changes.watching import watched_sql
from tests.records.databases import KINDS, TENANT, sqlite_url
from tests.records.postgres import PostgresServer

MODEL_MODULES = (
    holdfast.records.models.users,
    holdfast.records.models.billing,
    holdfast.records.models.changes,
    holdfast.registry.models.call_log,
    holdfast.registry.models.events,
    holdfast.registry.models.installs,
    holdfast.registry.models.publishing,
    holdfast.storage.tables,
)

HEAD = str(ScriptDirectory(str(Path(migrations.__path__[0]))).get_current_head())

REGISTRY_ID, VERSION_ID, INSTALL_ID = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))
FIRST_ROWS = (
    f"INSERT INTO tenants (tenant, client_name, created_at) VALUES ('{TENANT}', 'Kept', '2026-01-01')",
    "INSERT INTO extension_registry (id, publisher, name, created_at, updated_at) "
    f"VALUES ('{REGISTRY_ID}', 'acme', 'notes', '2026-01-01', '2026-01-01')",
    "INSERT INTO extension_version (id, registry_id, version, runtime, main_entry, api, capabilities, api_endpoints, created_at) VALUES "
    f"""('{VERSION_ID}', '{REGISTRY_ID}', '1.0.0', 'wasm-js@1', 'dist/main.wasm', '{{}}', '["cap:log.emit"]', '[]', '2026-01-01')""",
    "INSERT INTO tenant_extension_install "
    "(id, tenant_id, registry_id, version_id, granted_caps, granted_egress, config, is_enabled, status, created_at, updated_at) VALUES "
    f"""('{INSTALL_ID}', '{TENANT}', '{REGISTRY_ID}', '{VERSION_ID}', '[]', '[]', '{{"colour": "blue"}}', true, 'enabled', """
    "'2026-01-01', '2026-01-01')",
)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables; on SQLite its folder is not there yet."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "data")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.empty() as empty:
        yield empty


@contextmanager
def _open(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


async def test_a_fresh_database_gets_exactly_the_tables_of_the_models(url: str) -> None:
    assert await migrate(url) == Migrated(None, HEAD)
    with _open(url) as connection:
        # On SQLite, columns have no default that a later version gave them.
        opts = {"compare_type": True, "compare_server_default": connection.dialect.name == "postgresql"}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []


async def test_the_tables_and_columns_that_people_query_have_their_names(url: str) -> None:
    await migrate(url)
    with _open(url) as connection:
        found = inspect(connection)
        names = {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}
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
        *("ext_storage_schemas", "ext_storage_usage", "ext_storage_namespaces"),
        *("users", "roles", "permissions", "sessions", "api_keys", "clients", "contacts"),
    }


async def test_a_second_run_changes_nothing(url: str) -> None:
    await migrate(url)
    with _open(url) as connection:
        connection.execute(text("INSERT INTO tenants VALUES ('11111111-1111-4111-8111-111111111111', 'Kept', '2026-01-01')"))
        connection.commit()
        assert await migrate(url) == Migrated(HEAD, HEAD)
        assert connection.execute(text("SELECT client_name FROM tenants")).scalars().all() == ["Kept"]


async def test_two_runs_at_once_both_end_well(url: str) -> None:
    done = await asyncio.gather(*(migrate(url) for _ in range(3)))
    # One did it, the others waited and found it done.
    assert sorted(done, key=lambda migrated: migrated.before or "") == [Migrated(None, HEAD), Migrated(HEAD, HEAD), Migrated(HEAD, HEAD)]
    with _open(url) as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


async def test_what_a_first_version_kept_is_still_there_after_the_second(url: str) -> None:
    assert await migrate(url, to="0001") == Migrated(None, "0001")
    with _open(url) as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
        connection.commit()
    assert await migrate(url) == Migrated("0001", HEAD)
    db = Database(url)
    async with db.session() as session:
        version = await session.scalar(select(ExtensionVersion))
        install = await session.scalar(select(TenantExtensionInstall))
        assert await session.scalar(select(Tenant.client_name)) == "Kept"
    await db.close()
    assert version is not None and (version.version, version.capabilities, version.egress) == ("1.0.0", ["cap:log.emit"], [])
    assert version.manifest is None and version.yanked_at is None
    assert install is not None and (install.config, install.previous, install.pending) == ({"colour": "blue"}, None, None)


async def test_rows_of_revision_0003_stay_as_they_are_and_their_changes_count(url: str) -> None:
    await migrate(url, to="0003")
    with _open(url) as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
        connection.commit()
        before = _rows(connection)
    assert (await migrate(url)).before == "0003"
    with _open(url) as connection:
        assert _rows(connection) == before
    with watched_sql(url) as run:
        assert run("UPDATE tenant_extension_install SET is_enabled = false") == {TENANT}
        assert run("UPDATE extension_version SET runtime = 'x'") == {SHARED}
        assert run("UPDATE tenants SET client_name = 'x' WHERE 1 = 0") == set()


IDS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(20)]
OTHER = "22222222-2222-4222-8222-222222222222"


def _populate_0002(connection: Connection) -> dict[str, str]:
    """Versions as the release before wrote them; by what they are, their ids."""
    version_ids = dict(zip(("published", "one tenant", "two tenants", "stored", "no tenant", "moved"), IDS, strict=False))
    connection.execute(text(FIRST_ROWS[1]))
    for number, (kind, version_id) in enumerate(version_ids.items()):
        owner = f"'{TENANT}'" if kind == "published" else "NULL"
        connection.execute(
            text(
                "INSERT INTO extension_version (id, registry_id, version, runtime, main_entry, api, capabilities, api_endpoints, "
                f"published_tenant, created_at) VALUES ('{version_id}', '{REGISTRY_ID}', '{number}.0.0', 'wasm-js@1', 'main', '{{}}', "
                f"'[]', '[]', {owner}, '2026-01-01')"
            )
        )
    stored = {"published": TENANT, "one tenant": TENANT, "stored": OTHER, "moved": TENANT}
    for number, (kind, tenant_id) in enumerate(stored.items()):
        url = f"tenants/{tenant_id}/extensions/{REGISTRY_ID}/sha256/{'a' * 64}/bundle.tar.zst"
        connection.execute(
            text(
                "INSERT INTO extension_bundle (id, version_id, content_hash, storage_url, created_at) "
                f"VALUES ('{IDS[10 + number]}', '{version_ids[kind]}', 'sha256:{'a' * 64}', '{url}', '2026-01-01')"
            )
        )
    # An install is unique by tenant and extension; that is not what this test is about, so every tenant here has one.
    installs = [("published", "t-1"), ("one tenant", TENANT), ("two tenants", "t-2"), ("two tenants", "t-3"), ("moved", OTHER)]
    for number, (kind, tenant_id) in enumerate(installs):
        connection.execute(
            text(
                "INSERT INTO tenant_extension_install (id, tenant_id, registry_id, version_id, granted_caps, granted_egress, config, "
                f"is_enabled, status, created_at, updated_at) VALUES ('{IDS[15 + number]}', '{tenant_id}', '{REGISTRY_ID}', "
                f"'{version_ids[kind]}', '[]', '[]', '{{}}', true, 'enabled', '2026-01-01', '2026-01-01')"
            )
        )
    connection.commit()
    return version_ids


def _rows(connection: Connection) -> dict[str, list[dict[str, object]]]:
    tables = ("extension_registry", "extension_version", "extension_bundle", "tenant_extension_install")
    return {
        table: [
            {name: value for name, value in row.items() if name != "private_tenant" and not name.startswith("quota_")}
            for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY id")).mappings()
        ]
        for table in tables
    }


async def test_versions_of_development_installs_become_private_and_no_row_changes_otherwise(url: str) -> None:
    await migrate(url, to="0002")
    with _open(url) as connection:
        version_ids = _populate_0002(connection)
        before = _rows(connection)
    await migrate(url)
    with _open(url) as connection:
        assert _rows(connection) == before
        owners = {str(row[0]): row[1] for row in connection.execute(text("SELECT id, private_tenant FROM extension_version"))}
    assert {kind: owners[version_id] for kind, version_id in version_ids.items()} == {
        "published": None,
        "one tenant": TENANT,
        "two tenants": None,
        "stored": OTHER,
        "no tenant": None,
        "moved": OTHER,
    }


async def test_the_keys_of_each_namespace_are_counted_and_no_stored_record_changes(url: str) -> None:
    await migrate(url, to="0003")
    stored = [(TENANT, IDS[0], "a", 3), (TENANT, IDS[0], "b", 1), (TENANT, IDS[1], "a", 2), (OTHER, IDS[2], "a", 1)]
    with _open(url) as connection:
        for tenant_id, install_id, namespace, keys in stored:
            for key in range(keys):
                connection.execute(
                    text(
                        "INSERT INTO ext_storage_records (tenant, extension_install_id, namespace, key, revision, value, metadata, "
                        "value_size_bytes, metadata_size_bytes, created_at, updated_at) VALUES "
                        f"('{tenant_id}', '{install_id}', '{namespace}', 'k{key}', 7, '1', '{{}}', 1, 2, '2026-01-01', '2026-01-01')"
                    )
                )
        connection.commit()
        query = text("SELECT * FROM ext_storage_records ORDER BY tenant, extension_install_id, namespace, key")
        before = connection.execute(query).all()
    await migrate(url)
    with _open(url) as connection:
        assert connection.execute(query).all() == before
        counts = connection.execute(text("SELECT tenant, extension_install_id, namespace, keys_count FROM ext_storage_namespaces")).all()
    assert sorted((str(tenant_id), str(install_id), namespace, keys) for tenant_id, install_id, namespace, keys in counts) == sorted(stored)


async def _migrated_with_a_call(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Migrates a database of revision 0003 with one row in its audit log; the state of its retention."""
    await migrate(url, to="0003")
    with _open(url) as connection:
        row = f"'{IDS[0]}', '{TENANT}', '{REGISTRY_ID}', '{VERSION_ID}', '2020-01-01', 'ok'"
        connection.execute(
            text(f"INSERT INTO extension_execution_log (id, tenant_id, registry_id, version_id, started_at, status) VALUES ({row})")
        )
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()
    await migrate(url)
    with _open(url) as connection:
        assert connection.execute(text("SELECT status FROM extension_execution_log")).scalars().all() == ["ok"]
        state = connection.execute(text("SELECT made_by_holdfast, needs_notice, notified_at FROM extension_log_retention"))
        return [tuple(row) for row in state]


async def test_an_audit_log_with_rows_is_kept_until_notice_was_given(url: str) -> None:
    assert await _migrated_with_a_call(url) == [(True, True, None)]


async def test_an_audit_log_of_the_existing_platform_is_recorded_as_found(url: str) -> None:
    assert await _migrated_with_a_call(url, "CREATE TABLE knex_migrations (id integer)") == [(False, True, None)]


async def test_the_audit_log_of_a_new_database_needs_no_notice(url: str) -> None:
    await migrate(url)
    with _open(url) as connection:
        state = connection.execute(text("SELECT made_by_holdfast, needs_notice, notified_at FROM extension_log_retention")).all()
    assert [tuple(row) for row in state] == [(True, False, None)]


async def test_what_installs_have_used_stays_and_has_counted_no_fuel(url: str) -> None:
    await migrate(url, to="0003")
    with _open(url) as connection:
        for day in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO extension_quota_usage (tenant_id, registry_id, window_start, cpu_ms, mem_mb_ms, invocations, egress_bytes)"
                    f" VALUES ('{TENANT}', '{REGISTRY_ID}', '2026-01-0{day} 00:00:00', 7, 8, {day}, 9)"
                )
            )
        connection.commit()
    await migrate(url)
    with _open(url) as connection:
        query = "SELECT cpu_ms, mem_mb_ms, invocations, egress_bytes, fuel FROM extension_quota_usage ORDER BY window_start"
        assert connection.execute(text(query)).all() == [(7, 8, 1, 9, 0), (7, 8, 2, 9, 0)]


async def test_installs_stay_and_have_no_quotas_of_their_own(url: str) -> None:
    await migrate(url, to="0008")
    with _open(url) as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
        connection.commit()
        before = connection.execute(text("SELECT * FROM tenant_extension_install")).mappings().one()
    await migrate(url)
    with _open(url) as connection:
        after = dict(connection.execute(text("SELECT * FROM tenant_extension_install")).mappings().one())
    own = {name: after.pop(name) for name in list(after) if name.startswith("quota_")}
    assert (after, set(own.values()), len(own)) == (dict(before), {None}, 5)


async def test_administrators_get_the_permissions_of_records_and_no_row_changes(url: str) -> None:
    await migrate(url, to="0010")
    role_id, user_id, permission_id = IDS[:3]
    other_role = IDS[3]
    with _open(url) as connection:
        for statement in (
            *FIRST_ROWS,
            f"INSERT INTO roles (role_id, tenant, role_name, msp, client) VALUES ('{role_id}', '{TENANT}', 'Admin', true, false)",
            f"INSERT INTO roles (role_id, tenant, role_name, msp, client) VALUES ('{other_role}', '{TENANT}', 'Helper', true, false)",
            "INSERT INTO permissions (permission_id, tenant, resource, action, msp, client) "
            f"VALUES ('{permission_id}', '{TENANT}', 'client', 'read', true, true)",
            f"INSERT INTO clients (client_id, tenant, client_name, is_inactive, created_at) "
            f"VALUES ('{user_id}', '{TENANT}', 'Acme', false, '2026-01-01')",
        ):
            connection.execute(text(statement))
        connection.commit()
    await migrate(url)
    with _open(url) as connection:
        granted = connection.execute(
            text("SELECT role_id, resource, action FROM role_permissions JOIN permissions USING (permission_id) ORDER BY resource, action")
        ).all()
        names = ("client read", "client write", "invoice create", "invoice read", "service read", "service write")
        assert [(str(one), f"{resource} {action}") for one, resource, action in granted] == [(role_id, name) for name in names]
        # The permission that was there is the one that was granted.
        kept = connection.execute(text("SELECT permission_id, client FROM permissions WHERE resource = 'client' AND action = 'read'")).all()
        assert [(str(one), bool(client)) for one, client in kept] == [(permission_id, True)]
        assert connection.execute(text("SELECT client_name, is_tax_exempt FROM clients")).all() == [("Acme", False)]


async def test_a_database_with_records_and_subscriptions_has_events_from_then_on(url: str) -> None:
    await migrate(url, to="0011")
    columns = "client_id, tenant, client_name, is_inactive, created_at"
    subscription = f"'{IDS[0]}', '{TENANT}', '{INSTALL_ID}', 'client.updated', 'POST /events', '2026-01-01'"
    with _open(url) as connection:
        for statement in (
            *FIRST_ROWS,
            f"INSERT INTO clients ({columns}) VALUES ('{IDS[1]}', '{TENANT}', 'Acme', false, '2026-01-01')",
            f"INSERT INTO extension_event_subscription (id, tenant_id, install_id, topic, handler, created_at) VALUES ({subscription})",
        ):
            connection.execute(text(statement))
        connection.commit()
    await migrate(url)
    with _open(url) as connection:
        assert connection.execute(text("SELECT client_name FROM clients")).scalars().all() == ["Acme"]
        assert connection.execute(text("SELECT topic, handler FROM extension_event_subscription")).all() == [
            ("client.updated", "POST /events")
        ]
        assert connection.execute(text("SELECT count(*) FROM extension_event")).scalar() == 0
        connection.execute(text("UPDATE clients SET client_name = 'Umbrella'"))
        assert connection.execute(text("SELECT topic, status FROM extension_event")).all() == [("client.updated", "waiting")]


async def test_tables_of_another_program_are_named_and_stay_as_they_are(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.partition("///")[2]).parent.mkdir(parents=True)
    with _open(url) as connection:
        # As the existing platform makes it: without time zones.
        connection.execute(
            text(
                f"CREATE TABLE extension_registry (id {'uuid' if connection.dialect.name == 'postgresql' else 'text'} PRIMARY KEY, "
                "publisher varchar(255) NOT NULL, name varchar(255) NOT NULL, display_name varchar(255), description text, "
                "created_at timestamp DEFAULT CURRENT_TIMESTAMP, updated_at timestamp DEFAULT CURRENT_TIMESTAMP, UNIQUE (publisher, name))"
            )
        )
        connection.execute(text(f"INSERT INTO extension_registry (id, publisher, name) VALUES ('{REGISTRY_ID}', 'acme', 'notes')"))
        connection.commit()
        before = connection.execute(text("SELECT * FROM extension_registry")).all()
    with rejected("database_tables_taken", match=r"extension_registry.* already exists.*Nothing was changed"):
        await migrate(url)
    with _open(url) as connection:
        assert connection.execute(text("SELECT * FROM extension_registry")).all() == before
        assert inspect(connection).get_table_names() == ["extension_registry"]


async def test_the_database_of_a_newer_version_is_refused_with_advice(url: str) -> None:
    await migrate(url)
    with _open(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
    with rejected("database_newer", match=r"revision 9999.*newer version of Holdfast"):
        await migrate(url)


@pytest.mark.parametrize("table", Base.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_made_on_postgres_with_native_types(table: object) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    ddl = str(CreateTable(table).compile(dialect=dialect))  # type: ignore[arg-type]
    ddl += "".join(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)  # type: ignore[attr-defined]
    assert "JSON," not in ddl and "DATETIME" not in ddl
    assert "VARCHAR(36)" not in ddl
