"""Installing a published version for a tenant, with what it grants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.verification import SignatureStatus
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import new_id, utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import ExtensionNotInstalled, Moved
from holdfast.registry.installs.config import record_defaults
from holdfast.registry.installs.domains import give_domain
from holdfast.registry.installs.permissions import Permissions, asked_by, granted_to, of_names, require_asked, require_known, set_granted
from holdfast.registry.installs.schedules import move_schedules
from holdfast.registry.installs.uninstall import keep_storage
from holdfast.registry.installs.upgrade import Choice, change_version, is_older
from holdfast.registry.models.ids import install_id as named_install_id
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.lookups import active_bundle, require_install
from holdfast.registry.objects.object_transaction import object_transaction
from holdfast.registry.objects.tenant_copies import TenantCopy, copy_bundle
from holdfast.registry.publishing.signature_check import judge_version
from holdfast.registry.publishing.version_manifest import manifest_of, require_this_host
from holdfast.registry.publishing.versions import require_extension, resolve_version
from holdfast.registry.retry import retry_when_moved


class Installed(Struct, frozen=True, kw_only=True):
    """What was installed. `content_hash` is `sha256:` and 64 hexadecimal digits. `replaced` is the version that was installed before.

    `verdict` is what is known of the bundle's signature; the runner judges it again when it loads the bundle.
    """

    registry_id: str
    version_id: str
    install_id: str
    content_hash: str
    name: str
    display_name: str
    publisher: str
    version: str
    granted: list[str]
    egress: list[str]
    verdict: SignatureStatus | None
    replaced: str | None = None


class _Target(Struct, frozen=True, kw_only=True):
    """What is to be installed. `install_id` and `replaced` are those of what the tenant has of it; `is_there`: it is that very version."""

    registry: ExtensionRegistry
    version: ExtensionVersion
    bundle: ExtensionBundle | None
    install_id: str | None
    replaced: str | None
    is_there: bool


async def install_version(
    db: Database,
    store: BundleStore,
    *,
    actor: Actor,
    policy: TrustPolicy,
    extension: str,
    version: str | None = None,
    capabilities: list[str] | None = None,
    egress: list[str] | None = None,
    domain_root: str | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Installed:
    """Installs a version of an extension for the actor's tenant: `1.2.3`, `1.2.*`, or None for the newest.

    `capabilities` and `egress` are exactly what is granted; None is all that the version asks for. Where the extension is installed
    already, settings, secrets, schedules and whether it is enabled stay, and None leaves the grants as they are; another version is an
    upgrade, and waits for consent to what is new, unless the lists say what to grant. The bundle is copied to the tenant's own place in the
    store first, and the rows are one transaction: either all of it happens or nothing. `policy` judges the bundle's signature before.
    With a `domain_root` the install gets a host name below it.

    Raises SignatureRejected, TrustStoreUnusable, ExtensionUnknown, AmbiguousExtension, UnknownCapability, HostTooOld, ConsentRequired,
    SchedulesMissing, ChangedMeanwhile, what resolving a version raises, BundleNotFound, ArchiveHashMismatch, BundleStoreUnavailable.
    """

    async def attempt() -> Installed:
        async with db.session() as session:
            target = await _target(session, actor.tenant_id, extension, version)
        require_known(target.version)
        require_this_host(target.version)
        require_asked(of_names(capabilities or [], egress or []), asked_by(target.version))
        verdict = judge_version(policy, target.version, target.bundle)
        if target.install_id is not None and not target.is_there:
            choice = Choice(capabilities=capabilities, egress=egress)
            try:
                await change_version(
                    db, store, actor, policy, target.install_id, target.version.version, choice, disable_missing=False, now=now
                )
            except ExtensionNotInstalled as gone:
                raise Moved from gone
            return await _described(db, actor.tenant_id, target.install_id, target.replaced, verdict)
        copy = TenantCopy.from_bundle(
            actor.tenant_id, target.registry.id, target.bundle, slug(target.registry.publisher, target.registry.name)
        )
        source = None if target.bundle is None else target.bundle.storage_url

        async def write(session: AsyncSession) -> Installed:
            install = await _write(session, actor, target, capabilities, egress, domain_root, now())
            content_hash = "" if target.bundle is None else target.bundle.content_hash
            return installed_as(install, target.registry, target.version, content_hash, verdict, target.replaced)

        return await object_transaction(
            db, store, key=copy.key, put=lambda: copy_bundle(store, copy, source), write=write, name=copy.name, now=now
        )

    return await retry_when_moved(attempt, name=extension)


async def _target(session: AsyncSession, tenant_id: str, extension: str, wanted: str | None) -> _Target:
    registry = await require_extension(session, extension)
    install = await _install_of(session, tenant_id, registry.id)
    present = None if install is None else await session.get(ExtensionVersion, install.version_id)
    # Who has a version may install it again, also when it was withdrawn since.
    keeps = present is not None and wanted is not None and wanted.strip() == present.version
    version = await resolve_version(session, registry.id, wanted, allow_yanked=keeps)
    if present is not None and wanted is None and is_older(version.version, present.version):
        version = present
    return _Target(
        registry=registry,
        version=version,
        bundle=await active_bundle(session, version.id),
        install_id=None if install is None else install.id,
        replaced=None if present is None else present.version,
        is_there=present is not None and present.id == version.id,
    )


async def _write(
    session: AsyncSession,
    actor: Actor,
    target: _Target,
    capabilities: list[str] | None,
    egress: list[str] | None,
    domain_root: str | None,
    now: datetime,
) -> TenantExtensionInstall:
    """Writes the rows of a first install, or of one of what is there already. Raises Moved when that has changed."""
    asked = asked_by(target.version)
    given = of_names(capabilities or [], egress or [])
    install = await _install_of(session, actor.tenant_id, target.registry.id, lock=True)
    if (install and install.id) != target.install_id or (install is not None and install.version_id != target.version.id):
        raise Moved
    if install is None:
        install = await add_install(session, actor.tenant_id, target.registry, now)
        install.version_id = target.version.id
        without_choice = asked
    else:
        without_choice = granted_to(install) & asked
    set_granted(
        install,
        Permissions(
            without_choice.capabilities if capabilities is None else given.capabilities,
            without_choice.egress if egress is None else given.egress,
        ),
    )
    install.updated_at = now
    await give_domain(session, install, domain_root)
    await session.flush()
    await record_defaults(session, install, manifest_of(target.version), now)
    if target.install_id is None:
        await move_schedules(session, install, [], None, target.version, disable_missing=False, now=now)
    record_audit(
        session,
        actor,
        "extension.installed",
        resource_id=target.registry.id,
        resource_name=slug(target.registry.publisher, target.registry.name),
        now=now,
        version=target.version.version,
        granted=install.granted_caps,
        egress=install.granted_egress,
    )
    return install


async def add_install(session: AsyncSession, tenant_id: str, registry: ExtensionRegistry, now: datetime) -> TenantExtensionInstall:
    """The row of a first install, enabled, without version and grants yet; what the extension stored before is kept for it."""
    install_id = named_install_id(tenant_id, registry.publisher, registry.name)
    if await session.get(TenantExtensionInstall, install_id) is not None:
        # That install was given to another tenant, by hand; it keeps its id.
        install_id = new_id()
    await keep_storage(session, tenant_id, install_id)
    install = TenantExtensionInstall(
        id=install_id,
        tenant_id=tenant_id,
        registry_id=registry.id,
        config={},
        is_enabled=True,
        status="enabled",
        runner_status={"state": "ready"},
        created_at=now,
    )
    session.add(install)
    return install


async def _install_of(session: AsyncSession, tenant_id: str, registry_id: str, *, lock: bool = False) -> TenantExtensionInstall | None:
    query = select(TenantExtensionInstall).where(
        TenantExtensionInstall.tenant_id == tenant_id, TenantExtensionInstall.registry_id == registry_id
    )
    return await session.scalar(query.with_for_update() if lock else query)


async def _described(db: Database, tenant_id: str, install_id: str, replaced: str | None, verdict: SignatureStatus | None) -> Installed:
    async with db.session() as session:
        install, registry, version = await require_install(session, tenant_id, install_id)
        bundle = await active_bundle(session, version.id)
    return installed_as(install, registry, version, "" if bundle is None else bundle.content_hash, verdict, replaced)


def installed_as(
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    version: ExtensionVersion,
    content_hash: str,
    verdict: SignatureStatus | None,
    replaced: str | None,
) -> Installed:
    """What is told of an install, from its rows."""
    return Installed(
        registry_id=registry.id,
        version_id=version.id,
        install_id=install.id,
        content_hash=content_hash,
        name=registry.name,
        display_name=registry.display_name or registry.name,
        publisher=registry.publisher,
        version=version.version,
        granted=list(install.granted_caps),
        egress=list(install.granted_egress),
        verdict=verdict,
        replaced=replaced,
    )
