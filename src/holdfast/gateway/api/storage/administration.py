"""Changes the schemas of an install's namespaces, for the REST API and for commands on a data folder. The audit log has each change."""

from __future__ import annotations

from typing import Any, Literal

from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.models.ids import slug
from holdfast.storage.records import InstallKey
from holdfast.storage.schemas import NamespaceSchema, NamespaceSchemas


class SchemaAdministration:
    """The schemas of one install. Raises StorageError, as `NamespaceSchemas` does."""

    def __init__(self, db: Database, actor: Actor, registry_id: str, name: str, schemas: NamespaceSchemas) -> None:
        self._db = db
        self._actor = actor
        self._registry_id, self._name = registry_id, name
        self._schemas = schemas

    @classmethod
    async def open(cls, db: Database, actor: Actor, extension: str) -> SchemaAdministration:
        """Finds the install. Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`)."""
        async with db.session() as session:
            install, registry, _version = await require_install(session, actor.tenant_id, extension)
            name = slug(registry.publisher, registry.name)
            return cls(db, actor, registry.id, name, NamespaceSchemas(db, InstallKey(actor.tenant_id, install.id)))

    async def list_schemas(self, namespace: str | None) -> list[NamespaceSchema]:
        """All of them, or those of a namespace."""
        return await self._schemas.list_schemas(namespace)

    async def register(self, namespace: str, version: int, document: dict[str, Any], *, activate: bool) -> NamespaceSchema:
        """Registers a version as a draft, or as the active one."""
        created_by = self._actor.user_id
        return await self._audited(await self._schemas.register(namespace, version, document, activate=activate, created_by=created_by))

    async def set_status(self, namespace: str, version: int, status: Literal["active", "deprecated"]) -> NamespaceSchema:
        """Activates or deprecates a version."""
        return await self._audited(await self._schemas.set_status(namespace, version, status))

    async def _audited(self, schema: NamespaceSchema) -> NamespaceSchema:
        async with self._db.transaction() as session:
            record_audit(
                session,
                self._actor,
                "storage_schema.changed",
                resource_id=self._registry_id,
                resource_name=self._name,
                now=schema.updated_at,
                namespace=schema.namespace,
                schema_version=schema.schema_version,
                status=schema.status,
            )
        return schema
