"""The rows of an extension, its versions, their bundles and endpoints: written by publishing, and privately by development installs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.records.database.uuids import new_id
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.registry.actors import Actor
from holdfast.registry.errors import RegistryError, VersionConflict
from holdfast.registry.models import ids as identity
from holdfast.registry.models.endpoints import Endpoint, normalise_handler, normalise_path, to_stored
from holdfast.registry.models.installs import (
    ExtensionApiEndpoint,
    ExtensionBundle,
    ExtensionRegistry,
    ExtensionVersion,
    TenantExtensionInstall,
)
from holdfast.world.capabilities import Capability, parse_capabilities


@dataclass(frozen=True)
class Archive:
    """An archive in the bundle store. `content_hash` is `sha256:…`, `key` its place there, `size` its bytes.

    `signature` is the text of its `.minisig`, and `verdict` the result of verifying it.
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
    """The id that the extension has, or will get."""
    existing = await find_registry(session, manifest)
    return existing.id if existing else identity.registry_id(manifest.publisher, manifest.name)


async def publish_replaceable(
    session: AsyncSession, archive: Archive, now: datetime, *, tenant_id: str, mutable_versions: bool
) -> tuple[ExtensionRegistry, ExtensionVersion]:
    """Writes the rows of a version that is private to a tenant, and makes the archive its active bundle; replaces what the version was.

    A published version is never replaced: with the same content it is returned itself, with other content VersionConflict is raised. A
    private version that existed before another tenant published the number is replaced all the same. Without `mutable_versions` other
    content always raises VersionConflict.
    """
    registry = await _find_or_create_registry(session, archive, now)
    number = archive.manifest.version
    own = await _find_private(session, registry.id, number, tenant_id)
    public = await find_version(session, registry.id, number)
    if public is not None and public.published_tenant is not None:
        if await _has_bundle(session, public.id, archive.content_hash):
            return registry, public
        if own is None or public.published_tenant == tenant_id:
            raise _version_conflict(registry, public)
    elif public is not None and own is None and await _is_only_installed_by(session, public.id, tenant_id):
        # The existing platform's install script wrote it for this tenant.
        public.private_tenant, own = tenant_id, public
    if own is not None and not mutable_versions and not await _has_bundle(session, own.id, archive.content_hash):
        raise _version_conflict(registry, own)
    await _describe_privately(session, registry, archive, tenant_id, now)
    version = own or await _new_private_version(session, archive, registry, tenant_id)
    await _write_version(session, archive, version, now)
    return registry, version


async def publish_once(
    session: AsyncSession, archive: Archive, version: str, actor: Actor, now: datetime
) -> tuple[ExtensionRegistry, ExtensionVersion]:
    """Writes the rows of the public version `version` (not `X.Y.*`), which never changes after that. Raises VersionConflict."""
    registry = await _find_or_create_registry(session, archive, now)
    if await find_version(session, registry.id, version) is not None:
        raise version_exists(registry, version)
    _describe(registry, archive, now)
    await _release_plain_number(session, registry.id, version)
    made = ExtensionVersion(
        id=await _free_id(session, ExtensionVersion, identity.version_id(registry.publisher, registry.name, version)),
        registry_id=registry.id,
        version=version,
        api_endpoints=[],
    )
    made.published_tenant, made.published_by = actor.tenant_id, actor.user_id
    await _write_version(session, archive, made, now)
    return registry, made


async def find_registry(session: AsyncSession, manifest: Manifest) -> ExtensionRegistry | None:
    """The extension of that publisher and name, if it exists."""
    return await _find_registry(session, manifest.publisher or identity.DEFAULT_PUBLISHER, manifest.name)


async def find_version(session: AsyncSession, registry_id: str, version: str) -> ExtensionVersion | None:
    """The public version with exactly that number."""
    return await session.scalar(
        select(ExtensionVersion).where(
            ExtensionVersion.registry_id == registry_id,
            ExtensionVersion.version_key == version,
            ExtensionVersion.private_tenant.is_(None),
        )
    )


async def _find_private(session: AsyncSession, registry_id: str, version: str, tenant_id: str) -> ExtensionVersion | None:
    keys = (version, identity.private_version_key(version, tenant_id))
    return await session.scalar(
        select(ExtensionVersion).where(
            ExtensionVersion.registry_id == registry_id,
            ExtensionVersion.version_key.in_(keys),
            ExtensionVersion.private_tenant == tenant_id,
        )
    )


async def _new_private_version(session: AsyncSession, archive: Archive, registry: ExtensionRegistry, tenant_id: str) -> ExtensionVersion:
    """A version of the tenant's own. The development tenant's has the plain number and the ids that the guide prints, where they are free.

    Others never get these: a script that inserts for the development tenant must not meet another tenant's row.
    """
    number = archive.manifest.version
    is_development = tenant_id == DEVELOPMENT_TENANT_ID
    preferred = (
        identity.version_id(registry.publisher, registry.name, number)
        if is_development
        else identity.private_version_id(tenant_id, registry.publisher, registry.name, number)
    )
    holder = await session.scalar(
        select(ExtensionVersion.id).where(ExtensionVersion.registry_id == registry.id, ExtensionVersion.version_key == number)
    )
    return ExtensionVersion(
        id=await _free_id(session, ExtensionVersion, preferred),
        registry_id=registry.id,
        version_key=number if is_development and holder is None else identity.private_version_key(number, tenant_id),
        private_tenant=tenant_id,
        api_endpoints=[],
    )


