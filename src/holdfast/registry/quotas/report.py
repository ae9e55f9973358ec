"""The report of quotas: what the installs of a tenant have used today, and what they may use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.columns import UuidText
from holdfast.records.database.database import Database
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.models.installs import ExtensionQuotaUsage, ExtensionRegistry, TenantExtensionInstall
from holdfast.registry.models.queries import installs_of
from holdfast.registry.quotas.kinds import DAILY, QuotaLimits, QuotaOverrides, day_of, next_day, warn_at
from holdfast.registry.quotas.overrides import overrides_of
from holdfast.registry.quotas.results import InstallQuotas, QuotaState, QuotaUse
from holdfast.registry.quotas.usage_table import Counts

# The storage package is beside this one, not below: only the name of its table is used.
_STORAGE = table(
    "ext_storage_usage", column("tenant", UuidText), column("extension_install_id", UuidText), column("bytes_used", BigInteger)
)


async def read_quotas(db: Database, limits: QuotaLimits, *, tenant_id: str, extension: str | None, now: datetime) -> list[InstallQuotas]:
    """The quotas of the tenant's installs by publisher and name, or of one install (by any of its names).

    Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`).
    """
    day = day_of(now)
    async with db.session() as session:
        found = await _installs(session, tenant_id, extension)
        used = await _used(session, tenant_id, day)
        stored = await _stored(session, tenant_id)
    return [
        InstallQuotas(
            registry_id=registry.id,
            install_id=install.id,
            publisher=registry.publisher,
            name=registry.name,
            day=day,
            resets_at=next_day(day),
            quotas=_uses(limits, overrides_of(install), used.get(registry.id, Counts()), stored.get(install.id, 0)),
        )
        for install, registry in found
    ]


def quota_state(used: int, limit: int | None) -> QuotaState:
    """How a quota stands."""
    if limit is None or used < warn_at(limit):
        return "ok"
    return "exceeded" if used >= limit else "warning"


async def _installs(session: AsyncSession, tenant_id: str, extension: str | None) -> list[tuple[TenantExtensionInstall, ExtensionRegistry]]:
    if extension is not None:
        install, registry, _ = await require_install(session, tenant_id, extension)
        return [(install, registry)]
    query = installs_of(tenant_id).order_by(ExtensionRegistry.publisher, ExtensionRegistry.name)
    return [(install, registry) for install, registry, _ in await session.execute(query)]


async def _used(session: AsyncSession, tenant_id: str, day: datetime) -> dict[str, Counts]:
    rows = await session.scalars(
        select(ExtensionQuotaUsage).where(ExtensionQuotaUsage.tenant_id == tenant_id, ExtensionQuotaUsage.window_start == day)
    )
    return {row.registry_id: Counts(row.invocations, row.cpu_ms, row.fuel, row.egress_bytes) for row in rows}


async def _stored(session: AsyncSession, tenant_id: str) -> dict[str, int]:
    rows = await session.execute(select(_STORAGE.c.extension_install_id, _STORAGE.c.bytes_used).where(_STORAGE.c.tenant == tenant_id))
    return {install_id: int(size) for install_id, size in rows}


def _uses(settings: QuotaLimits, overrides: QuotaOverrides, used: Counts, stored: int) -> list[QuotaUse]:
    limits = settings.replaced_by(overrides)
    amounts = {**{quota: getattr(used, quota) for quota in DAILY}, "storage_bytes": stored}
    return [
        QuotaUse(quota=quota, used=amount, limit=limit, state=quota_state(amount, limit), is_own=getattr(overrides, quota) is not None)
        for quota, amount in amounts.items()
        for limit in [getattr(limits, quota)]
    ]
