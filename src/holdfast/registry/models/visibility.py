"""Which versions and extensions a tenant can see. Privacy governs search, lists, `latest`, install and upgrade; never an existing install.

A version without `private_tenant` is public. A private one exists only for its tenant, and an extension that has only private versions
exists only for their tenants and for tenants that have it installed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, or_

from holdfast.registry.models.installs import ExtensionRegistry, ExtensionVersion, TenantExtensionInstall


def version_visible_to(tenant_id: str) -> ColumnElement[bool]:
    """The condition that a row of `extension_version` is public or private to the tenant."""
    return or_(ExtensionVersion.private_tenant.is_(None), ExtensionVersion.private_tenant == tenant_id)


def extension_visible_to(tenant_id: str) -> ColumnElement[bool]:
    """The condition that a row of `extension_registry` is visible. One without any version is: other platforms create such rows."""
    of_extension = ExtensionVersion.registry_id == ExtensionRegistry.id
    installed = exists().where(TenantExtensionInstall.registry_id == ExtensionRegistry.id, TenantExtensionInstall.tenant_id == tenant_id)
    return or_(exists().where(of_extension, version_visible_to(tenant_id)), installed, ~exists().where(of_extension))


def extension_is_public() -> ColumnElement[bool]:
    """The condition that a row of `extension_registry` has a public version, or none at all."""
    of_extension = ExtensionVersion.registry_id == ExtensionRegistry.id
    return or_(exists().where(of_extension, ExtensionVersion.private_tenant.is_(None)), ~exists().where(of_extension))


def can_use(version: ExtensionVersion, tenant_id: str) -> bool:
    """Whether a version is public or private to the tenant."""
    return version.private_tenant in (None, tenant_id)


def display_name(registry: ExtensionRegistry, version: ExtensionVersion) -> str:
    """The name of an extension for people. That of a private version is its own: the extension's row may describe another tenant's."""
    private = _private_manifest(version)
    if private is not None:
        return str(private.get("displayName") or registry.name)
    return registry.display_name or registry.name


def description(registry: ExtensionRegistry, version: ExtensionVersion) -> str:
    """The description of an extension, as `display_name` chooses it."""
    private = _private_manifest(version)
    return (registry.description if private is None else private.get("description")) or ""


def _private_manifest(version: ExtensionVersion) -> dict[str, Any] | None:
    return None if version.private_tenant is None else version.manifest
