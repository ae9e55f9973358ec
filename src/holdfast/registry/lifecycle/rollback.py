"""Rolling back: moving an install to the version before, with the grants it had."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.errors import Moved, RegistryError
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.installs.permissions import granted_to, named_permissions, requested_by
from holdfast.registry.installs.results import Upgraded
from holdfast.registry.lifecycle.install_rows import read_before, set_version
from holdfast.registry.lifecycle.version_change import Locked, audit_change, carry_out, describe_change, prepare_change
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.visibility import can_use
from holdfast.registry.retry import retry_when_moved


async def rollback_install(using: Collaborators, *, actor: Actor, extension: str, disable_missing_schedules: bool = False) -> Upgraded:
    """Moves the tenant's install back to the version before, with the grants of then, less what was revoked since.

    Another rollback moves forward again. The signature of that version is verified too. Raises SignatureRejected, TrustStoreUnusable,
    ExtensionNotInstalled, RegistryError (`ambiguous_extension`, `nothing_to_roll_back`, `changed_meanwhile`), SchedulesMissing, errors of
    the store.
    """

    async def attempt() -> Upgraded:
        async with using.db.session() as session:
            install, registry, old = await require_install(session, actor.tenant_id, extension)
            target = await _previous(session, install, extension)
            change = await prepare_change(session, using.policy, install, registry, old, target)

        async def write(session: AsyncSession, rows: Locked) -> Upgraded:
            previous = rows.install.previous or {}
            if previous.get("version_id") != rows.new.id:
                raise Moved
            then = named_permissions(previous.get("granted_caps", []), previous.get("granted_egress", []))
            revoked_since = (then & requested_by(rows.old)) - granted_to(rows.install)
            granted = (then - revoked_since) & requested_by(rows.new)
            now = using.now()
            before = await read_before(session, rows.install)
            disabled = await set_version(
                session,
                rows.install,
                rows.new,
                granted,
                before,
                disable_missing=disable_missing_schedules,
                enable_again=True,
                now=now,
            )
            done = describe_change(rows.install, rows.registry, rows.old, rows.new, disabled)
            audit_change(session, actor, "extension.rolled_back", rows.registry, done, now)
            return done

        return await carry_out(using, actor, change, write)

    return await retry_when_moved(attempt, name=extension)


async def _previous(session: AsyncSession, install: TenantExtensionInstall, extension: str) -> ExtensionVersion:
    version_id = (install.previous or {}).get("version_id")
    version = None if version_id is None else await session.get(ExtensionVersion, version_id)
    # Another tenant may have replaced its private version since; going back there would be an install of it.
    if version is None or version.registry_id != install.registry_id or not can_use(version, install.tenant_id):
        raise RegistryError(
            "nothing_to_roll_back", f"{extension} has no earlier version to roll back to.", hint="`holdfast versions` lists its versions."
        )
    return version
