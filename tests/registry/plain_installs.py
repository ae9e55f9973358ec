"""Installs as rows alone, for tests that need no bundle."""

from __future__ import annotations

from msgspec import Struct

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.installs import ExtensionRegistry, ExtensionVersion, TenantExtensionInstall


class PlainInstall(Struct, frozen=True):
    """What was installed, and for whom."""

    tenant_id: str
    registry_id: str
    install_id: str
    slug: str


async def add_install(db: Database, tenant_id: str, name: str = "notes") -> PlainInstall:
    """Installs the extension `acme.<name>` for a tenant that has only this one of that name."""
    made = PlainInstall(tenant_id, new_id(), new_id(), f"acme.{name}")
    version_id = new_id()
    async with db.transaction() as session:
        session.add(ExtensionRegistry(id=made.registry_id, publisher="acme", name=name))
        await session.flush()
        session.add(
            ExtensionVersion(id=version_id, registry_id=made.registry_id, version="1.0.0", runtime="wasm-js@1", main_entry="dist/main")
        )
        await session.flush()
        session.add(TenantExtensionInstall(id=made.install_id, tenant_id=tenant_id, registry_id=made.registry_id, version_id=version_id))
    return made
