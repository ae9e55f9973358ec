"""Installing in tests: ADA publishes, EVE (of another tenant) installs, and what she has then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import Base
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import STORAGE_GRACE
from holdfast.registry.installs.call_context import InstallContext, install_context
from holdfast.registry.installs.grants import grant, read_grants, revoke
from holdfast.registry.installs.results import Grants, Installed, Uninstalled, Upgraded
from holdfast.registry.lifecycle.install import install_version
from holdfast.registry.lifecycle.rollback import rollback_install
from holdfast.registry.lifecycle.uninstall import uninstall
from holdfast.registry.lifecycle.upgrade import upgrade_install
from holdfast.registry.models.installs import (
    ExtensionApiEndpoint,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallSecrets,
    TenantExtensionSchedule,
)
from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.registry.collaborators import collaborators
from tests.registry.extensions import UNSIGNED_TOO
from tests.registry.publisher import EVE, Publisher

NOTES = "acme.com.example.notes"


class Installer(Publisher):
    """A publisher, and the installer where its versions are installed. Each call takes a second of the clock."""

    policy: TrustPolicy = UNSIGNED_TOO

    async def install(
        self,
        version: str | None = None,
        *,
        actor: Actor = EVE,
        store: BundleStore | None = None,
        db: Database | None = None,
        capabilities: list[str] | None = None,
        egress: list[str] | None = None,
        domain_root: str | None = None,
    ) -> Installed:
        self.clock.advance(1)
        return await install_version(
            collaborators(db or self.db, store or self.store, policy=self.policy, domain_root=domain_root, now=self.clock),
            actor=actor,
            extension=NOTES,
            version=version,
            capabilities=capabilities,
            egress=egress,
        )

    async def upgrade(
        self,
        version: str | None = None,
        *,
        actor: Actor = EVE,
        store: BundleStore | None = None,
        db: Database | None = None,
        consent: bool = False,
        disable_missing: bool = False,
    ) -> Upgraded:
        self.clock.advance(1)
        return await upgrade_install(
            collaborators(db or self.db, store or self.store, policy=self.policy, now=self.clock),
            actor=actor,
            extension=NOTES,
            version=version,
            consent=consent,
            disable_missing_schedules=disable_missing,
        )

    async def rollback(
        self,
        *,
        actor: Actor = EVE,
        store: BundleStore | None = None,
        db: Database | None = None,
        disable_missing: bool = False,
    ) -> Upgraded:
        self.clock.advance(1)
        return await rollback_install(
            collaborators(db or self.db, store or self.store, policy=self.policy, now=self.clock),
            actor=actor,
            extension=NOTES,
            disable_missing_schedules=disable_missing,
        )

    async def uninstall(
        self,
        *,
        actor: Actor = EVE,
        store: BundleStore | None = None,
        db: Database | None = None,
        grace: timedelta = STORAGE_GRACE,
    ) -> Uninstalled:
        self.clock.advance(1)
        return await uninstall(
            collaborators(db or self.db, store or self.store, storage_grace=grace, now=self.clock), actor=actor, extension=NOTES
        )

    async def grant(self, *capabilities: str, egress: tuple[str, ...] = (), actor: Actor = EVE) -> Grants:
        self.clock.advance(1)
        return await grant(self.db, actor=actor, extension=NOTES, capabilities=capabilities, egress=egress, now=self.clock)

    async def revoke(self, *capabilities: str, egress: tuple[str, ...] = (), actor: Actor = EVE) -> Grants:
        self.clock.advance(1)
        return await revoke(self.db, actor=actor, extension=NOTES, capabilities=capabilities, egress=egress, now=self.clock)

    async def grants(self, *, actor: Actor = EVE) -> Grants:
        return await read_grants(self.db, tenant_id=actor.tenant_id, extension=NOTES)

    async def row(self, *, actor: Actor = EVE) -> TenantExtensionInstall:
        """The row of the tenant's install."""
        async with self.db.session() as session:
            query = select(TenantExtensionInstall).where(TenantExtensionInstall.tenant_id == actor.tenant_id)
            return (await session.scalars(query)).one()

    async def context(self, *, actor: Actor = EVE) -> InstallContext:
        found = await install_context(self.db, actor.tenant_id, NOTES, only_enabled=False)
        assert found is not None
        return found

    async def events(self, *, actor: Actor = EVE) -> list[str]:
        """What the tenant's audit log has, in its order."""
        async with self.db.session() as session:
            query = select(ExtensionAuditLog.event_type).where(ExtensionAuditLog.tenant == actor.tenant_id)
            return list((await session.scalars(query.order_by(ExtensionAuditLog.created_at))).all())

    async def count(self, table: type[Base]) -> int:
        async with self.db.session() as session:
            return await session.scalar(select(func.count()).select_from(table)) or 0

    async def schedule(self, method: str, path: str, *, actor: Actor = EVE, **values: Any) -> str:
        """Schedules an endpoint of the installed version. Returns the schedule's id."""
        install = await self.row(actor=actor)
        schedule_id = new_id()
        async with self.db.transaction() as session:
            endpoint_id = await session.scalar(
                select(ExtensionApiEndpoint.id).where(
                    ExtensionApiEndpoint.version_id == install.version_id,
                    ExtensionApiEndpoint.method == method,
                    ExtensionApiEndpoint.path == path,
                )
            )
            assert endpoint_id is not None
            session.add(
                TenantExtensionSchedule(
                    id=schedule_id,
                    install_id=install.id,
                    tenant_id=actor.tenant_id,
                    endpoint_id=endpoint_id,
                    cron="0 * * * *",
                    created_at=self.clock(),
                    updated_at=self.clock(),
                    **values,
                )
            )
        return schedule_id

    async def schedules(self) -> dict[str, tuple[TenantExtensionSchedule, str]]:
        """Each schedule by its id, with `METHOD /path` and the version of its endpoint."""
        async with self.db.session() as session:
            rows = await session.execute(
                select(TenantExtensionSchedule, ExtensionApiEndpoint, ExtensionVersion)
                .join(ExtensionApiEndpoint, ExtensionApiEndpoint.id == TenantExtensionSchedule.endpoint_id)
                .join(ExtensionVersion, ExtensionVersion.id == ExtensionApiEndpoint.version_id)
            )
            return {row.id: (row, f"{endpoint.method} {endpoint.path} of {version.version}") for row, endpoint, version in rows}

    async def seal(self, *, actor: Actor = EVE) -> None:
        """Adds a row of secrets to the install; no test opens it."""
        install = await self.row(actor=actor)
        async with self.db.transaction() as session:
            session.add(
                TenantExtensionInstallSecrets(install_id=install.id, tenant_id=actor.tenant_id, ciphertext="c2VhbGVk", algorithm="aes-gcm")
            )

    def copies(self, *, actor: Actor = EVE) -> list[str]:
        """The hashes (hex) of the bundles at the tenant's own place."""
        found = [key.split("/") for key in self.objects() if key.startswith(f"tenants/{actor.tenant_id}/") and key.endswith(".zst")]
        return sorted(parts[5] for parts in found)

    def copy_key(self, installed: Installed, *, actor: Actor = EVE) -> str:
        return bundle_key(actor.tenant_id, installed.registry_id, normalize_content_hash(installed.content_hash))


def hexes(*published: Any) -> list[str]:
    """The hashes of versions that were published or installed, as `Installer.copies` has them."""
    return sorted(normalize_content_hash(one.content_hash) for one in published)


def endpoints(*paths: str, method: str = "GET") -> dict[str, Any]:
    """The `api` of a manifest with these endpoints, which may be scheduled."""
    return {"endpoints": [{"method": method, "path": path, "handler": "dist/main", "schedulable": True} for path in paths]}
