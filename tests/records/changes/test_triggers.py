"""Every change of what decides calls counts for its tenant, also one by SQL typed by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import psycopg
import pytest

from holdfast.records.changes.feed import CHANNEL, SHARED
from holdfast.records.changes.tables import SHARED_TABLES, TENANT_TABLES, decides_calls
from holdfast.records.database.address import database_address
from tests.records.changes.watching import Run, notifications, watched_sql
from tests.records.databases import OTHER_TENANT, TENANT, on_postgres, on_sqlite

ID = "00000000-0000-4000-8000-000000000001"
OTHER_ID = "00000000-0000-4000-8000-000000000002"
NOW = "'2026-01-01'"

ROWS: dict[str, dict[str, object]] = {
    "tenants": {"tenant": TENANT, "client_name": "First", "created_at": NOW},
    "clients": {"client_id": ID, "tenant": TENANT, "client_name": "C", "is_inactive": False, "created_at": NOW},
    "contacts": {"contact_name_id": ID, "tenant": TENANT, "client_id": ID, "full_name": "Ada"},
    "users": {
        **{"user_id": ID, "tenant": TENANT, "username": "ada", "email": "ada@example.com", "hashed_password": "x"},
        **{"user_type": "internal", "contact_id": ID, "is_inactive": False, "created_at": NOW},
    },
    "roles": {"role_id": ID, "tenant": TENANT, "role_name": "R", "msp": True, "client": False},
    "permissions": {"permission_id": ID, "tenant": TENANT, "resource": "extension", "action": "read", "msp": True, "client": False},
    "role_permissions": {"role_id": ID, "permission_id": ID, "tenant": TENANT},
    "user_roles": {"user_id": ID, "role_id": ID, "tenant": TENANT},
    "sessions": {"token_hash": "t", "tenant": TENANT, "user_id": ID, "created_at": NOW, "expires_at": NOW},
    "api_keys": {
        **{"api_key_id": ID, "tenant": TENANT, "user_id": ID, "key_hash": "k", "prefix": "hf_", "scopes": "[]"},
        **{"created_at": NOW, "revoked": False},
    },
    "extension_registry": {"id": ID, "publisher": "acme", "name": "notes", "created_at": NOW, "updated_at": NOW},
    "extension_version": {
        **{"id": ID, "registry_id": ID, "version": "1.0.0", "runtime": "wasm-js@1", "main_entry": "main", "api": "{}"},
        **{"capabilities": "[]", "api_endpoints": "[]", "created_at": NOW},
    },
    "extension_bundle": {"id": ID, "version_id": ID, "content_hash": "sha256:00", "created_at": NOW},
    "tenant_extension_install": {
        **{"id": ID, "tenant_id": TENANT, "registry_id": ID, "version_id": ID, "granted_caps": "[]", "granted_egress": "[]"},
        **{"config": "{}", "is_enabled": True, "status": "enabled", "created_at": NOW, "updated_at": NOW},
    },
    "tenant_extension_install_config": {
        **{"id": ID, "install_id": ID, "tenant_id": TENANT, "config": "{}", "providers": "[]", "version": "1"},
        **{"created_at": NOW, "updated_at": NOW},
    },
    "tenant_extension_install_secrets": {
        **{"id": ID, "install_id": ID, "tenant_id": TENANT, "ciphertext": "x", "algorithm": "y", "created_at": NOW, "updated_at": NOW},
    },
}
UNKNOWN_BEFORE = ("sessions", "api_keys")
"""A new row of these decides nothing: gateways remember nothing about credentials that do not exist."""
SCOPES = dict.fromkeys(TENANT_TABLES, TENANT) | dict.fromkeys(SHARED_TABLES, SHARED)


def insert_of(table: str) -> str:
    row = ROWS[table]
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(_literal(value) for value in row.values())})"


def _literal(value: object) -> str:
    return str(value) if isinstance(value, bool) or value == NOW else f"'{value}'"


@pytest.fixture
def run(database_url: str) -> Iterator[Run]:
    with watched_sql(database_url) as run:
        yield run


@pytest.fixture
def populated(run: Run) -> Run:
    """A row in every table."""
    for table in ROWS:
        run(insert_of(table))
    return run


def test_inserts_updates_and_deletes_count_for_the_tenant_of_the_row(run: Run) -> None:
    for table in ROWS:
        counts = table in SCOPES and table not in UNKNOWN_BEFORE
        assert run(insert_of(table)) == ({SCOPES[table]} if counts else set()), table
    for table, row in ROWS.items():
        column = next(iter(row))
        assert run(f"UPDATE {table} SET {column} = {column}") == ({SCOPES[table]} if table in SCOPES else set()), table
        assert run(f"UPDATE {table} SET {column} = {column} WHERE 1 = 0") == set(), table
    for table in reversed(ROWS):
        expected = {SCOPES[table]} if table in SCOPES else set()
        # Deleting what others refer to changes these too.
        assert run(f"DELETE FROM {table}") >= expected, table
        assert run(f"DELETE FROM {table}") == set(), table


def test_what_a_deleted_tenant_takes_along_counts(populated: Run) -> None:
    # The rows that the cascade deletes belong to another tenant here, so that it alone shows that they count.
    populated(f"INSERT INTO tenants (tenant, client_name, created_at) VALUES ('{OTHER_TENANT}', 'Second', {NOW})")
    populated(f"UPDATE user_roles SET tenant = '{OTHER_TENANT}'")
    assert populated(f"DELETE FROM users WHERE user_id = '{ID}'") == {TENANT, OTHER_TENANT}
    assert populated(f"DELETE FROM tenants WHERE tenant = '{TENANT}'") == {TENANT}


def test_a_deleted_client_changes_its_contacts_and_a_deleted_extension_its_installs(populated: Run) -> None:
    assert populated(f"DELETE FROM clients WHERE client_id = '{ID}'") == {TENANT}
    assert populated(f"DELETE FROM extension_registry WHERE id = '{ID}'") == {SHARED, TENANT}


def test_a_row_that_moves_to_another_tenant_counts_for_both(populated: Run) -> None:
    populated(f"INSERT INTO tenants (tenant, client_name, created_at) VALUES ('{OTHER_TENANT}', 'Second', {NOW})")
    assert populated(f"UPDATE tenant_extension_install SET tenant_id = '{OTHER_TENANT}'") == {TENANT, OTHER_TENANT}
    assert populated(f"UPDATE sessions SET tenant = '{OTHER_TENANT}'") == {TENANT, OTHER_TENANT}


@on_postgres
def test_an_insert_that_becomes_an_update_counts_on_postgres(populated: Run) -> None:
    for table, key in (("sessions", "token_hash"), ("api_keys", "key_hash"), ("user_roles", "user_id, role_id")):
        assert populated(f"{insert_of(table)} ON CONFLICT ({key}) DO NOTHING") == set()
        assert populated(f"{insert_of(table)} ON CONFLICT ({key}) DO UPDATE SET tenant = EXCLUDED.tenant") == {TENANT}


@on_sqlite
def test_statements_with_a_conflict_clause_count_on_sqlite(populated: Run) -> None:
    key = insert_of("api_keys").removeprefix("INSERT")
    assert populated(f"INSERT OR REPLACE{key}") == {SHARED}
    assert populated(f"REPLACE{key}") == {SHARED}
    assert populated(f"REPLACE{insert_of('sessions').removeprefix('INSERT')}") == {SHARED}
    assert populated(f"REPLACE{insert_of('permissions').removeprefix('INSERT')}") == {TENANT}
    assert populated("UPDATE OR REPLACE api_keys SET revoked = 1") == {TENANT}
    assert populated("UPDATE OR IGNORE api_keys SET revoked = 1") == {TENANT}


@on_sqlite
def test_a_counter_that_was_deleted_does_not_repeat_its_values(populated: Run, database_url: str) -> None:
    file = str(database_address(database_url).database)

    def counter() -> int:
        with sqlite3.connect(file) as connection:
            found: int = connection.execute("SELECT counter FROM change_counters WHERE scope = ?", (TENANT,)).fetchone()[0]
        connection.close()
        return found

    seen = {counter()}
    for _ in range(5):
        populated(f"DELETE FROM change_counters WHERE scope = '{TENANT}'; UPDATE users SET is_inactive = 1")
        assert counter() not in seen
        seen.add(counter())


@on_postgres
def test_truncate_counts_for_all_tenants_on_postgres(populated: Run) -> None:
    for table in SCOPES:
        assert populated(f"TRUNCATE {table} CASCADE") == {SHARED}, table


@on_postgres
def test_a_bulk_change_sends_one_notification_for_each_tenant_or_one_for_all(database_url: str) -> None:
    address = database_address(database_url)
    _, options = address.get_dialect()().create_connect_args(address)
    tenants = "SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 'many', now() FROM generate_series(1, {}) AS n"
    with psycopg.connect(**options, autocommit=True) as writer, psycopg.connect(**options, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        assert len(notifications(writer, listener, f"INSERT INTO tenants {tenants.format(100)}")) == 100
        rows = "SELECT gen_random_uuid(), tenant, 'name' || n, true, false FROM tenants, generate_series(1, 50) AS n"
        assert len(notifications(writer, listener, f"INSERT INTO roles (role_id, tenant, role_name, msp, client) {rows}")) == 100
        assert len(notifications(writer, listener, "DELETE FROM tenants")) == 100
        assert notifications(writer, listener, f"INSERT INTO tenants {tenants.format(101)}") == [SHARED]
        assert notifications(writer, listener, "UPDATE tenants SET client_name = 'x'") == [SHARED]


@pytest.mark.parametrize(
    ("statement", "decides"),
    [
        ("UPDATE api_keys SET revoked=%(revoked)s WHERE api_keys.tenant = 'x'", True),
        ("DELETE FROM sessions WHERE sessions.user_id = 'x'", True),
        ("delete from only user_roles", True),
        ("DELETE FROM clients WHERE client_id = 'x'", True),
        ("UPDATE clients SET client_name = 'x'", False),
        ('UPDATE "users" SET is_inactive = true', True),
        ("INSERT INTO user_roles (user_id) VALUES ('x')", True),
        ("INSERT INTO tenant_extension_install_config (id) VALUES ('x')", True),
        ("INSERT INTO extension_bundle (id) VALUES ('x')", True),
        ("UPDATE extension_bundle SET content_hash = 'x'", True),
        ("INSERT INTO sessions (token_hash) VALUES ('x')", False),
        ("INSERT INTO api_keys (key_hash) VALUES ('x')", False),
        ("UPDATE extension_execution_log SET error = 'UPDATE users'", False),
        ("INSERT INTO extension_audit_logs (details) VALUES ('DELETE FROM users')", False),
        ("SELECT user_id FROM users FOR UPDATE", False),
    ],
)
def test_a_commit_waits_for_gateways_after_statements_that_can_change_a_decision(statement: str, decides: bool) -> None:
    assert decides_calls(statement) is decides
