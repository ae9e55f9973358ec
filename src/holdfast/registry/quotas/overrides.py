"""The limits that one install has of its own: read, and changed by administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import RegistryError
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import TenantExtensionInstall
from holdfast.registry.quotas.kinds import ALL, QuotaLimits, QuotaOverrides
from holdfast.registry.quotas.results import MAX_LIMIT


def overrides_of(install: TenantExtensionInstall) -> QuotaOverrides:
    """The limits that the install has of its own."""
    return QuotaOverrides(**{quota: getattr(install, f"quota_{quota}") for quota in ALL})


async def set_quotas(
    db: Database,
    *,
    actor: Actor,
    extension: str,
    changes: Mapping[str, int | None],
    highest: QuotaLimits | None,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Gives an install limits of its own: `changes` by quota, see `QuotaOverrides`; the others stay. Writes an audit row.

    `highest` are the limits that the actor may not exceed: an administrator of a tenant may not take more than the operator gives it.
    None means that the actor is the operator. Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`, `quota_invalid`,
    `quota_above_limit`).
    """
    for quota, limit in changes.items():
        _check(quota, limit, highest)
    async with db.transaction() as session:
        install, registry, _version = await require_install(session, actor.tenant_id, extension, lock=True)
        for quota, limit in changes.items():
            setattr(install, f"quota_{quota}", limit)
        install.updated_at = now()
        record_audit(
            session,
            actor,
            "quotas.changed",
            resource_id=registry.id,
            resource_name=slug(registry.publisher, registry.name),
            now=now(),
            quotas=dict(changes),
        )


def _check(quota: str, limit: int | None, highest: QuotaLimits | None) -> None:
    if quota not in ALL:
        raise RegistryError("quota_invalid", f"There is no quota named {quota!r}.", hint=f"Use one of {', '.join(ALL)}.")
    if limit is None:
        return
    if not 0 <= limit <= MAX_LIMIT:
        raise RegistryError("quota_invalid", f"The limit of {quota} is not between 0 and {MAX_LIMIT:,}.", hint="Use 0 for no limit.")
    most = None if highest is None else getattr(highest, quota)
    if most is not None and not 0 < limit <= most:
        raise RegistryError(
            "quota_above_limit",
            f"The limit of {quota} would be above that of the server, {most:,}.",
            hint="Choose a lower limit, or ask the operator of the server to set it with `holdfast quotas set` on its data folder.",
            details={"quota": quota, "limit": most},
        )
