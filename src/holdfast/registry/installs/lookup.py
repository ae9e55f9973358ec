"""Finding an install by its id, the registry id, `publisher.name`, or the name alone."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BindParameter, ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.uuids import as_uuid
from holdfast.registry.errors import ExtensionNotInstalled, RegistryError
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.queries import installs_of


async def find_install(
    session: AsyncSession, tenant_id: str, extension: str, *, only_enabled: bool = False
) -> tuple[TenantExtensionInstall, ExtensionRegistry, ExtensionVersion] | None:
    """The tenant's install of `extension`: install id, registry id, `publisher.name` in any letter case, or a unique name.

    Raises RegistryError (`ambiguous_extension`) for a bare name that several installs have. With `only_enabled`, others do not exist.
    """
    query = installs_of(tenant_id)
    if only_enabled:
        query = query.where(IS_ENABLED)
    name = extension.strip().lower()
    known_id = as_uuid(name)
    exact = has_full_name(name) if known_id is None else or_(has_id(known_id), has_full_name(name))
    row = (await session.execute(query.where(exact).limit(1))).first()
    if row is None:
        rows = (await session.execute(query.where(has_name(name)).limit(2))).all()
        if len(rows) > 1:
            raise ambiguous_extension(extension, [slug(found[1].publisher, found[1].name) for found in rows])
        row = rows[0] if rows else None
    return None if row is None else (row[0], row[1], row[2])


IS_ENABLED = and_(TenantExtensionInstall.is_enabled.is_(True), TenantExtensionInstall.status == "enabled")
"""The condition that an install is enabled."""


def has_id(known_id: str | BindParameter[str]) -> ColumnElement[bool]:
    """The condition that an id (or the parameter for one) is that of the install or of its extension."""
    return or_(TenantExtensionInstall.id == known_id, TenantExtensionInstall.registry_id == known_id)


def has_full_name(name: str | BindParameter[str]) -> ColumnElement[bool]:
    """The condition that a name in lower case (or the parameter for one) is `publisher.name`."""
    return func.lower(ExtensionRegistry.publisher + "." + ExtensionRegistry.name) == name


def has_name(name: str | BindParameter[str]) -> ColumnElement[bool]:
    """The condition that a name in lower case (or the parameter for one) is that of the extension without its publisher."""
    return func.lower(ExtensionRegistry.name) == name


def ambiguous_extension(extension: str, candidates: Iterable[str]) -> RegistryError:
    """The error for a bare name that several installs have; `candidates` are their full names."""
    return RegistryError(
        "ambiguous_extension",
        f"Several installed extensions are named {extension!r}.",
        hint="Name the one you mean with its publisher: publisher.name.",
        details={"candidates": sorted(candidates)},
    )


async def require_install(
    session: AsyncSession, tenant_id: str, extension: str, *, lock: bool = False
) -> tuple[TenantExtensionInstall, ExtensionRegistry, ExtensionVersion]:
    """As `find_install`, but without an install it raises ExtensionNotInstalled. With `lock`, no other
    transaction can change the install until this one ends, and its latest state is returned."""
    found = await find_install(session, tenant_id, extension)
    if found is not None and lock:
        install = await session.scalar(
            select(TenantExtensionInstall)
            .where(TenantExtensionInstall.id == found[0].id, TenantExtensionInstall.tenant_id == tenant_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        # The transaction that held the lock may have changed the version, which a locked join in one step would miss.
        version = None if install is None else await session.get(ExtensionVersion, install.version_id)
        found = None if install is None or version is None else (install, found[1], version)
    if found is None:
        raise ExtensionNotInstalled(f"{extension} is not installed.", hint="`holdfast list` shows what is.")
    return found
