"""The rows that say what exists: extension, version, bundle, endpoints. Written by publishing and, in development, by installing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.signing.verification import SignatureStatus
from holdfast.registry.actors import Actor
from holdfast.registry.errors import UnknownCapability, VersionConflict, VersionExists
from holdfast.registry.models import ids as identity
from holdfast.registry.models.endpoints import Endpoint, normalise_handler, normalise_path, to_stored
from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionBundle, ExtensionRegistry, ExtensionVersion
from holdfast.world.capabilities import Capability, parse_capabilities


@dataclass(frozen=True)
class Archive:
    """An archive in the bundle store. `content_hash` is `sha256:…`, `key` its place there, `size` its bytes.

    `signature` is the text of its `.minisig`, and `verdict` what is known of it.
    """

    manifest: Manifest
    content_hash: str
    key: str
    size: int
    verdict: SignatureStatus
    signature: str | None

    @property
    def publisher(self) -> str:
        return self.manifest.publisher or identity.DEFAULT_PUBLISHER


async def registry_id_for(session: AsyncSession, manifest: Manifest) -> str:
    """The id under which the extension is, or will be, known."""
    existing = await find_registry(session, manifest)
    return existing.id if existing else identity.registry_id(manifest.publisher, manifest.name)


async def publish(
    session: AsyncSession, archive: Archive, now: datetime, *, mutable_versions: bool
) -> tuple[ExtensionRegistry, ExtensionVersion]:
    """Makes the archive's extension, version, bundle and endpoints known, and the bundle the active one of its version.

    Raises VersionConflict when the version is known with other content, and was published or versions are not mutable. A version that was
    published stays as it is.
    """
    registry = await _upsert_registry(session, archive, now)
    version = await find_version(session, registry.id, archive.manifest.version)
    published = version is not None and version.published_tenant is not None
    if version is not None and (published or not mutable_versions) and not await _has_bundle(session, version.id, archive.content_hash):
        raise VersionConflict(
            f"Version {version.version} of {registry.publisher}.{registry.name} exists with other content.",
            hint="Give the changed extension a new version.",
        )
    version = version or _new_version(archive, registry, archive.manifest.version)
    if not published:
        await _write_version(session, archive, version, now)
    return registry, version


async def publish_once(
    session: AsyncSession, archive: Archive, version: str, actor: Actor, now: datetime
) -> tuple[ExtensionRegistry, ExtensionVersion]:
    """Makes the archive known as `version` (no `X.Y.*`), which from then on is what it is. Raises VersionExists when it is known."""
    registry = await _upsert_registry(session, archive, now)
    if await find_version(session, registry.id, version) is not None:
        raise version_exists(registry, version)
    made = _new_version(archive, registry, version)
    made.published_tenant, made.published_by = actor.tenant_id, actor.user_id
    await _write_version(session, archive, made, now)
    return registry, made


async def find_registry(session: AsyncSession, manifest: Manifest) -> ExtensionRegistry | None:
    """The extension of that publisher and name, if it is known."""
    return await _find_registry(session, manifest.publisher or identity.DEFAULT_PUBLISHER, manifest.name)


async def find_version(session: AsyncSession, registry_id: str, version: str) -> ExtensionVersion | None:
    """The version with exactly that text."""
    return await session.scalar(
        select(ExtensionVersion).where(ExtensionVersion.registry_id == registry_id, ExtensionVersion.version == version)
    )


def version_exists(registry: ExtensionRegistry, version: str) -> VersionExists:
    """The refusal to publish a version a second time."""
    name = identity.slug(registry.publisher, registry.name)
    return VersionExists(
        f"Version {version} of {name} exists already.",
        hint="A version never changes. Give the extension a new version in its manifest and publish that.",
        details={"extension": name, "version": version},
    )


def requested_capabilities(manifest: Manifest) -> frozenset[Capability]:
    """The capabilities a manifest asks for. Raises UnknownCapability when one does not exist."""
    known, unknown = parse_capabilities(manifest.capabilities)
    if unknown:
        raise UnknownCapability(
            f"The manifest asks for capabilities that do not exist: {', '.join(unknown)}.",
            hint=f"Known ones are {', '.join(sorted(Capability))}.",
            details={"unknown": unknown},
        )
    return known


async def _find_registry(session: AsyncSession, publisher: str, name: str) -> ExtensionRegistry | None:
    return await session.scalar(select(ExtensionRegistry).where(ExtensionRegistry.publisher == publisher, ExtensionRegistry.name == name))


async def _upsert_registry(session: AsyncSession, archive: Archive, now: datetime) -> ExtensionRegistry:
    manifest = archive.manifest
    registry = await _find_registry(session, archive.publisher, manifest.name)
    if registry is None:
        registry = ExtensionRegistry(
            id=identity.registry_id(manifest.publisher, manifest.name), publisher=archive.publisher, name=manifest.name, created_at=now
        )
        session.add(registry)
    registry.display_name = manifest.display_name or manifest.name
    registry.description = manifest.description or ""
    registry.updated_at = now
    await session.flush()
    return registry


def _new_version(archive: Archive, registry: ExtensionRegistry, version: str) -> ExtensionVersion:
    manifest = archive.manifest
    return ExtensionVersion(
        id=identity.version_id(manifest.publisher, manifest.name, version), registry_id=registry.id, version=version, api_endpoints=[]
    )


async def _write_version(session: AsyncSession, archive: Archive, version: ExtensionVersion, now: datetime) -> None:
    manifest = archive.manifest
    version.created_at = version.created_at or now
    session.add(version)
    version.runtime = manifest.runtime
    version.main_entry = manifest.entry or (manifest.ui.entry if manifest.ui else None) or "dist/main.wasm"
    version.api = manifest.raw.get("api") or {}
    version.ui = stored_ui(manifest)
    version.capabilities = sorted(str(capability) for capability in requested_capabilities(manifest))
    version.egress = list(dict.fromkeys(manifest.egress))
    version.manifest = manifest.raw
    version.api_endpoints = [to_stored(endpoint) for endpoint in _endpoints(manifest)]
    await session.flush()
    await _activate_bundle(session, archive, version, now)
    await _replace_endpoints(session, version, now)


async def _activate_bundle(session: AsyncSession, archive: Archive, version: ExtensionVersion, now: datetime) -> None:
    newest = await session.scalar(select(func.max(ExtensionBundle.created_at)).where(ExtensionBundle.version_id == version.id))
    bundle = await session.scalar(
        select(ExtensionBundle).where(ExtensionBundle.version_id == version.id, ExtensionBundle.content_hash == archive.content_hash)
    )
    if bundle is None:
        manifest = archive.manifest
        bundle = ExtensionBundle(
            id=identity.bundle_id(manifest.publisher, manifest.name, version.version, archive.content_hash),
            version_id=version.id,
            content_hash=archive.content_hash,
        )
        session.add(bundle)
    bundle.storage_url = archive.key
    bundle.size_bytes = archive.size
    if archive.signature is not None:
        # The bytes are the same, so what another tenant's install had as signature is one for this install too.
        bundle.signature = archive.signature
    # The newest is the active one, so it must be newer than every other even when the clock stands still or goes back.
    bundle.created_at = now if newest is None or newest < now else newest + timedelta(microseconds=1)
    await session.flush()


async def _replace_endpoints(session: AsyncSession, version: ExtensionVersion, now: datetime) -> None:
    rows = await session.scalars(select(ExtensionApiEndpoint).where(ExtensionApiEndpoint.version_id == version.id))
    stale = {(row.method, row.path): row for row in rows}
    for endpoint in version.api_endpoints:
        row = stale.pop((endpoint["method"], endpoint["path"]), None)
        if row is None:
            row = ExtensionApiEndpoint(version_id=version.id, method=endpoint["method"], path=endpoint["path"], created_at=now)
            session.add(row)
        row.handler = endpoint["handler"]
        row.updated_at = now
    if stale:
        await session.execute(delete(ExtensionApiEndpoint).where(ExtensionApiEndpoint.id.in_([row.id for row in stale.values()])))
    await session.flush()


async def _has_bundle(session: AsyncSession, version_id: str, content_hash: str) -> bool:
    query = select(ExtensionBundle.id).where(ExtensionBundle.version_id == version_id, ExtensionBundle.content_hash == content_hash)
    return await session.scalar(query) is not None


def _endpoints(manifest: Manifest) -> list[Endpoint]:
    # By method and path: what differs only in its slashes is the same endpoint, and the last one counts.
    endpoints = {}
    for declared in manifest.endpoints:
        endpoint = Endpoint(
            method=declared.method.upper(),
            path=normalise_path(declared.path),
            handler=normalise_handler(declared.handler),
            schedulable=declared.schedulable,
            permission=declared.permission,
            client_portal=declared.client_portal,
        )
        endpoints[endpoint.method, endpoint.path] = endpoint
    return list(endpoints.values())


def stored_ui(manifest: Manifest) -> dict[str, Any] | None:
    """What is stored of a manifest's `ui`: type, entry, and the labels of its two menu hooks."""
    if manifest.ui is None:
        return None
    stored: dict[str, Any] = {"type": manifest.ui.type, "entry": manifest.ui.entry}
    hooks: dict[str, Any] = {}
    if manifest.ui.hooks and manifest.ui.hooks.app_menu and (label := manifest.ui.hooks.app_menu.label.strip()):
        hooks["appMenu"] = {"label": label}
    if manifest.ui.hooks and manifest.ui.hooks.client_portal_menu and (label := manifest.ui.hooks.client_portal_menu.label.strip()):
        hooks["clientPortalMenu"] = {"label": label}
    if hooks:
        stored["hooks"] = hooks
    return stored
