"""Publishing an archive: it is checked, put into the store, and made visible in one transaction, or nothing happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.signature_storage import read_stored_signature
from holdfast.bundles.store.keys import bundle_key
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.errors import RegistryError
from holdfast.registry.models.ids import DEFAULT_PUBLISHER, slug
from holdfast.registry.models.installs import ExtensionRegistry
from holdfast.registry.models.visibility import extension_is_public
from holdfast.registry.objects.locks import lock_name
from holdfast.registry.objects.object_transaction import PendingSwept, object_transaction
from holdfast.registry.publishing.inspection import (
    CheckComponent,
    ReadArchive,
    check_component_of,
    read_archive,
    refuse_development_bundle,
)
from holdfast.registry.publishing.publisher_names import check_publisher, claim_publisher
from holdfast.registry.publishing.results import Published
from holdfast.registry.publishing.stored_bundle import put_bundle
from holdfast.registry.publishing.version_rows import Archive, find_registry, find_version, publish_once, registry_id_for, version_exists
from holdfast.registry.publishing.versions import next_of

__all__ = ["CheckComponent", "publish_archive", "publish_bundle"]

Within = Callable[[AsyncSession], Awaitable[None]]
"""More writes in the transaction that makes a version visible."""


async def publish_bundle(
    using: Collaborators,
    archive: Path,
    *,
    actor: Actor,
    signature: bytes | None = None,
    manifest_text: bytes | None = None,
    declared_hash: str | None = None,
    check_component: CheckComponent | None,
) -> Published:
    """Publishes the archive (a `.tar.zst`) as a new version of its extension, which every tenant can install.

    `signature` is the bytes of its `.minisig`; None means the one that the store has of this bundle, if any. It is verified before the
    component is touched. `manifest_text` (JSON) and `declared_hash` (hex, with or without `sha256:`) must agree with the archive.
    `check_component` is given the extracted component and raises when it cannot run; None only where there is no engine.

    On any error, and when the task is cancelled, rows and store are as before. `sweep_objects` removes what a killed process leaves.

    Raises RegistryError (`HASH_MISMATCH`, `MANIFEST_MISMATCH`, `unknown_capability`, `PUBLISHER_TAKEN`, `EXTENSION_NAME_TAKEN`,
    `component_missing`, `development_component_refused`, `publish_interrupted`), InvalidContentHash, ManifestError, ManifestMissing,
    SignatureRejected, TrustStoreUnusable, VersionConflict, errors of the archive, the store and the database, and what `check_component`
    raises.
    """
    read = await read_archive(archive, declared_hash=declared_hash, manifest_text=manifest_text)
    return await publish_archive(using, read, actor=actor, signature=signature, check_component=check_component)


async def publish_archive(
    using: Collaborators,
    read: ReadArchive,
    *,
    actor: Actor,
    signature: bytes | None,
    check_component: CheckComponent | None,
    within: Within | None = None,
) -> Published:
    """As `publish_bundle`, of an archive that was read. `within` runs in the transaction that makes the version visible."""
    refuse_development_bundle(read)
    manifest = read.manifest
    publisher = manifest.publisher or DEFAULT_PUBLISHER
    async with using.db.session() as session:
        registry_id = await registry_id_for(session, manifest)
    key = bundle_key(actor.tenant_id, registry_id, read.sha256)
    stored = await read_stored_signature(using.store, key)
    counted = stored if signature is None else signature
    verdict = using.policy.evaluate(read.statement, counted)
    async with using.db.session() as session:
        # Checked again in the transaction. Checking here avoids compiling and copying in vain.
        await check_publisher(session, publisher, tenant_id=actor.tenant_id, verdict=verdict)
        registry = None if _is_pattern(manifest.version) else await find_registry(session, manifest)
        if registry is not None and await find_version(session, registry.id, manifest.version) is not None:
            raise version_exists(registry, manifest.version)
    await check_component_of(read, check_component)
    described = Archive(manifest, read.content_hash, key, read.size, verdict, None if counted is None else counted.decode())

    async def record(session: AsyncSession) -> Published:
        await lock_name(session, slug(publisher, manifest.name).lower())
        await _require_own_name(session, publisher, manifest.name)
        await claim_publisher(session, publisher, tenant_id=actor.tenant_id, verdict=verdict, now=using.now())
        if within is not None:
            await within(session)
        return await _record(session, described, actor, using.now())

    async def put() -> None:
        await put_bundle(using.store, key, read, counted)

    try:
        return await object_transaction(
            using.db, using.store, key=key, put=put, write=record, name=slug(publisher, manifest.name), now=using.now
        )
    except PendingSwept as swept:
        raise RegistryError("publish_interrupted", "Publishing took too long and was stopped.", hint="Publish the bundle again.") from swept


async def _require_own_name(session: AsyncSession, publisher: str, name: str) -> None:
    """Raises RegistryError (`EXTENSION_NAME_TAKEN`) when another extension has the same full name in any letter case, or with the dot at
    another place.
    """
    written = ExtensionRegistry.publisher + "." + ExtensionRegistry.name
    same = func.lower(written) == func.lower(slug(publisher, name))
    # An extension that is only private must not block a publisher, nor be disclosed to it.
    for registry in await session.scalars(select(ExtensionRegistry).where(same, extension_is_public())):
        if (registry.publisher, registry.name) != (publisher, name):
            raise RegistryError(
                "EXTENSION_NAME_TAKEN",
                f"The name {slug(publisher, name)} belongs to the extension {registry.name} of the publisher {registry.publisher}.",
                hint="Write publisher and name as they were first published, or choose another name.",
            )


async def _record(session: AsyncSession, archive: Archive, actor: Actor, now: datetime) -> Published:
    wanted = archive.manifest.version
    if _is_pattern(wanted):
        wanted = await next_of(session, await registry_id_for(session, archive.manifest), wanted)
    registry, version = await publish_once(session, archive, wanted, actor, now)
    record_audit(
        session,
        actor,
        "extension.published",
        resource_id=registry.id,
        resource_name=slug(registry.publisher, registry.name),
        now=now,
        version=version.version,
        content_hash=archive.content_hash,
        signature=archive.verdict.state,
    )
    await session.flush()
    return Published(
        registry_id=registry.id,
        version_id=version.id,
        publisher=registry.publisher,
        name=registry.name,
        display_name=registry.display_name or registry.name,
        version=version.version,
        content_hash=archive.content_hash,
        size_bytes=archive.size,
        capabilities=list(version.capabilities),
        egress=list(version.egress),
        key=archive.key,
        verdict=archive.verdict,
    )


def _is_pattern(version: str) -> bool:
    return version.endswith("*")
