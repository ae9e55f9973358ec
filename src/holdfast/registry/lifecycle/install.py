"""Installing a published version for a tenant, with what it grants."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.status import SignatureStatus
from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.errors import ExtensionNotInstalled, Moved
from holdfast.registry.installs.config import record_defaults
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.installs.permissions import (
    Permissions,
    granted_to,
    named_permissions,
    requested_by,
    require_known,
    require_requested,
    set_granted,
)
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.consent import Choice
from holdfast.registry.lifecycle.install_rows import create_install, describe_install, finish_install, lock_install, set_version
from holdfast.registry.lifecycle.upgrade import change_version, is_older
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.queries import active_bundle
from holdfast.registry.objects.object_transaction import object_transaction
from holdfast.registry.objects.tenant_copies import TenantCopy, copy_bundle
from holdfast.registry.publishing.signature_check import verify_version
from holdfast.registry.publishing.version_manifest import manifest_of, require_this_host
from holdfast.registry.publishing.versions import require_extension, resolve_version
from holdfast.registry.retry import retry_when_moved

__all__ = ["Installed", "install_version"]


class _Target(Struct, frozen=True, kw_only=True):
    """What is to be installed. `install_id` and `replaced` describe the tenant's install of it, if any.

    `is_current`: the install is at that very version already.
    """

    registry: ExtensionRegistry
    version: ExtensionVersion
    bundle: ExtensionBundle | None
    install_id: str | None
    replaced: str | None
    is_current: bool

    @property
    def content_hash(self) -> str:
        return "" if self.bundle is None else self.bundle.content_hash


async def install_version(
    using: Collaborators,
    *,
    actor: Actor,
    extension: str,
    version: str | None = None,
    capabilities: list[str] | None = None,
    egress: list[str] | None = None,
) -> Installed:
    """Installs a version of an extension for the actor's tenant: `1.2.3`, `1.2.*`, or None for the newest; see `resolve_version`.

    `capabilities` and `egress` are exactly what is granted; None grants everything that the version requests. Where the extension is
    installed already, settings, secrets, schedules and whether it is enabled stay, and None leaves the grants as they are; another version
    is an upgrade, and waits for consent to what is new, unless the lists name what to grant. The bundle is copied to the tenant's own place
    in the store, and the rows are one transaction: either everything happens or nothing.

    Raises SignatureRejected, TrustStoreUnusable, RegistryError (`extension_not_found`, `ambiguous_extension`, `unknown_capability`,
    `CONSENT_REQUIRED`, `changed_meanwhile`), HostTooOld, SchedulesMissing, what resolving a version raises, BundleNotFound,
    ArchiveHashMismatch, BundleStoreUnavailable.
    """
    choice = Choice(capabilities=capabilities, egress=egress)

    async def attempt() -> Installed:
        async with using.db.session() as session:
            target = await _target(session, actor.tenant_id, extension, version)
        require_known(target.version)
        require_this_host(target.version)
        require_requested(named_permissions(capabilities or [], egress or []), requested_by(target.version))
        verdict = verify_version(using.policy, target.version, target.bundle)
        if target.install_id is not None and not target.is_current:
            return await _upgrade(using, actor, target, target.install_id, choice, verdict)
        return await _install(using, actor, target, choice, verdict)

    return await retry_when_moved(attempt, name=extension)


async def _target(session: AsyncSession, tenant_id: str, extension: str, wanted: str | None) -> _Target:
    registry = await require_extension(session, tenant_id, extension)
    install = await session.scalar(
        select(TenantExtensionInstall).where(
            TenantExtensionInstall.tenant_id == tenant_id, TenantExtensionInstall.registry_id == registry.id
        )
    )
    installed = None if install is None else await session.get(ExtensionVersion, install.version_id)
    # A tenant may reinstall the version that it has, also when it was yanked since.
    is_reinstall = installed is not None and wanted is not None and wanted.strip() == installed.version
    version = await resolve_version(session, registry.id, wanted, tenant_id=tenant_id, installed=installed, allow_yanked=is_reinstall)
    if installed is not None and wanted is None and is_older(version.version, installed.version):
        version = installed
    return _Target(
        registry=registry,
        version=version,
        bundle=await active_bundle(session, version.id),
        install_id=None if install is None else install.id,
        replaced=None if installed is None else installed.version,
        is_current=installed is not None and installed.id == version.id,
    )


async def _upgrade(
    using: Collaborators, actor: Actor, target: _Target, install_id: str, choice: Choice, verdict: SignatureStatus | None
) -> Installed:
    try:
        await change_version(using, actor, install_id, target.version, choice, disable_missing=False)
    except ExtensionNotInstalled as uninstalled:
        raise Moved from uninstalled
    async with using.db.session() as session:
        install, registry, version = await require_install(session, actor.tenant_id, install_id)
        bundle = await active_bundle(session, version.id)
    content_hash = "" if bundle is None else bundle.content_hash
    return describe_install(install, registry, version, content_hash=content_hash, verdict=verdict, replaced=target.replaced)


async def _install(using: Collaborators, actor: Actor, target: _Target, choice: Choice, verdict: SignatureStatus | None) -> Installed:
    name = slug(target.registry.publisher, target.registry.name)
    copy = TenantCopy.from_bundle(actor.tenant_id, target.registry.id, target.bundle, name)
    source = None if target.bundle is None else target.bundle.storage_url

    async def write(session: AsyncSession) -> Installed:
        install = await _write(session, using, actor, target, choice, using.now())
        return describe_install(
            install, target.registry, target.version, content_hash=target.content_hash, verdict=verdict, replaced=target.replaced
        )

    return await object_transaction(
        using.db, using.store, key=copy.key, put=lambda: copy_bundle(using.store, copy, source), write=write, name=name, now=using.now
    )


async def _write(
    session: AsyncSession, using: Collaborators, actor: Actor, target: _Target, choice: Choice, now: datetime
) -> TenantExtensionInstall:
    """Writes the rows of a first install, or of a reinstall of the same version. Raises Moved when the install has changed."""
    install = await lock_install(session, actor.tenant_id, target.registry.id)
    if (install and install.id) != target.install_id or (install is not None and install.version_id != target.version.id):
        raise Moved
    if install is None:
        install = await create_install(session, actor.tenant_id, target.registry, target.version, now)
        granted = _chosen(choice, requested_by(target.version))
        await set_version(session, install, target.version, granted, None, disable_missing=False, now=now)
    else:
        set_granted(install, _chosen(choice, granted_to(install) & requested_by(target.version)))
        install.updated_at = now
        await record_defaults(session, install, manifest_of(target.version), now)
    await finish_install(session, actor, install, target.registry, target.version, using.domain_root, now)
    return install


def _chosen(choice: Choice, default: Permissions) -> Permissions:
    chosen = named_permissions(choice.capabilities or [], choice.egress or [])
    return Permissions(
        default.capabilities if choice.capabilities is None else chosen.capabilities,
        default.egress if choice.egress is None else chosen.egress,
    )
