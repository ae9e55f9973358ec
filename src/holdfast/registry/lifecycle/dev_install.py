"""Development installs: an archive becomes a version that is private to its tenant and replaceable, then it is installed as any other."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.signature_storage import read_stored_signature, store_signature
from holdfast.bundles.store.keys import bundle_key
from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.installs.permissions import Permissions, requested_by
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.install_rows import (
    create_install,
    describe_install,
    finish_install,
    lock_install,
    read_before,
    release_previous,
    set_version,
)
from holdfast.registry.lifecycle.replaced import release_replaced
from holdfast.registry.objects.object_transaction import object_transaction
from holdfast.registry.objects.tenant_copies import delete_released
from holdfast.registry.publishing.inspection import (
    CheckComponent,
    check_component_of,
    read_archive,
    refuse_development_bundle,
    require_unchanged,
)
from holdfast.registry.publishing.uploads import abort_upload, fetched_upload
from holdfast.registry.publishing.version_rows import Archive, publish_replaceable, registry_id_for
from holdfast.registry.retry import retry_when_moved

__all__ = ["CheckComponent", "Installed", "install_archive", "install_upload"]


async def install_archive(
    using: Collaborators,
    archive: Path,
    *,
    actor: Actor,
    signature: bytes | None = None,
    declared_hash: str | None = None,
    check_component: CheckComponent | None,
    mutable_versions: bool = True,
) -> Installed:
    """Installs the archive (a `.tar.zst`) for the actor's tenant, or replaces what it has of the same extension. It grants all that is new.

    The version is private to the tenant: no other tenant can find, install or upgrade to it. With `mutable_versions` it may be installed
    again with other content. A published version is never replaced: see `publish_replaceable`.

    `signature` is the bytes of the archive's `.minisig`; None means the one that the store has of this bundle, if any. The archive must
    have the `declared_hash` (hex), if one is given. `check_component` gets the extracted component, when the manifest needs one, and
    raises when it cannot run. Settings, secrets and revoked grants of an earlier install stay; schedules without an endpoint are disabled.
    What the version was some installs ago is removed (see `replaced`). Either everything happens or nothing: the rows are one transaction,
    and what this call put into the store is removed again.

    Raises ManifestError, RegistryError (`HASH_MISMATCH`, `unknown_capability`, `component_missing`, `changed_meanwhile`, and without
    `mutable_versions` `development_component_refused`), HostTooOld, SignatureRejected, TrustStoreUnusable, VersionConflict, errors of the
    archive and the store, and what `check_component` raises.
    """
    read = await read_archive(archive, declared_hash=declared_hash, manifest_text=None)
    if not mutable_versions:
        refuse_development_bundle(read)
    async with using.db.session() as session:
        registry_id = await registry_id_for(session, read.manifest)
    key = bundle_key(actor.tenant_id, registry_id, read.sha256)
    stored = await read_stored_signature(using.store, key)
    valid_signature = stored if signature is None else signature
    verdict = using.policy.evaluate(read.statement, valid_signature)
    await check_component_of(read, check_component)
    text = None if valid_signature is None else valid_signature.decode()
    described = Archive(read.manifest, read.content_hash, key, read.size, verdict, text)
    released: dict[str, str] = {}

    async def put() -> None:
        if not await using.store.exists(key):
            await using.store.put(key, archive)
            require_unchanged(read)
        if valid_signature is not None and valid_signature != await read_stored_signature(using.store, key):
            await store_signature(using.store, key, valid_signature)

    async def write(session: AsyncSession) -> Installed:
        released.clear()
        return await _write(session, using, actor, described, registry_id, released, mutable_versions=mutable_versions)

    installed = await retry_when_moved(
        lambda: object_transaction(using.db, using.store, key=key, put=put, write=write, name=read.manifest.name, now=using.now),
        name=read.manifest.name,
    )
    await delete_released(using.db, using.store, released)
    return installed


async def install_upload(
    using: Collaborators,
    key: str,
    *,
    actor: Actor,
    size: int | None = None,
    declared_hash: str | None = None,
    signature: bytes | None = None,
    check_component: CheckComponent | None,
) -> Installed:
    """Installs what was staged under `key`, as `install_archive` does, and removes it from the staging area.

    When it fails, the upload stays. Raises StagingNotFound, BadUpload, RegistryError (`HASH_MISMATCH`) and what `install_archive` raises.
    """
    async with fetched_upload(using, key, actor=actor, size=size) as (archive, content_hash):
        installed = await install_archive(
            using,
            archive,
            actor=actor,
            signature=signature,
            declared_hash=declared_hash or content_hash,
            check_component=check_component,
        )
    await abort_upload(using, key, actor=actor)
    return installed


async def _write(
    session: AsyncSession,
    using: Collaborators,
    actor: Actor,
    archive: Archive,
    registry_id: str,
    released: dict[str, str],
    *,
    mutable_versions: bool,
) -> Installed:
    now = using.now()
    install = await lock_install(session, actor.tenant_id, await registry_id_for(session, archive.manifest))
    before = await read_before(session, install)
    registry, version = await publish_replaceable(session, archive, now, tenant_id=actor.tenant_id, mutable_versions=mutable_versions)
    if install is None:
        install = await create_install(session, actor.tenant_id, registry, version, now)
    elif before is not None and before.version_id != version.id:
        released.update(await release_previous(session, install, now))
    # Authors expect what they just installed to run: everything new is granted, and a disabled install is enabled.
    install.is_enabled = True
    install.status = "enabled"
    install.runner_status = {"state": "ready"}
    granted = requested_by(version) - (Permissions() if before is None else before.revoked)
    await set_version(session, install, version, granted, before, disable_missing=True, now=now)
    await finish_install(session, actor, install, registry, version, using.domain_root, now)
    if version.private_tenant == actor.tenant_id:
        released.update(await release_replaced(session, version, now))
    return describe_install(
        install,
        registry,
        version,
        content_hash=archive.content_hash,
        verdict=archive.verdict,
        replaced=None if before is None else before.version,
    )
