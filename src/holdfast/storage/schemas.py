"""The schemas of an install's namespaces: registered as drafts, activated, deprecated.

    register ──► draft ──► active ──► deprecated
                   │          ▲            │
                   │          └────────────┘  at most one is active: activating one deprecates the other
                   └── its document can be replaced; that of the others cannot

A write without a version has to satisfy the active schema. One that names a version has to satisfy that one, active or deprecated: so
writers can follow at their own pace. Records that are stored already are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.columns import Timestamp, UuidText, utc_now
from holdfast.records.database.database import Database
from holdfast.storage.errors import StorageError
from holdfast.storage.limits import check_namespace
from holdfast.storage.records import InstallKey
from holdfast.storage.schema_documents import check_document
from holdfast.storage.tables import StorageSchema, StorageUsage

Status = Literal["active", "deprecated", "draft"]

MAX_VERSION = 2**31 - 1
MAX_SCHEMAS = 200
"""Schemas of one install."""


_TENANT, _INSTALL = bindparam("tenant", type_=UuidText), bindparam("install", type_=UuidText)
_CREATE_USAGE = text(
    "INSERT INTO ext_storage_usage (tenant, extension_install_id, bytes_used, keys_count, namespaces_count, updated_at) "
    "VALUES (:tenant, :install, 0, 0, 0, :now) ON CONFLICT DO NOTHING"
).bindparams(_TENANT, _INSTALL, bindparam("now", type_=Timestamp))
_LOCK_USAGE = (
    select(StorageUsage.bytes_used).where(StorageUsage.tenant == _TENANT, StorageUsage.extension_install_id == _INSTALL).with_for_update()
)


class NamespaceSchema(Struct, frozen=True, kw_only=True):
    """One version of the schema of a namespace."""

    namespace: str
    schema_version: int
    status: Status
    schema: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class NamespaceSchemas:
    """The schemas of one install."""

    def __init__(self, db: Database, install: InstallKey, *, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._install = install
        self._now = now

    async def list_schemas(self, namespace: str | None = None) -> list[NamespaceSchema]:
        """All of them, or those of a namespace, by namespace and version."""
        query = self._query()
        if namespace is not None:
            check_namespace(namespace)
            query = query.where(StorageSchema.namespace == namespace)
        async with self._db.session() as session:
            rows = await session.scalars(query.order_by(StorageSchema.namespace, StorageSchema.schema_version))
            return [_result(row) for row in rows]

    async def register(
        self, namespace: str, version: int, document: dict[str, Any], *, activate: bool = False, created_by: str | None = None
    ) -> NamespaceSchema:
        """Registers a version as a draft, or replaces the document of a draft; with `activate`, makes it the active one.

        To register a document again that is registered is no error. Raises StorageError: `VALIDATION_FAILED`, `LIMIT_EXCEEDED`;
        `SCHEMA_EXISTS` when the version is no draft and has another document; `QUOTA_EXCEEDED` for too many schemas.
        """
        check_namespace(namespace)
        if not 1 <= version <= MAX_VERSION:
            raise StorageError("VALIDATION_FAILED", f"The version of a schema is a whole number from 1 to {MAX_VERSION}.")
        check_document(document)
        async with self._db.transaction() as session:
            rows = await self._lock(session)
            row = _find(rows, namespace, version)
            if row is None:
                row = self._add(session, rows, namespace, version, document, created_by)
            elif row.schema_document != document:
                if row.status != "draft":
                    raise StorageError(
                        "SCHEMA_EXISTS",
                        f"Version {version} of the schema of {namespace!r} is {row.status}, and has another document.",
                        hint="Register the document under a new version.",
                    )
                row.schema_document = document
                row.updated_at = self._now()
            if activate:
                await self._activate(session, rows, row)
            await session.flush()
            return _result(row)

    async def set_status(self, namespace: str, version: int, status: Status) -> NamespaceSchema:
        """Activates or deprecates a version. Raises StorageError: `NOT_FOUND`, or `VALIDATION_FAILED` for a way back to a draft."""
        check_namespace(namespace)
        async with self._db.transaction() as session:
            rows = await self._lock(session)
            row = _find(rows, namespace, version)
            if row is None:
                raise StorageError("NOT_FOUND", f"The namespace {namespace!r} has no version {version} of a schema.")
            if status == "active":
                await self._activate(session, rows, row)
            elif status != row.status:
                if status == "draft":
                    raise StorageError("VALIDATION_FAILED", "A schema that was active does not become a draft again.")
                row.status = status
                row.updated_at = self._now()
            await session.flush()
            return _result(row)

    def _query(self) -> Any:
        return select(StorageSchema).where(
            StorageSchema.tenant == self._install.tenant_id, StorageSchema.extension_install_id == self._install.install_id
        )

    async def _lock(self, session: AsyncSession) -> list[StorageSchema]:
        """The schemas, after the usage row of the install is locked: two first registrations follow each other, and so do writes."""
        params = {"tenant": self._install.tenant_id, "install": self._install.install_id, "now": self._now()}
        await session.execute(_CREATE_USAGE, params)
        await session.execute(_LOCK_USAGE, params)
        return list(await session.scalars(self._query()))

    def _add(
        self,
        session: AsyncSession,
        rows: list[StorageSchema],
        namespace: str,
        version: int,
        document: dict[str, Any],
        created_by: str | None,
    ) -> StorageSchema:
        if len(rows) >= MAX_SCHEMAS:
            raise StorageError(
                "QUOTA_EXCEEDED",
                f"An install has at most {MAX_SCHEMAS} schemas.",
                details={"limit": MAX_SCHEMAS, "attempted": len(rows) + 1},
            )
        now = self._now()
        row = StorageSchema(
            tenant=self._install.tenant_id,
            extension_install_id=self._install.install_id,
            namespace=namespace,
            schema_version=version,
            schema_document=document,
            status="draft",
            created_by=created_by,
            created_at=now,
            updated_at=now,
        )
        session.add(row)
        return row

    async def _activate(self, session: AsyncSession, rows: list[StorageSchema], row: StorageSchema) -> None:
        if row.status == "active":
            return
        now = self._now()
        for other in rows:
            if other.namespace == row.namespace and other.status == "active":
                other.status = "deprecated"
                other.updated_at = now
        # First, because a unique index allows one active schema at any time.
        await session.flush()
        row.status = "active"
        row.updated_at = now


def _find(rows: list[StorageSchema], namespace: str, version: int) -> StorageSchema | None:
    return next((row for row in rows if (row.namespace, row.schema_version) == (namespace, version)), None)


def _result(row: StorageSchema) -> NamespaceSchema:
    status: Status = "active" if row.status == "active" else "deprecated" if row.status == "deprecated" else "draft"
    return NamespaceSchema(
        namespace=row.namespace,
        schema_version=row.schema_version,
        status=status,
        schema=row.schema_document,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
