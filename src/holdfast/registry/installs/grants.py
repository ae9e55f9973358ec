"""What an install may do: granted and revoked one by one. Every call reads the grants, so a change takes effect at the next call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import update

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.installs.permissions import granted_to, named_permissions, requested_by, require_requested, set_granted
from holdfast.registry.installs.results import Grants
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall, TenantExtensionInstallConfig


async def read_grants(db: Database, *, tenant_id: str, extension: str) -> Grants:
    """The grants of a tenant's install. Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`)."""
    async with db.session() as session:
        install, _registry, version = await require_install(session, tenant_id, extension)
        return _grants(install, version)


async def grant(
    db: Database,
    *,
    actor: Actor,
    extension: str,
    capabilities: Iterable[str] = (),
    egress: Iterable[str] = (),
    now: Callable[[], datetime] = utc_now,
) -> Grants:
    """Grants capabilities and egress hosts that the installed version requests; other grants stay.

    Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`, `unknown_capability`) for what is not requested.
    """
    return await _change(db, actor, extension, capabilities, egress, now, revoking=False)


async def revoke(
    db: Database,
    *,
    actor: Actor,
    extension: str,
    capabilities: Iterable[str] = (),
    egress: Iterable[str] = (),
    now: Callable[[], datetime] = utc_now,
) -> Grants:
    """Revokes grants; other grants stay. What is revoked stays revoked when the extension is upgraded or installed again.

    Raises as `grant` does, for what is neither requested nor granted.
    """
    return await _change(db, actor, extension, capabilities, egress, now, revoking=True)


async def _change(
    db: Database,
    actor: Actor,
    extension: str,
    capabilities: Iterable[str],
    egress: Iterable[str],
    now: Callable[[], datetime],
    *,
    revoking: bool,
) -> Grants:
    named = named_permissions(capabilities, egress)
    async with db.transaction() as session:
        install, registry, version = await require_install(session, actor.tenant_id, extension, lock=True)
        before, requested = granted_to(install), requested_by(version)
        require_requested(named, requested | before if revoking else requested)
        after = before - named if revoking else before | named
        if after != before:
            set_granted(install, after)
            install.updated_at = now()
            await session.execute(
                update(TenantExtensionInstallConfig)
                .where(TenantExtensionInstallConfig.install_id == install.id, TenantExtensionInstallConfig.tenant_id == actor.tenant_id)
                .values(providers=install.granted_caps)
            )
            changed = before - after if revoking else after - before
            record_audit(
                session,
                actor,
                "grants.changed",
                resource_id=registry.id,
                resource_name=slug(registry.publisher, registry.name),
                now=now(),
                **{"revoked" if revoking else "granted": changed.as_lists()},
            )
        return _grants(install, version)


def _grants(install: TenantExtensionInstall, version: ExtensionVersion) -> Grants:
    requested, granted = requested_by(version).as_lists(), granted_to(install).as_lists()
    return Grants(
        asked=requested["capabilities"],
        granted=granted["capabilities"],
        asked_egress=requested["egress"],
        granted_egress=granted["egress"],
        pending=install.pending,
    )
