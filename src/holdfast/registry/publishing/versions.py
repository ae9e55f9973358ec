"""Versions: listing them, resolving which one a tenant means, and yanking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.versions import Wildcard, parse_versions
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import RegistryError
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.visibility import extension_visible_to, version_visible_to
from holdfast.registry.publishing.publisher_names import require_owner
from holdfast.registry.publishing.results import VersionSummary
from holdfast.registry.publishing.signature_check import signing_key_id
from holdfast.registry.publishing.version_rows import find_version

_WHICH = "`holdfast versions` lists them."


async def list_versions(db: Database, *, tenant_id: str, extension: str) -> list[VersionSummary]:
    """The versions that a tenant can see, yanked ones too, the newest published first.

    Raises RegistryError (`extension_not_found`, `ambiguous_extension`).
    """
    async with db.session() as session:
        registry = await require_extension(session, tenant_id, extension)
        installed = await session.scalar(
            select(TenantExtensionInstall.version_id).where(
                TenantExtensionInstall.tenant_id == tenant_id, TenantExtensionInstall.registry_id == registry.id
            )
        )
        versions = (
            await session.scalars(
                select(ExtensionVersion)
                .where(
                    ExtensionVersion.registry_id == registry.id,
                    or_(version_visible_to(tenant_id), ExtensionVersion.id == installed),
                )
                .order_by(ExtensionVersion.created_at.desc())
            )
        ).all()
        bundles = await session.scalars(
            select(ExtensionBundle)
            .join(ExtensionVersion, ExtensionVersion.id == ExtensionBundle.version_id)
            .where(ExtensionVersion.registry_id == registry.id)
            .order_by(ExtensionBundle.created_at, ExtensionBundle.content_hash)
        )
        active = {bundle.version_id: bundle for bundle in bundles}
    return [_summary(version, active.get(version.id), version.id == installed) for version in versions]


async def find_extension(session: AsyncSession, tenant_id: str, extension: str) -> ExtensionRegistry | None:
    """The extension that a tenant can see with that registry id, `publisher.name` in any letter case, or name when only one has it.

    Raises RegistryError (`ambiguous_extension`) when several match equally well.
    """
    name = extension.strip()
    visible = select(ExtensionRegistry).where(extension_visible_to(tenant_id))
    if (known_id := as_uuid(name.lower())) is not None:
        found = await session.scalar(visible.where(ExtensionRegistry.id == known_id))
        if found is not None:
            return found
    full_name = ExtensionRegistry.publisher + "." + ExtensionRegistry.name
    query = visible.where(or_(func.lower(full_name) == name.lower(), func.lower(ExtensionRegistry.name) == name.lower()))
    fitting = (await session.scalars(query)).all()
    # The best match wins: the same letters, then the full name in any letter case, then the name without publisher.
    for nearer in (lambda full: full == name, lambda full: full.lower() == name.lower(), lambda full: True):
        found_here = [registry for registry in fitting if nearer(slug(registry.publisher, registry.name))]
        if len(found_here) > 1:
            raise RegistryError(
                "ambiguous_extension",
                f"Several extensions are named {extension!r}.",
                hint="Name the one you mean with its publisher, publisher.name, or by its id.",
                details={"candidates": sorted(slug(registry.publisher, registry.name) for registry in found_here)},
            )
        if found_here:
            return found_here[0]
    return None


async def require_extension(session: AsyncSession, tenant_id: str, extension: str) -> ExtensionRegistry:
    """As `find_extension`. Raises RegistryError (`extension_not_found`) too."""
    found = await find_extension(session, tenant_id, extension)
    if found is None:
        raise RegistryError("extension_not_found", f"No extension {extension} found.", hint="Publish it first, or correct its name.")
    return found


async def resolve_version(
    session: AsyncSession,
    registry_id: str,
    wanted: str | None,
    *,
    tenant_id: str,
    installed: ExtensionVersion | None = None,
    allow_yanked: bool = False,
) -> ExtensionVersion:
    """The version that a tenant means: exactly `1.2.3`; the highest release X.Y.n for `X.Y.*`; the newest for None.

    The newest is the highest release; without a release, the highest pre-release. Patterns and None skip yanked versions. A public version
    always wins; only where none matches, a version that is private to the tenant, or the `installed` one, is meant.

    Raises InvalidVersion, RegistryError (`version_not_found`); RegistryError (`version_yanked`) for a yanked one that was named exactly,
    unless `allow_yanked`.
    """
    usable = version_visible_to(tenant_id)
    if installed is not None:
        usable = or_(usable, ExtensionVersion.id == installed.id)
    rows = (
        await session.scalars(
            select(ExtensionVersion).where(ExtensionVersion.registry_id == registry_id, usable).order_by(ExtensionVersion.created_at)
        )
    ).all()
    public, private = ([row for row in rows if (row.private_tenant is None) is is_public] for is_public in (True, False))
    found = _choose(public, wanted) or _choose(private, wanted)
    if found is None:
        what = "version" if wanted is None else f"version {wanted}"
        suffix = "" if wanted is not None and not wanted.endswith("*") else " that can be installed"
        raise RegistryError("version_not_found", f"No {what}{suffix} found.", hint=_WHICH)
    if found.yanked_at is not None and not allow_yanked:
        raise _yanked(found)
    return found


def _choose(versions: Sequence[ExtensionVersion], wanted: str | None) -> ExtensionVersion | None:
    if wanted is not None and not wanted.endswith("*"):
        return next((row for row in versions if row.version == wanted), None)
    usable = {row.version: row for row in versions if row.yanked_at is None}
    number = _newest(list(usable)) if wanted is None else _newest_of(wanted, usable)
    return None if number is None else usable[number]


def _newest(versions: list[str]) -> str | None:
    ordered = parse_versions(versions)
    releases = [text for version, text in ordered.items() if not version.pre]
    # Other platforms publish versions that are not SemVer; then the one that was published last is the newest.
    candidates = releases or list(ordered.values()) or versions
    return candidates[-1] if candidates else None


def _newest_of(pattern: str, versions: Iterable[str]) -> str | None:
    """Raises InvalidVersion."""
    wildcard = Wildcard.parse(pattern)
    fitting = [text for version, text in parse_versions(versions).items() if wildcard.matches(version)]
    return fitting[-1] if fitting else None


async def next_of(session: AsyncSession, registry_id: str, pattern: str) -> str:
    """The version that `X.Y.*` is published as: one above the highest release X.Y.n, or X.Y.0. Raises InvalidVersion."""
    known = await session.scalars(
        select(ExtensionVersion.version_key).where(ExtensionVersion.registry_id == registry_id, ExtensionVersion.private_tenant.is_(None))
    )
    return str(Wildcard.parse(pattern).next_after(parse_versions(known)))


async def yank(
    db: Database, *, actor: Actor, extension: str, version: str, reason: str | None, now: Callable[[], datetime] = utc_now
) -> None:
    """Yanks a version: it cannot be installed any more; existing installs are unaffected. Yanking again changes the reason.

    Raises RegistryError (`extension_not_found`, `ambiguous_extension`, `version_not_found`); RegistryError (`PUBLISHER_TAKEN`) unless the
    publisher's name is the actor's tenant's.
    """
    await _mark(db, actor, extension, version, "extension.yanked", now(), reason, yanked=True)


async def unyank(db: Database, *, actor: Actor, extension: str, version: str, now: Callable[[], datetime] = utc_now) -> None:
    """Undoes `yank`, and raises as that does."""
    await _mark(db, actor, extension, version, "extension.unyanked", now(), None, yanked=False)


async def _mark(
    db: Database, actor: Actor, extension: str, version: str, event: str, now: datetime, reason: str | None, *, yanked: bool
) -> None:
    async with db.transaction() as session:
        registry = await require_extension(session, actor.tenant_id, extension)
        await require_owner(session, registry.publisher, tenant_id=actor.tenant_id)
        found = await _named(session, registry.id, version)
        if yanked:
            found.yanked_at = found.yanked_at or now
            found.yanked_reason = reason
        else:
            found.yanked_at = found.yanked_reason = None
        name = slug(registry.publisher, registry.name)
        details = {"version": found.version} | ({} if reason is None else {"reason": reason})
        record_audit(session, actor, event, resource_id=registry.id, resource_name=name, now=now, **details)


async def _named(session: AsyncSession, registry_id: str, version: str) -> ExtensionVersion:
    found = await find_version(session, registry_id, version)
    if found is None:
        raise RegistryError("version_not_found", f"No version {version} found.", hint=_WHICH)
    return found


def _yanked(version: ExtensionVersion) -> RegistryError:
    because = f": {version.yanked_reason}" if version.yanked_reason else ""
    return RegistryError(
        "version_yanked",
        f"Version {version.version} was yanked by its publisher{because}.",
        hint="Install another version.",
        details={"version": version.version, "reason": version.yanked_reason},
    )


def _summary(version: ExtensionVersion, bundle: ExtensionBundle | None, installed: bool) -> VersionSummary:
    return VersionSummary(
        version_id=version.id,
        version=version.version,
        published_at=version.created_at,
        content_hash=None if bundle is None else bundle.content_hash,
        size_bytes=None if bundle is None else bundle.size_bytes,
        installed=installed,
        private=version.private_tenant is not None,
        yanked=version.yanked_at is not None,
        yanked_reason=version.yanked_reason,
        capabilities=list(version.capabilities),
        egress=list(version.egress),
        signing_key_id=None if bundle is None else signing_key_id(bundle.signature),
    )