async def _release_plain_number(session: AsyncSession, registry_id: str, version: str) -> None:
    """Lets a public version have the plain number in the column `version`; a private one that has it gets its tenant appended."""
    holder = await session.scalar(
        select(ExtensionVersion).where(ExtensionVersion.registry_id == registry_id, ExtensionVersion.version_key == version)
    )
    if holder is not None and holder.private_tenant is not None:
        holder.version_key = identity.private_version_key(version, holder.private_tenant)
        await session.flush()


async def _is_only_installed_by(session: AsyncSession, version_id: str, tenant_id: str) -> bool:
    tenants = await session.scalars(select(TenantExtensionInstall.tenant_id).where(TenantExtensionInstall.version_id == version_id))
    return set(tenants.all()) == {tenant_id}


async def _free_id(session: AsyncSession, table: type[ExtensionVersion | ExtensionBundle], preferred: str) -> str:
    # A private version may have the id that a public one would have, and the other way round.
    return preferred if await session.get(table, preferred) is None else new_id()


def _version_conflict(registry: ExtensionRegistry, version: ExtensionVersion) -> VersionConflict:
    return VersionConflict(
        f"Version {version.version} of {registry.publisher}.{registry.name} exists with other content.",
        hint="Give the changed extension a new version.",
    )


def version_exists(registry: ExtensionRegistry, version: str) -> VersionConflict:
    """The error of publishing a version a second time."""
    name = identity.slug(registry.publisher, registry.name)
    return VersionConflict(
        f"Version {version} of {name} exists already.",
        hint="A version never changes. Give the extension a new version in its manifest and publish that.",
        details={"extension": name, "version": version},
    )


def requested_capabilities(manifest: Manifest) -> frozenset[Capability]:
    """The capabilities a manifest requests. Raises RegistryError (`unknown_capability`) when one does not exist."""
    known, unknown = parse_capabilities(manifest.capabilities)
    if unknown:
        raise RegistryError(
            "unknown_capability",
            f"The manifest requests capabilities that do not exist: {', '.join(unknown)}.",
            hint=f"Known ones are {', '.join(sorted(Capability))}.",
            details={"unknown": unknown},
        )
    return known


async def _find_registry(session: AsyncSession, publisher: str, name: str) -> ExtensionRegistry | None:
    return await session.scalar(select(ExtensionRegistry).where(ExtensionRegistry.publisher == publisher, ExtensionRegistry.name == name))


async def _find_or_create_registry(session: AsyncSession, archive: Archive, now: datetime) -> ExtensionRegistry:
    manifest = archive.manifest
    registry = await _find_registry(session, archive.publisher, manifest.name)
    if registry is None:
        registry = ExtensionRegistry(
            id=identity.registry_id(manifest.publisher, manifest.name), publisher=archive.publisher, name=manifest.name, created_at=now
        )
        _describe(registry, archive, now)
        session.add(registry)
        await session.flush()
    return registry


def _describe(registry: ExtensionRegistry, archive: Archive, now: datetime) -> None:
    registry.display_name = archive.manifest.display_name or archive.manifest.name
    registry.description = archive.manifest.description or ""
    registry.updated_at = now


async def _describe_privately(session: AsyncSession, registry: ExtensionRegistry, archive: Archive, tenant_id: str, now: datetime) -> None:
    """Describes the extension by a private version, unless another tenant can see the description."""
    owners = await session.scalars(select(ExtensionVersion.private_tenant).where(ExtensionVersion.registry_id == registry.id).distinct())
    if set(owners.all()) == {tenant_id} or registry.display_name is None:
        _describe(registry, archive, now)


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
        bundle = ExtensionBundle(
            id=await _free_id(session, ExtensionBundle, _preferred_bundle_id(archive, version)),
            version_id=version.id,
            content_hash=archive.content_hash,
        )
        session.add(bundle)
    bundle.storage_url = archive.key
    bundle.size_bytes = archive.size
    if archive.signature is not None:
        # The bytes are the same, so a signature that was recorded with an earlier archive is valid for this one.
        bundle.signature = archive.signature
    # The newest is the active one, so it must be newer than every other even when the clock stops or goes back.
    bundle.created_at = now if newest is None or newest < now else newest + timedelta(microseconds=1)
    await session.flush()


def _preferred_bundle_id(archive: Archive, version: ExtensionVersion) -> str:
    named = (archive.manifest.publisher, archive.manifest.name, version.version, archive.content_hash)
    owner = version.private_tenant
    return identity.bundle_id(*named) if owner in (None, DEVELOPMENT_TENANT_ID) else identity.private_bundle_id(str(owner), *named)


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
    # By method and path: endpoints that differ only in slashes are the same, and the last one wins.
    endpoints = {}
    for declared in manifest.endpoints:
        endpoint = Endpoint(
            method=declared.method.upper(),
            path=normalise_path(declared.path),
            handler=normalise_handler(declared.handler),
            schedulable=declared.schedulable,
            permission=declared.permission,
            client_portal=declared.client_portal,
            request_headers=tuple(sorted({*manifest.request_headers, *declared.request_headers})),
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
