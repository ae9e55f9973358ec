"""Moving an install to another version: upgrade, with consent for what is new in it, and the way back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.protocol import BundleStore
from holdfast.bundles.versions import InvalidVersion, SemVer
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import Moved
from holdfast.registry.installs.config import record_defaults
from holdfast.registry.installs.permissions import Permissions, asked_by, granted_to, of_names, require_asked, require_known, set_granted
from holdfast.registry.installs.schedules import Calls, move_schedules, scheduled_calls
from holdfast.registry.installs.upgrade_errors import (
    ConsentRequired,
    MissingSchedule,
    NothingToRollBack,
    SchedulesMissing,
)
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.lookups import active_bundle, require_install
from holdfast.registry.objects.object_transaction import object_transaction
from holdfast.registry.objects.tenant_copies import (
    TenantCopy,
    content_hashes,
    copy_bundle,
    delete_released,
    release_copies,
)
from holdfast.registry.publishing.signature_check import judge_version
from holdfast.registry.publishing.version_manifest import manifest_of, require_this_host
from holdfast.registry.publishing.versions import resolve_version
from holdfast.registry.retry import retry_when_moved

__all__ = [
    "Choice",
    "ConsentRequired",
    "MissingSchedule",
    "NothingToRollBack",
    "SchedulesMissing",
    "Upgraded",
    "change_version",
    "rollback_install",
    "upgrade_install",
]


class Upgraded(Struct, frozen=True, kw_only=True):
    """What an install is now. `from_version` is what it was; both are equal when there was nothing to do.

    `granted` and `egress` are what it may do now; `disabled_schedules` call endpoints that the version does not have.
    """

    install_id: str
    registry_id: str
    from_version: str
    version: str
    granted: list[str]
    egress: list[str]
    disabled_schedules: list[MissingSchedule]


class Choice(Struct, frozen=True, kw_only=True):
    """What whoever upgrades has agreed to: with `consent` all that was shown; `capabilities` and `egress` are exactly what to grant."""

    consent: bool = False
    capabilities: list[str] | None = None
    egress: list[str] | None = None


class _Step(Struct, frozen=True, kw_only=True):
    """A change of version that was looked at and may be made, as long as the install is still at `old_id`."""

    install_id: str
    registry_id: str
    old_id: str
    new_id: str
    name: str
    bundle: ExtensionBundle | None


async def upgrade_install(
    db: Database,
    store: BundleStore,
    *,
    actor: Actor,
    policy: TrustPolicy,
    extension: str,
    version: str | None = None,
    consent: bool = False,
    disable_missing_schedules: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Upgraded:
    """Moves the tenant's install to a version: `1.2.3`, `1.2.*`, or None for the newest (with `consent`: for the one that waits for it).

    Settings, secrets and schedules stay, and what was revoked stays revoked. A version that asks for more than the installed one, and than
    is granted, is recorded as pending and refused until `consent` is given, which grants what was shown. Either all of it happens or
    nothing. `policy` judges the signature of the version's bundle. Raises SignatureRejected, TrustStoreUnusable, ExtensionNotInstalled,
    AmbiguousExtension, ConsentRequired, SchedulesMissing, UnknownCapability, ChangedMeanwhile,
    what resolving a version raises, and errors of the store.
    """
    choice = Choice(consent=consent)
    return await change_version(db, store, actor, policy, extension, version, choice, disable_missing=disable_missing_schedules, now=now)


async def rollback_install(
    db: Database,
    store: BundleStore,
    *,
    actor: Actor,
    policy: TrustPolicy,
    extension: str,
    disable_missing_schedules: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Upgraded:
    """Moves the tenant's install back to the version before, with the grants of then, less what was revoked since.

    Another rollback comes forward again. `policy` judges that version's signature too. Raises SignatureRejected, TrustStoreUnusable,
    ExtensionNotInstalled, AmbiguousExtension, NothingToRollBack, SchedulesMissing,
    ChangedMeanwhile, errors of the store.
    """

    async def attempt() -> Upgraded:
        async with db.session() as session:
            install, registry, old = await require_install(session, actor.tenant_id, extension)
            target = await _previous(session, install, extension)
            step = await _step(session, policy, install, registry, old, target)

        async def write(session: AsyncSession) -> Upgraded:
            install, registry, old, new = await _begin(session, actor, step)
            previous = install.previous or {}
            if previous.get("version_id") != new.id:
                raise Moved
            then = of_names(previous.get("granted_caps", []), previous.get("granted_egress", []))
            revoked_since = (then & asked_by(old)) - granted_to(install)
            granted = (then - revoked_since) & asked_by(new)
            calls = await scheduled_calls(session, install)
            disabled = await put_on_version(
                session, install, old, new, granted, calls, disable_missing=disable_missing_schedules, enable_again=True, now=now()
            )
            done = _upgraded(install, registry, old, new, disabled)
            _record(session, actor, "extension.rolled_back", registry, done, now())
            return done

        return await _carry_out(db, store, actor, step, write, now)

    return await retry_when_moved(attempt, name=extension)


async def change_version(
    db: Database,
    store: BundleStore,
    actor: Actor,
    policy: TrustPolicy,
    extension: str,
    wanted: str | None,
    choice: Choice,
    *,
    disable_missing: bool,
    now: Callable[[], datetime],
) -> Upgraded:
    """The upgrade of `upgrade_install`, with all that may be agreed to."""
    released: dict[str, str] = {}

    async def attempt() -> Upgraded:
        step = await _agreed(db, actor, policy, extension, wanted, choice, now)
        if isinstance(step, Upgraded):
            return step

        async def write(session: AsyncSession) -> Upgraded:
            released.clear()
            install, registry, old, new = await _begin(session, actor, step)
            granted = _grants_after(install, old, new, choice)
            if granted is None:
                raise Moved
            # What a rollback led to until now is not needed any more.
            dropped = await content_hashes(session, [(install.previous or {}).get("version_id")])
            released.update(await release_copies(session, actor.tenant_id, registry.id, dropped, now()))
            calls = await scheduled_calls(session, install)
            disabled = await put_on_version(session, install, old, new, granted, calls, disable_missing=disable_missing, now=now())
            done = _upgraded(install, registry, old, new, disabled)
            _record(session, actor, "extension.upgraded", registry, done, now())
            return done

        return await _carry_out(db, store, actor, step, write, now)

    done = await retry_when_moved(attempt, name=extension)
    await delete_released(db, store, released)
    return done


async def put_on_version(
    session: AsyncSession,
    install: TenantExtensionInstall,
    old: ExtensionVersion,
    new: ExtensionVersion,
    granted: Permissions,
    calls: Calls,
    *,
    disable_missing: bool,
    enable_again: bool = False,
    now: datetime,
) -> list[MissingSchedule]:
    """Writes the rows of a change of version: schedules, settings, grants, and where a rollback leads. Returns what was disabled.

    `calls` are the schedules of until now. Raises SchedulesMissing.
    """
    disabled = await move_schedules(
        session, install, calls, manifest_of(old), new, disable_missing=disable_missing, enable_again=enable_again, now=now
    )
    install.previous = previous_of(install, old)
    install.pending = None
    install.version_id = new.id
    install.updated_at = now
    set_granted(install, granted)
    await record_defaults(session, install, manifest_of(new), now)
    return disabled


def previous_of(install: TenantExtensionInstall, version: ExtensionVersion) -> dict[str, Any]:
    """What an install at `version` is, for a rollback to lead there."""
    return {"version_id": version.id, "granted_caps": list(install.granted_caps), "granted_egress": list(install.granted_egress)}


async def _agreed(
    db: Database, actor: Actor, policy: TrustPolicy, extension: str, wanted: str | None, choice: Choice, now: Callable[[], datetime]
) -> _Step | Upgraded:
    """The step to take, or what is there when there is none. An upgrade that waits for consent is recorded, then ConsentRequired raised."""
    async with db.transaction() as session:
        install, registry, old = await require_install(session, actor.tenant_id, extension, lock=True)
        new = await _target(session, install, old, wanted, choice)
        if new.id == old.id:
            return _upgraded(install, registry, old, old, [])
        require_known(new)
        require_this_host(new)
        if _grants_after(install, old, new, choice) is not None:
            return await _step(session, policy, install, registry, old, new)
        more = _more(install, old, new)
        pending = {"version_id": new.id, "version": new.version, **more.as_lists()}
        if install.pending != pending:
            install.pending = pending
            install.updated_at = now()
            record_audit(
                session,
                actor,
                "extension.consent_required",
                resource_id=registry.id,
                resource_name=slug(registry.publisher, registry.name),
                now=now(),
                version=new.version,
                **more.as_lists(),
            )
    raise ConsentRequired(new.version, more)


async def _target(
    session: AsyncSession, install: TenantExtensionInstall, old: ExtensionVersion, wanted: str | None, choice: Choice
) -> ExtensionVersion:
    if wanted is not None:
        # Who has a version may keep it; only others cannot have it any more when it was yanked.
        return await resolve_version(session, install.registry_id, wanted, allow_yanked=wanted.strip() == old.version)
    if choice.consent and install.pending is not None:
        # Consent is to what was shown, not to what was published after that.
        return await resolve_version(session, install.registry_id, install.pending["version"])
    newest = await resolve_version(session, install.registry_id, None)
    return old if is_older(newest.version, old.version) else newest


def is_older(version: str, than: str) -> bool:
    """Whether a version comes before another; never for what is no version."""
    try:
        return SemVer.parse(version) < SemVer.parse(than)
    except InvalidVersion:
        return False


def _more(install: TenantExtensionInstall, old: ExtensionVersion, new: ExtensionVersion) -> Permissions:
    """What a version asks for that was neither granted nor asked for until now."""
    return asked_by(new) - asked_by(old) - granted_to(install)


def _grants_after(install: TenantExtensionInstall, old: ExtensionVersion, new: ExtensionVersion, choice: Choice) -> Permissions | None:
    """What is granted after a change of version, or None when consent is wanting."""
    asked, more = asked_by(new), _more(install, old, new)
    kept = granted_to(install) & asked
    given = of_names(choice.capabilities or [], choice.egress or [])
    require_asked(given, asked)
    if choice.consent:
        pending = install.pending or {}
        shown = of_names(pending.get("capabilities", []), pending.get("egress", [])) if pending.get("version_id") == new.id else more
        if more - shown:
            return None
        kept, more = kept | more, Permissions()
    if (more.capabilities and choice.capabilities is None) or (more.egress and choice.egress is None):
        return None
    return Permissions(
        kept.capabilities if choice.capabilities is None else given.capabilities, kept.egress if choice.egress is None else given.egress
    )


async def _previous(session: AsyncSession, install: TenantExtensionInstall, extension: str) -> ExtensionVersion:
    version_id = (install.previous or {}).get("version_id")
    version = None if version_id is None else await session.get(ExtensionVersion, version_id)
    if version is None or version.registry_id != install.registry_id:
        raise NothingToRollBack(f"{extension} has no earlier version to go back to.", hint="`holdfast versions` shows what there is.")
    return version


async def _step(
    session: AsyncSession,
    policy: TrustPolicy,
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    old: ExtensionVersion,
    new: ExtensionVersion,
) -> _Step:
    bundle = await active_bundle(session, new.id)
    judge_version(policy, new, bundle)
    return _Step(
        install_id=install.id,
        registry_id=registry.id,
        old_id=old.id,
        new_id=new.id,
        name=slug(registry.publisher, registry.name),
        bundle=bundle,
    )


async def _begin(
    session: AsyncSession, actor: Actor, step: _Step
) -> tuple[TenantExtensionInstall, ExtensionRegistry, ExtensionVersion, ExtensionVersion]:
    """Locks the install that a step is about. Raises Moved when the step was looked at in another state than it finds."""
    install, registry, old = await require_install(session, actor.tenant_id, step.install_id, lock=True)
    new = await session.get(ExtensionVersion, step.new_id)
    bundle = await active_bundle(session, step.new_id)
    looked_at = step.bundle and step.bundle.id
    if old.id != step.old_id or new is None or (bundle and bundle.id) != looked_at:
        raise Moved
    return install, registry, old, new


async def _carry_out(
    db: Database,
    store: BundleStore,
    actor: Actor,
    step: _Step,
    write: Callable[[AsyncSession], Awaitable[Upgraded]],
    now: Callable[[], datetime],
) -> Upgraded:
    copy = TenantCopy.from_bundle(actor.tenant_id, step.registry_id, step.bundle, step.name)
    source = None if step.bundle is None else step.bundle.storage_url
    return await object_transaction(
        db, store, key=copy.key, put=lambda: copy_bundle(store, copy, source), write=write, name=copy.name, now=now
    )


def _upgraded(
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    old: ExtensionVersion,
    new: ExtensionVersion,
    disabled: list[MissingSchedule],
) -> Upgraded:
    return Upgraded(
        install_id=install.id,
        registry_id=registry.id,
        from_version=old.version,
        version=new.version,
        granted=list(install.granted_caps),
        egress=list(install.granted_egress),
        disabled_schedules=disabled,
    )


def _record(session: AsyncSession, actor: Actor, event: str, registry: ExtensionRegistry, done: Upgraded, now: datetime) -> None:
    record_audit(
        session,
        actor,
        event,
        resource_id=registry.id,
        resource_name=slug(registry.publisher, registry.name),
        now=now,
        from_version=done.from_version,
        version=done.version,
        granted=done.granted,
        egress=done.egress,
        disabled_schedules=[one.schedule_id for one in done.disabled_schedules],
    )
