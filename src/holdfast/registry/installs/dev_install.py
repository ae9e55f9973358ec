"""Installing an archive that is at hand, for development: its version is made known and may be replaced by other content."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.signature_storage import read_stored_signature, store_signature
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.audit import record_audit
from holdfast.registry.installs.config import record_defaults
from holdfast.registry.installs.domains import give_domain
from holdfast.registry.installs.install import Installed, add_install, installed_as
from holdfast.registry.installs.listing import InstallSummary, list_installs
from holdfast.registry.installs.permissions import Permissions, asked_by, granted_to, set_granted
from holdfast.registry.installs.schedules import move_schedules, scheduled_calls
from holdfast.registry.installs.uninstall import Uninstalled, uninstall
from holdfast.registry.installs.upgrade import previous_of
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall
from holdfast.registry.objects.object_transaction import object_transaction
from holdfast.registry.objects.tenant_copies import content_hashes, delete_released, release_copies
from holdfast.registry.publishing.inspection import CheckComponent, check_component_of, read_archive, require_unchanged
from holdfast.registry.publishing.version_manifest import manifest_of
from holdfast.registry.publishing.version_rows import Archive, publish, registry_id_for
from holdfast.registry.retry import retry_when_moved

__all__ = ["CheckComponent", "InstallSummary", "Installed", "Uninstalled", "install_bundle", "list_installs", "uninstall"]


async def install_bundle(
    db: Database,
    store: BundleStore,
    archive: Path,
    *,
    tenant_id: str,
    policy: TrustPolicy,
    signature: bytes | None = None,
    check_component: CheckComponent | None,
    mutable_versions: bool = True,
    domain_root: str | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Installed:
    """Installs the archive (a `.tar.zst`) for a tenant, or replaces what it has of the same extension. It grants all that is new.

    `signature` is the bytes of the archive's `.minisig`; None is the one that the store has of this bundle, if any. `policy` judges it
    before anything is done with the component. `check_component` is given the extracted component, when the manifest needs one, and
    raises when it cannot run. Settings, secrets and revoked grants of an earlier install stay as they are; schedules without an endpoint
    are disabled. Either all of it happens or nothing: the rows are one transaction, and what this call put into the store is taken out
    again. With `mutable_versions` a version that was not published may be installed again with other content, which becomes the active one
    for whoever has that version; without, that raises VersionConflict. With a `domain_root` the install gets a host name below it.

    Raises ManifestError, UnknownCapability, HostTooOld, SignatureRejected, TrustStoreUnusable, ComponentMissing, VersionConflict,
    ChangedMeanwhile, errors of the archive and the store, and what `check_component` raises.
    """
    read = await read_archive(archive, declared_hash=None, manifest_text=None)
    manifest = read.manifest
    async with db.session() as session:
        registry_id = await registry_id_for(session, manifest)
    key = bundle_key(tenant_id, registry_id, read.sha256)
    stored = await read_stored_signature(store, key)
    counted = stored if signature is None else signature
    verdict = policy.evaluate(read.statement, counted)
    await check_component_of(read, check_component)
    described = Archive(manifest, read.content_hash, key, read.size, verdict, None if counted is None else counted.decode())
    released: dict[str, str] = {}

    async def put() -> None:
        if not await store.exists(key):
            await store.put(key, archive)
            require_unchanged(read)
        if counted is not None and counted != await read_stored_signature(store, key):
            await store_signature(store, key, counted)

    async def write(session: AsyncSession) -> Installed:
        released.clear()
        return await _record(session, described, tenant_id, now(), mutable_versions, released, domain_root)

    installed = await retry_when_moved(
        lambda: object_transaction(db, store, key=key, put=put, write=write, name=manifest.name, now=now), name=manifest.name
    )
    await delete_released(db, store, released)
    return installed


async def _record(
    session: AsyncSession,
    archive: Archive,
    tenant_id: str,
    now: datetime,
    mutable_versions: bool,
    released: dict[str, str],
    domain_root: str | None,
) -> Installed:
    install = await session.scalar(
        select(TenantExtensionInstall)
        .where(
            TenantExtensionInstall.tenant_id == tenant_id,
            TenantExtensionInstall.registry_id == await registry_id_for(session, archive.manifest),
        )
        .with_for_update()
    )
    replaced = None if install is None else await session.get(ExtensionVersion, install.version_id)
    # Read before the version's rows are written, which may be the same rows: what is asked for now, and what is called on schedule.
    replaced_version = None if replaced is None else replaced.version
    replaced_manifest = None if replaced is None else manifest_of(replaced)
    revoked = Permissions() if install is None or replaced is None else asked_by(replaced) - granted_to(install)
    calls = [] if install is None else await scheduled_calls(session, install)
    registry, version = await publish(session, archive, now, mutable_versions=mutable_versions)
    if install is None:
        install = await add_install(session, tenant_id, registry, now)
    elif replaced is not None and replaced.id != version.id:
        dropped = await content_hashes(session, [(install.previous or {}).get("version_id")])
        released.update(await release_copies(session, tenant_id, registry.id, dropped, now))
        install.previous = previous_of(install, replaced)
    install.version_id = version.id
    install.pending = None
    set_granted(install, asked_by(version) - revoked)
    install.is_enabled = True
    install.status = "enabled"
    install.runner_status = {"state": "ready"}
    install.updated_at = now
    await give_domain(session, install, domain_root)
    await session.flush()
    await move_schedules(session, install, calls, replaced_manifest, version, disable_missing=True, now=now)
    await record_defaults(session, install, archive.manifest, now)
    record_audit(
        session,
        local_actor(tenant_id),
        "extension.installed",
        resource_id=registry.id,
        resource_name=slug(registry.publisher, registry.name),
        now=now,
        version=version.version,
        granted=install.granted_caps,
        egress=install.granted_egress,
    )
    return installed_as(install, registry, version, archive.content_hash, archive.verdict, replaced_version)
