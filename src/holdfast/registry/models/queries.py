"""Queries that several packages of the registry share. Finding an install by one of its names is in `registry.installs.lookup`."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion, TenantExtensionInstall


def installs_of(tenant_id: str) -> Select[TenantExtensionInstall, ExtensionRegistry, ExtensionVersion]:
    """Selects a tenant's installs with their extension and version."""
    return (
        select(TenantExtensionInstall, ExtensionRegistry, ExtensionVersion)
        .join(ExtensionRegistry, ExtensionRegistry.id == TenantExtensionInstall.registry_id)
        .join(ExtensionVersion, ExtensionVersion.id == TenantExtensionInstall.version_id)
        .where(TenantExtensionInstall.tenant_id == tenant_id)
    )


NEWEST_BUNDLE = (ExtensionBundle.created_at.desc(), ExtensionBundle.content_hash.desc())
"""The order in which the bundle of a version that is in use comes first."""


async def active_bundle(session: AsyncSession, version_id: str) -> ExtensionBundle | None:
    """The bundle of a version that is in use: the newest."""
    return await session.scalar(select(ExtensionBundle).where(ExtensionBundle.version_id == version_id).order_by(*NEWEST_BUNDLE).limit(1))
