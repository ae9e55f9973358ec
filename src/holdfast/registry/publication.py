"""Publishing an archive: it is looked at, put into the store, and made visible in one transaction. Or nothing of it happens."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signature_files import read_stored_signature, store_signature
from holdfast.bundles.signatures import TrustPolicy, Verdict
from holdfast.bundles.store import BundleStore, bundle_key
from holdfast.records.columns import new_id, utc_now
from holdfast.records.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.archive_reading import CheckComponent, ReadArchive, check_component_of, read_archive, require_unchanged
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import NameTaken, PublishInterrupted
from holdfast.registry.identity import DEFAULT_PUBLISHER, slug
from holdfast.registry.locks import hold
from holdfast.registry.pending import announce, conclude, manifest_key, settled
from holdfast.registry.publishers import check_publisher, claim_publisher
from holdfast.registry.publishing import Archive, find_registry, find_version, publish_once, registry_id_for, version_exists
from holdfast.registry.tables import ExtensionRegistry
from holdfast.registry.versions import next_of

__all__ = ["CheckComponent", "Published", "publish_archive", "publish_bundle"]

_ATTEMPTS = 10

Within = Callable[[AsyncSession], Awaitable[None]]
"""What else happens in the transaction that makes a version visible."""


class Published(Struct, frozen=True, kw_only=True):
    """What was published. `version` is the one that `X.Y.*` became; `content_hash` is `sha256:` and 64 hexadecimal digits.

    `key` is the archive's place in the store, from which it is copied to each tenant that installs it.
    """

    registry_id: str
    version_id: str
    publisher: str
    name: str
    display_name: str
    version: str
    content_hash: str
    size_bytes: int
    capabilities: list[str]
    egress: list[str]
    key: str
    verdict: Verdict


async def publish_bundle(
    db: Database,
    store: BundleStore,
    archive: Path,
    *,
    actor: Actor,
    policy: TrustPolicy,
    signature: bytes | None = None,
    manifest_text: bytes | None = None,
    declared_hash: str | None = None,
    check_component: CheckComponent | None,
    now: Callable[[], datetime] = utc_now,
) -> Published:
    """Publishes the archive (a `.tar.zst`) as a new version of its extension, for every tenant to install.

    `signature` is the bytes of its `.minisig`; None is the one that the store has of this bundle, if any. `policy` judges it before the
    component is touched. `manifest_text` (JSON) and `declared_hash` (hex, with or without `sha256:`) must agree with the archive.
    `check_component` is given the extracted component and raises when it cannot run; None only where there is no engine.

    Whatever is raised, and when the task is cancelled, rows and store are as before; what a killed process leaves, `sweep_objects` finds.

    Raises HashMismatch, InvalidContentHash, ManifestMismatch, ManifestError, ManifestMissing, UnknownCapability, SignatureRefused,
    TrustStoreUnusable, PublisherTaken, NameTaken, VersionExists, ComponentMissing, PublishInterrupted, errors of the archive, the store
    and the database, and what `check_component` raises.
    """
    read = await read_archive(archive, declared_hash=declared_hash, manifest_text=manifest_text)
    return await publish_archive(db, store, read, actor=actor, policy=policy, signature=signature, check_component=check_component, now=now)


async def publish_archive(
    db: Database,
    store: BundleStore,
    read: ReadArchive,
    *,
    actor: Actor,
    policy: TrustPolicy,
    signature: bytes | None,
    check_component: CheckComponent | None,
    now: Callable[[], datetime],
    within: Within | None = None,
) -> Published:
    """As `publish_bundle`, of an archive that was read. `within` runs in the transaction that makes the version visible."""
    manifest = read.manifest
    publisher = manifest.publisher or DEFAULT_PUBLISHER
    async with db.session() as session:
        registry_id = await registry_id_for(session, manifest)
    key = bundle_key(actor.tenant_id, registry_id, read.sha256)
    stored = await read_stored_signature(store, key)
    counted = stored if signature is None else signature
    verdict = policy.judge(read.statement, counted)
    async with db.session() as session:
        # Asked again in the transaction. Here it spares the compiling and the copying.
        await check_publisher(session, publisher, tenant_id=actor.tenant_id, verdict=verdict)
        registry = await find_registry(session, manifest)
        if registry is not None and await find_version(session, registry.id, manifest.version) is not None:
            raise version_exists(registry, manifest.version)
    await check_component_of(read, check_component)
    described = Archive(manifest, read.content_hash, key, read.size, verdict, None if counted is None else counted.decode())

    async def record(session: AsyncSession) -> Published:
        await hold(session, slug(publisher, manifest.name).lower())
        await _require_own_name(session, publisher, manifest.name)
        await claim_publisher(session, publisher, tenant_id=actor.tenant_id, verdict=verdict, now=now())
        if within is not None:
            await within(session)
        return await _record(session, described, actor, now())

    async def place() -> None:
        await _place(store, key, read, counted)

    return await _carry_out(db, store, key, place, record, now)


async def _carry_out(
    db: Database,
    store: BundleStore,
    key: str,
    place: Callable[[], Awaitable[None]],
    record: Callable[[AsyncSession], Awaitable[Published]],
    now: Callable[[], datetime],
) -> Published:
    """Places the archive and records it; when that fails, the archive goes unless others need it."""
    pending_id, published = new_id(), None
    try:
        async with db.transaction() as session:
            await announce(session, key, pending_id, now())
        await place()
        for attempt in range(_ATTEMPTS):
            published = None
            try:
                async with db.transaction() as session:
                    recorded = await record(session)
                    if not await conclude(session, pending_id):
                        raise PublishInterrupted("Publishing took too long and was given up.", hint="Publish the bundle again.")
                    published = recorded
                return published
            except IntegrityError:
                # Two wrote the same new row, and this is the one that lost: now it is there to be read.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")
    except BaseException as error:
        undone = await settled(db, store, pending_id)
        # The connection was lost while it committed, and the transaction that concluded it is there: it has succeeded.
        if published is not None and undone is False and isinstance(error, Exception):
            return published
        raise


async def _place(store: BundleStore, key: str, read: ReadArchive, signature: bytes | None) -> None:
    """Puts the archive, its signature and its manifest where they are not yet."""
    if not await store.exists(key):
        await store.put(key, read.path)
        await asyncio.to_thread(require_unchanged, read)
    if signature is not None and signature != await read_stored_signature(store, key):
        await store_signature(store, key, signature)
    if not await store.exists(manifest_key(key)):
        with tempfile.TemporaryDirectory(prefix="holdfast-manifest-") as folder:
            written = Path(folder) / "manifest.json"
            written.write_text(json.dumps(read.manifest.raw, ensure_ascii=False, indent=2), encoding="utf-8")
            await store.put(manifest_key(key), written)


async def _require_own_name(session: AsyncSession, publisher: str, name: str) -> None:
    """That no other extension is written the same: not in other letter case, nor with the dot between the two elsewhere."""
    written = ExtensionRegistry.publisher + "." + ExtensionRegistry.name
    same = func.lower(written) == func.lower(slug(publisher, name))
    for registry in await session.scalars(select(ExtensionRegistry).where(same)):
        if (registry.publisher, registry.name) != (publisher, name):
            raise NameTaken(
                f"The name {slug(publisher, name)} is that of the extension {registry.name} of the publisher {registry.publisher}.",
                hint="Write publisher and name as they were first published, or take another name.",
            )


async def _record(session: AsyncSession, archive: Archive, actor: Actor, now: datetime) -> Published:
    wanted = archive.manifest.version
    if wanted.endswith("*"):
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
