"""Installing an archive for a tenant, and taking it away again. Listing what is there is in `listing`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

import structlog
from msgspec import Struct
from sqlalchemy import column, delete, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.archive import read_bundle_manifest, read_component
from holdfast.bundles.manifest import Manifest
from holdfast.bundles.signature_files import read_stored_signature, signature_key, store_signature
from holdfast.bundles.signatures import TrustPolicy, Verdict
from holdfast.bundles.statement import Statement
from holdfast.bundles.store import BundleStore, bundle_key, hash_file
from holdfast.errors import HoldfastError
from holdfast.records.columns import UuidText, utc_now
from holdfast.records.database import Database
from holdfast.registry.errors import ComponentMissing, ExtensionNotInstalled
from holdfast.registry.identity import install_id as named_install_id
from holdfast.registry.listing import InstallSummary, list_installs
from holdfast.registry.lookups import find_install
from holdfast.registry.publishing import Archive, publish, registry_id_for, requested_capabilities
from holdfast.registry.settings import record_defaults
from holdfast.registry.tables import (
    ExtensionBundle,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionSchedule,
)

__all__ = ["CheckComponent", "InstallSummary", "Installed", "Uninstalled", "install_bundle", "list_installs", "uninstall"]

_log = structlog.get_logger(__name__)

CheckComponent = Callable[[Path], Awaitable[None]]

# Rows that belong to an install without a foreign key to it, by the names of their tenant and install columns. Storage is another
# room; of its tables only the names are needed here.
_BELONGINGS = tuple(
    table(name, column("tenant", UuidText), column("extension_install_id", UuidText))
    for name in ("ext_storage_records", "ext_storage_schemas", "ext_storage_usage")
)


class Installed(Struct, frozen=True, kw_only=True):
    """What was installed. `content_hash` is `sha256:` and 64 hexadecimal digits. `replaced` is the version that was installed before.

    `verdict` is what is known of the bundle's signature.
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
    verdict: Verdict
    replaced: str | None = None


class Uninstalled(Struct, frozen=True, kw_only=True):
    """What was removed. `bundle_deleted` is False when the archive was already gone from the store."""

    registry_id: str
    install_id: str
    name: str
    publisher: str
    version: str
    bundle_deleted: bool


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
    now: Callable[[], datetime] = utc_now,
) -> Installed:
    """Installs the archive (a `.tar.zst`) for a tenant, or replaces what it has of the same extension.

    `signature` is the bytes of the archive's `.minisig`; None is the one that the store has of this bundle, if any. `policy` judges it
    before anything is done with the component. `check_component` is given the extracted component, when the manifest needs one, and
    raises when it cannot run. Settings, secrets and revoked grants of an earlier install stay as they are. Either all of it happens or
    nothing: the rows are one transaction, and what this call put into the store is taken out again. With `mutable_versions` (for
    development) a version may be installed again with other content, which becomes the active one for whoever has that version; without,
    that raises VersionConflict.

    Raises ManifestError, UnknownCapability, SignatureRefused, TrustStoreUnusable, ComponentMissing, errors of the archive and the store,
    and what `check_component` raises.
    """
    manifest = await asyncio.to_thread(read_bundle_manifest, archive)
    requested_capabilities(manifest)
    sha256 = await asyncio.to_thread(hash_file, archive)
    async with db.session() as session:
        key = bundle_key(tenant_id, await registry_id_for(session, manifest), sha256)
    stored = await read_stored_signature(store, key)
    counted = stored if signature is None else signature
    verdict = policy.judge(Statement.of(manifest, sha256), counted)
    await _check_component(archive, manifest, check_component)
    size = (await asyncio.to_thread(archive.stat)).st_size
    described = Archive(manifest, f"sha256:{sha256}", key, size, verdict, None if counted is None else counted.decode())
    existed = await store.exists(key)
    try:
        if not existed:
            await store.put(key, archive)
        if counted is not None and counted != stored:
            await store_signature(store, key, counted)
        async with db.transaction() as session:
            return await _record(session, described, tenant_id, now(), mutable_versions)
    except BaseException:
        added = [*([] if existed else [key]), *([] if stored is not None or counted is None else [signature_key(key)])]
        if added:
            # Also when the task is cancelled: the store is left as it was found.
            await asyncio.shield(_take_back(db, store, added, tenant_id, f"sha256:{sha256}"))
        raise


