"""Fills a platform's database: many records of an extension, many calls in the audit log, many tenants with an install each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, insert, text

from bench.gateway.platforms import Running
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.records.database.columns import Base
from holdfast.records.models.users import ApiKey, Permission, Role, RolePermission, Tenant, User, UserRole
from holdfast.records.tokens import token_hash
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from tests.bundles.archives import bundle
from tests.engine import guests

RECORDS = 100_000
_NAMESPACES = 25  # an install may have 32, with 5,120 keys each
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Installed:
    """An install of a tenant of its own: the path of a call through the gateway, and the API key for it."""

    path: str
    api_key: str


def _connect(folder: Path, database: str | None) -> Connection:
    engine = create_engine(f"sqlite:///{folder / 'data' / 'holdfast.db'}" if database is None else database)
    return engine.connect()


def many_records(folder: Path, database: str | None, running: Running) -> None:
    """100,000 records of the platform's extension, counted in its usage."""
    with _connect(folder, database) as connection, connection.begin():
        install_id = connection.execute(
            text("SELECT id FROM tenant_extension_install WHERE registry_id = :registry"), {"registry": running.registry_id}
        ).scalar_one()
        uuid_type = "" if database is None else "::uuid"
        json_type = "" if database is None else "::jsonb"
        connection.execute(
            text(
                f"""INSERT INTO ext_storage_records (tenant, extension_install_id, namespace, key, revision, value, metadata,
                    value_size_bytes, metadata_size_bytes, created_at, updated_at)
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
                SELECT (:tenant){uuid_type}, (:install){uuid_type}, 'filled-' || (i % {_NAMESPACES}), 'key-' || i, 1,
                    ('{{"text": "a note"}}'){json_type}, ('{{}}'){json_type}, 18, 2, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM n"""
            ),
            {"count": RECORDS, "tenant": running.tenant, "install": str(install_id)},
        )


def many_calls(connection: Connection, running: Running, *, is_sqlite: bool, count: int) -> None:
    """`count` completed calls in the audit log, of the last 30 days."""
    make_id = "printf('%08x-0000-4000-8000-%012x', i, i)" if is_sqlite else "gen_random_uuid()"
    started = "datetime('now', '-' || (i % 2592000) || ' seconds')" if is_sqlite else "now() - make_interval(secs => i % 2592000)"
    cast = "" if is_sqlite else "::uuid"
    metrics = """'{"method": "GET", "path": "/", "endpoint_template": "/", "principal_kind": "msp", "http_status": 200}'"""
    connection.execute(
        text(
            f"""INSERT INTO extension_execution_log (id, tenant_id, registry_id, version_id, request_id, started_at, finished_at, status,
                metrics)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
            SELECT {make_id}, :tenant, (:registry){cast}, (:registry){cast}, 'request-' || i, {started}, {started}, 'ok',
                {metrics}{"" if is_sqlite else "::jsonb"} FROM n"""
        ),
        {"count": count, "tenant": running.tenant, "registry": running.registry_id},
    )


def many_installs(connection: Connection, store: Path, wasm: Path, *, tenants: int, installs: int) -> list[Installed]:
    """Tenants, of which the first ones have an install each: of an extension, a version and a bundle with a component of its own."""
    ids = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"tenant {number}")) for number in range(tenants)]
    connection.execute(insert(Tenant), [{"tenant": one, "client_name": f"Tenant {n}", "created_at": _NOW} for n, one in enumerate(ids)])
    return _add_installs(connection, store, wasm, ids[:installs])


def _add_installs(connection: Connection, store: Path, wasm: Path, tenants: Sequence[str]) -> list[Installed]:
    added = [_Rows(connection, tenant, number) for number, tenant in enumerate(tenants)]
    for rows in added:
        rows.add_user()
        rows.add_install(store, wasm)
    return [Installed(f"/api/ext/{rows.registry_id}", rows.api_key) for rows in added]


class _Rows:
    """The rows of one tenant with one install."""

    def __init__(self, connection: Connection, tenant: str, number: int) -> None:
        self._connection = connection
        self._tenant = tenant
        self._number = number
        self.registry_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"extension {number}"))
        self.api_key = f"hf_{number:043d}"

    def add_user(self) -> None:
        """A user who may call extensions, and an API key."""
        user, role, permission = (str(uuid.uuid4()) for _ in range(3))
        tenant = {"tenant": self._tenant}
        person = {"username": f"user-{self._number}", "email": f"user-{self._number}@example.com", "hashed_password": "-"}
        rows: dict[type[Base], dict[str, Any]] = {
            User: {"user_id": user, "user_type": "internal", "is_inactive": False, "created_at": _NOW} | person,
            Role: {"role_id": role, "role_name": "Technician", "msp": True, "client": False},
            Permission: {"permission_id": permission, "resource": "extension", "action": "read", "msp": True, "client": False},
            RolePermission: {"role_id": role, "permission_id": permission},
            UserRole: {"user_id": user, "role_id": role},
            ApiKey: {
                "api_key_id": str(uuid.uuid4()),
                "user_id": user,
                "key_hash": token_hash(self.api_key),
                "prefix": self.api_key[:10],
                "scopes": ["*"],
                "created_at": _NOW,
                "revoked": False,
            },
        }
        for model, values in rows.items():
            self._connection.execute(insert(model), [values | tenant])

    def add_install(self, store: Path, wasm: Path) -> None:
        """The extension with one version, its bundle in the store, and the tenant's install of it."""
        archive = self._bundle(store.with_name("bundle.tar.zst"), wasm)
        digest = hash_file(archive)
        target = store / bundle_key(self._tenant, self.registry_id, digest)
        target.parent.mkdir(parents=True)
        archive.rename(target)
        version, times = str(uuid.uuid4()), {"created_at": _NOW}
        endpoints = [{"method": "GET", "path": "/", "handler": "dist/main"}]
        rows: dict[type[Base], dict[str, Any]] = {
            ExtensionRegistry: {"id": self.registry_id, "publisher": "Example", "name": f"filled-{self._number}", "updated_at": _NOW},
            ExtensionVersion: {
                "id": version,
                "registry_id": self.registry_id,
                "version": "1.0.0",
                "runtime": "wasm-js@1",
                "main_entry": "dist/main.wasm",
                "api_endpoints": endpoints,
                "private_tenant": self._tenant,
            },
            ExtensionBundle: {"id": str(uuid.uuid4()), "version_id": version, "content_hash": f"sha256:{digest}"},
            TenantExtensionInstall: {
                "id": str(uuid.uuid4()),
                "tenant_id": self._tenant,
                "registry_id": self.registry_id,
                "version_id": version,
                "granted_caps": [],
                "updated_at": _NOW,
            },
        }
        for model, values in rows.items():
            self._connection.execute(insert(model), [values | times])

    def _bundle(self, path: Path, wasm: Path) -> Path:
        # The guest's response body is its number, so that each component is another one without being assembled again.
        content = wasm.read_bytes().replace(PLACEHOLDER, f"{self._number:0{len(PLACEHOLDER)}d}".encode())
        assert content != wasm.read_bytes()
        manifest = {"name": f"com.example.filled-{self._number}", "version": "1.0.0", "runtime": "wasm-js@1"}
        return bundle(path, {"manifest.json": json.dumps(manifest).encode(), "dist/main.wasm": content})


PLACEHOLDER = b"placeholder."


def tiny_component() -> Path:
    """A component of a few hundred bytes that responds with PLACEHOLDER."""
    return guests.assemble(guests.module(guests.RETURN, response=guests.response_record(200, PLACEHOLDER)))
