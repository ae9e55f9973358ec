"""A change of version that was prepared outside a transaction, and is carried out in one if nothing has changed since.

What an install remembers (columns of `tenant_extension_install`), and what changes it:

                                  upgrade that requests more, without consent
                                 ┌─────────────────────────────────────────┐
                                 │                                         ▼
    install ──────> version A, previous -, pending -          version A, previous -, pending B
                                 │                                         │
          upgrade, nothing more  │                                         │  upgrade with consent
                                 ▼                                         │
                    version B, previous A, pending -  <────────────────────┘
                       │         ▲
              rollback ▼         │ rollback
                    version A, previous B, pending -

An upgrade from B to C forgets A: `previous` is one version, with the grants it had, and the copy of A's bundle is released.

How the change is made, so that no lock is held while a bundle is copied:

    prepare_change ──> copy the bundle ──> lock the install, read again ──> write ──> commit
          ▲                                             │
          └───────────── Moved: up to 5 attempts ───────┘ not at A any more, or B has another bundle
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.errors import Moved
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.installs.results import MissingSchedule, Upgraded
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.queries import active_bundle
from holdfast.registry.objects.object_transaction import object_transaction
from holdfast.registry.objects.tenant_copies import TenantCopy, copy_bundle
from holdfast.registry.publishing.signature_check import verify_version


class PreparedChange(Struct, frozen=True, kw_only=True):
    """A change of version that was checked. It is valid as long as the install is at `old_id` and the new version has this bundle."""

    install_id: str
    registry_id: str
    old_id: str
    new_id: str
    name: str
    bundle: ExtensionBundle | None


class Locked(Struct, frozen=True, kw_only=True):
    """The rows of a change, the install locked until the transaction ends."""

    install: TenantExtensionInstall
    registry: ExtensionRegistry
    old: ExtensionVersion
    new: ExtensionVersion


async def prepare_change(
    session: AsyncSession,
    policy: TrustPolicy,
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    old: ExtensionVersion,
    new: ExtensionVersion,
) -> PreparedChange:
    """Prepares the change from `old` to `new`. Raises SignatureRejected, TrustStoreUnusable."""
    bundle = await active_bundle(session, new.id)
    verify_version(policy, new, bundle)
    return PreparedChange(
        install_id=install.id,
        registry_id=registry.id,
        old_id=old.id,
        new_id=new.id,
        name=slug(registry.publisher, registry.name),
        bundle=bundle,
    )


async def carry_out(
    using: Collaborators, actor: Actor, change: PreparedChange, write: Callable[[AsyncSession, Locked], Awaitable[Upgraded]]
) -> Upgraded:
    """Copies the bundle to the tenant's place, locks the rows and writes the change with `write`.

    Raises Moved when the install or the version has changed since the change was prepared; what copying and `write` raise.
    """
    copy = TenantCopy.from_bundle(actor.tenant_id, change.registry_id, change.bundle, change.name)
    source = None if change.bundle is None else change.bundle.storage_url

    async def write_locked(session: AsyncSession) -> Upgraded:
        return await write(session, await _lock(session, actor, change))

    return await object_transaction(
        using.db,
        using.store,
        key=copy.key,
        put=lambda: copy_bundle(using.store, copy, source),
        write=write_locked,
        name=copy.name,
        now=using.now,
    )


async def _lock(session: AsyncSession, actor: Actor, change: PreparedChange) -> Locked:
    install, registry, old = await require_install(session, actor.tenant_id, change.install_id, lock=True)
    new = await session.get(ExtensionVersion, change.new_id)
    bundle = await active_bundle(session, change.new_id)
    prepared_bundle = change.bundle and change.bundle.id
    if old.id != change.old_id or new is None or (bundle and bundle.id) != prepared_bundle:
        raise Moved
    return Locked(install=install, registry=registry, old=old, new=new)


def describe_change(
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    old: ExtensionVersion,
    new: ExtensionVersion,
    disabled: list[MissingSchedule],
) -> Upgraded:
    """The result of a change of version, from its rows."""
    return Upgraded(
        install_id=install.id,
        registry_id=registry.id,
        from_version=old.version,
        version=new.version,
        granted=list(install.granted_caps),
        egress=list(install.granted_egress),
        disabled_schedules=disabled,
    )


def audit_change(session: AsyncSession, actor: Actor, event: str, registry: ExtensionRegistry, done: Upgraded, now: datetime) -> None:
    """Writes the audit row of a change of version."""
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
