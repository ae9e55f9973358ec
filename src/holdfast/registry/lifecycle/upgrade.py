"""Upgrading: moving an install to another version, with consent to what is new in it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.versions import InvalidVersion, SemVer
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.errors import Moved, RegistryError
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.installs.permissions import require_known
from holdfast.registry.installs.results import Upgraded
from holdfast.registry.lifecycle.consent import Choice, grants_after, new_requests
from holdfast.registry.lifecycle.install_rows import read_before, release_previous, set_version
from holdfast.registry.lifecycle.version_change import Locked, PreparedChange, audit_change, carry_out, describe_change, prepare_change
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.visibility import can_use
from holdfast.registry.objects.tenant_copies import delete_released
from holdfast.registry.publishing.version_manifest import require_this_host
from holdfast.registry.publishing.versions import resolve_version
from holdfast.registry.retry import retry_when_moved

__all__ = ["Upgraded", "change_version", "is_older", "upgrade_install"]


async def upgrade_install(
    using: Collaborators,
    *,
    actor: Actor,
    extension: str,
    version: str | None = None,
    consent: bool = False,
    disable_missing_schedules: bool = False,
) -> Upgraded:
    """Moves the tenant's install to a version: `1.2.3`, `1.2.*`, or None for the newest (with `consent`: for the one that waits for it).

    Settings, secrets and schedules stay, and what was revoked stays revoked. A version that requests more than the installed one, and than
    is granted, is recorded as pending and rejected until `consent` is given, which grants what was shown. Either everything happens or
    nothing. Raises SignatureRejected, TrustStoreUnusable, ExtensionNotInstalled, RegistryError (`ambiguous_extension`, `CONSENT_REQUIRED`,
    `unknown_capability`, `changed_meanwhile`), SchedulesMissing, what resolving a version raises, and errors of the store.
    """
    choice = Choice(consent=consent)
    return await change_version(using, actor, extension, version, choice, disable_missing=disable_missing_schedules)


async def change_version(
    using: Collaborators,
    actor: Actor,
    extension: str,
    wanted: ExtensionVersion | str | None,
    choice: Choice,
    *,
    disable_missing: bool,
) -> Upgraded:
    """As `upgrade_install`, with any choice, and to a version that was resolved already."""
    released: dict[str, str] = {}

    async def attempt() -> Upgraded:
        change = await _agree(using, actor, extension, wanted, choice)
        if isinstance(change, Upgraded):
            return change

        async def write(session: AsyncSession, rows: Locked) -> Upgraded:
            released.clear()
            granted = grants_after(rows.install, rows.old, rows.new, choice)
            if granted is None:
                raise Moved
            now = using.now()
            released.update(await release_previous(session, rows.install, now))
            before = await read_before(session, rows.install)
            disabled = await set_version(session, rows.install, rows.new, granted, before, disable_missing=disable_missing, now=now)
            done = describe_change(rows.install, rows.registry, rows.old, rows.new, disabled)
            audit_change(session, actor, "extension.upgraded", rows.registry, done, now)
            return done

        return await carry_out(using, actor, change, write)

    done = await retry_when_moved(attempt, name=extension)
    await delete_released(using.db, using.store, released)
    return done


async def _agree(
    using: Collaborators, actor: Actor, extension: str, wanted: ExtensionVersion | str | None, choice: Choice
) -> PreparedChange | Upgraded:
    """The change to make, or the result when there is none. Records a pending upgrade, then raises RegistryError (`CONSENT_REQUIRED`),
    without consent.
    """
    async with using.db.transaction() as session:
        install, registry, old = await require_install(session, actor.tenant_id, extension, lock=True)
        new = wanted if isinstance(wanted, ExtensionVersion) else await _target(session, install, old, wanted, choice)
        if new.id == old.id:
            return describe_change(install, registry, old, old, [])
        require_known(new)
        require_this_host(new)
        if grants_after(install, old, new, choice) is not None:
            return await prepare_change(session, using.policy, install, registry, old, new)
        consent_required = _record_pending(session, using, actor, install, registry, old, new)
    raise consent_required


def _record_pending(
    session: AsyncSession,
    using: Collaborators,
    actor: Actor,
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    old: ExtensionVersion,
    new: ExtensionVersion,
) -> RegistryError:
    more = new_requests(install, old, new)
    pending = {"version_id": new.id, "version": new.version, **more.as_lists()}
    if install.pending != pending:
        install.pending = pending
        install.updated_at = using.now()
        record_audit(
            session,
            actor,
            "extension.consent_required",
            resource_id=registry.id,
            resource_name=slug(registry.publisher, registry.name),
            now=using.now(),
            version=new.version,
            **more.as_lists(),
        )
    lists = more.as_lists()
    names = ", ".join([*lists["capabilities"], *lists["egress"]])
    return RegistryError(
        "CONSENT_REQUIRED",
        f"Version {new.version} requests more than the installed one: {names}.",
        hint="Check what is new, then upgrade with consent. Until then the installed version stays.",
        details={"version": new.version, **lists},
    )


async def _target(
    session: AsyncSession, install: TenantExtensionInstall, old: ExtensionVersion, wanted: str | None, choice: Choice
) -> ExtensionVersion:
    async def resolve(number: str | None, *, allow_yanked: bool = False) -> ExtensionVersion:
        return await resolve_version(
            session, install.registry_id, number, tenant_id=install.tenant_id, installed=old, allow_yanked=allow_yanked
        )

    if wanted is not None:
        # A tenant may stay at the version that it has, also when it was yanked since.
        return await resolve(wanted, allow_yanked=wanted.strip() == old.version)
    if choice.consent and install.pending is not None:
        # Consent is to what was shown, not to what was published after that.
        shown = await session.get(ExtensionVersion, install.pending["version_id"])
        if shown is not None and shown.yanked_at is None and can_use(shown, install.tenant_id):
            return shown
        return await resolve(install.pending["version"])
    newest = await resolve(None)
    return old if is_older(newest.version, old.version) else newest


def is_older(version: str, than: str) -> bool:
    """Whether a version comes before another; False for text that is not a version."""
    try:
        return SemVer.parse(version) < SemVer.parse(than)
    except InvalidVersion:
        return False