async def uninstall(db: Database, store: BundleStore, *, tenant_id: str, extension: str) -> Uninstalled:
    """Removes a tenant's install (by name, `publisher.name` or id) with its settings, secrets, schedules and stored records.

    The extension, its version and its bundle stay known; the stored archives of this tenant are deleted. Raises ExtensionNotInstalled,
    AmbiguousExtension.
    """
    async with db.transaction() as session:
        found = await find_install(session, tenant_id, extension)
        if found is None:
            raise ExtensionNotInstalled(f"{extension} is not installed.", hint="`holdfast list` shows what is.")
        install, registry, version = found
        bundles = select(ExtensionBundle.content_hash).join(ExtensionVersion, ExtensionVersion.id == ExtensionBundle.version_id)
        hashes = (await session.scalars(bundles.where(ExtensionVersion.registry_id == registry.id).distinct())).all()
        for belongings in _BELONGINGS:
            await session.execute(
                delete(belongings).where(belongings.c.tenant == tenant_id, belongings.c.extension_install_id == install.id)
            )
        await session.execute(
            delete(TenantExtensionSchedule).where(
                TenantExtensionSchedule.tenant_id == tenant_id, TenantExtensionSchedule.install_id == install.id
            )
        )
        await session.execute(
            delete(TenantExtensionInstall).where(TenantExtensionInstall.tenant_id == tenant_id, TenantExtensionInstall.id == install.id)
        )
    # After the commit: an install without its archive could not run, an archive without its install is only a file.
    keys = [bundle_key(tenant_id, registry.id, found.removeprefix("sha256:")) for found in hashes]
    deleted = [await _delete_stored(store, key) for key in keys]
    for key in keys:
        await _delete_stored(store, signature_key(key))
    return Uninstalled(
        registry_id=registry.id,
        install_id=install.id,
        name=registry.name,
        publisher=registry.publisher,
        version=version.version,
        bundle_deleted=any(deleted),
    )


async def _check_component(archive: Path, manifest: Manifest, check_component: CheckComponent | None) -> None:
    if not manifest.needs_component:
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-install-") as folder:
        component = await asyncio.to_thread(read_component, archive, Path(folder))
        if component is None:
            raise ComponentMissing(
                "The manifest declares endpoints, but the bundle has no dist/main.wasm.", hint="Run `holdfast build`, then install again."
            )
        if check_component is not None:
            await check_component(component)


async def _record(session: AsyncSession, archive: Archive, tenant_id: str, now: datetime, mutable_versions: bool) -> Installed:
    registry_id = await registry_id_for(session, archive.manifest)
    install = await session.scalar(
        select(TenantExtensionInstall).where(
            TenantExtensionInstall.tenant_id == tenant_id, TenantExtensionInstall.registry_id == registry_id
        )
    )
    replaced = None if install is None else await session.get(ExtensionVersion, install.version_id)
    replaced_version = None if replaced is None else replaced.version
    # Read before the version's row is written: what the tenant was asked for and does not grant stays revoked.
    revoked = set() if install is None or replaced is None else set(replaced.capabilities) - set(install.granted_caps)
    registry, version = await publish(session, archive, now, mutable_versions=mutable_versions)
    if install is None:
        install = TenantExtensionInstall(
            id=named_install_id(tenant_id, archive.publisher, registry.name),
            tenant_id=tenant_id,
            registry_id=registry.id,
            config={},
            created_at=now,
        )
        session.add(install)
    install.version_id = version.id
    install.granted_caps = sorted(set(version.capabilities) - revoked)
    install.granted_egress = list(archive.manifest.egress)
    install.is_enabled = True
    install.status = "enabled"
    install.runner_status = {"state": "ready"}
    install.updated_at = now
    await session.flush()
    await record_defaults(session, install, archive.manifest, now)
    return Installed(
        registry_id=registry.id,
        version_id=version.id,
        install_id=install.id,
        content_hash=archive.content_hash,
        name=registry.name,
        display_name=registry.display_name or registry.name,
        publisher=registry.publisher,
        version=version.version,
        granted=install.granted_caps,
        egress=install.granted_egress,
        verdict=archive.verdict,
        replaced=replaced_version,
    )


async def _take_back(db: Database, store: BundleStore, keys: Sequence[str], tenant_id: str, content_hash: str) -> None:
    """Removes what a failed installation stored, unless another installation of the same archive has succeeded meanwhile."""
    query = (
        select(TenantExtensionInstall.id)
        .join(ExtensionBundle, ExtensionBundle.version_id == TenantExtensionInstall.version_id)
        .where(TenantExtensionInstall.tenant_id == tenant_id, ExtensionBundle.content_hash == content_hash)
    )
    async with db.session() as session:
        if await session.scalar(query.limit(1)) is not None:
            return
    for key in keys:
        await _delete_stored(store, key)


async def _delete_stored(store: BundleStore, key: str) -> bool:
    try:
        existed = await store.exists(key)
        if existed:
            await store.delete(key)
    except HoldfastError as error:
        _log.warning("a stored bundle could not be deleted", key=key, error=error.code)
        return False
    return existed
