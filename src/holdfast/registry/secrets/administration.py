"""The secrets of an install: set, removed and listed by administrators. Values can be written here, never read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import RegistryError
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionRegistry, TenantExtensionInstall, TenantExtensionInstallSecrets
from holdfast.registry.secrets.results import SecretsSummary
from holdfast.registry.secrets.sealing import Sealed, Sealer, SecretsUnreadable
from holdfast.registry.secrets.values import check_total, check_values
from holdfast.sealing.errors import VaultFailed


async def list_secrets(db: Database, sealer: Sealer, *, tenant_id: str, extension: str) -> SecretsSummary:
    """The names of an install's secrets.

    Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`), SecretsUnreadable, VaultFailed.
    """
    async with db.session() as session:
        install, _registry, _version = await require_install(session, tenant_id, extension)
        row = await session.scalar(select(TenantExtensionInstallSecrets).where(TenantExtensionInstallSecrets.install_id == install.id))
    return _summary(row, await _opened(sealer, row, tenant_id))


async def set_secrets(
    db: Database,
    sealer: Sealer,
    *,
    actor: Actor,
    extension: str,
    values: Mapping[str, str],
    expires_at: datetime | UnsetType | None = UNSET,
    now: Callable[[], datetime] = utc_now,
) -> SecretsSummary:
    """Sets secrets (name to value); others stay. An empty value leaves that secret as it is, as forms send it.

    `expires_at` (aware; None is never) counts for all secrets of the install; UNSET keeps what was said before. When the present secrets
    cannot be opened, nothing is changed. Raises RegistryError (`secrets_refused`, `secrets_expired`, `ambiguous_extension`),
    ExtensionNotInstalled, SecretsUnreadable, SecretsKeyUnusable, VaultFailed.
    """
    given = check_values(values)
    _check_expiry(expires_at, now())
    async with db.transaction() as session:
        install, registry, row = await _locked(session, actor.tenant_id, extension)
        present = await _opened(sealer, row, actor.tenant_id)
        until = (None if row is None else row.expires_at) if expires_at is UNSET else expires_at
        if not given and (row is None or until == row.expires_at):
            return _summary(row, present)
        if until is not None and until <= now():
            raise RegistryError(
                "secrets_expired",
                "The secrets of this install have expired.",
                hint="Pass a new expiry for all of them, or clear them first.",
            )
        after = present | given
        check_total(after)
        sealed = await sealer.seal(after, tenant_id=actor.tenant_id, install_id=install.id)
        if row is None:
            row = TenantExtensionInstallSecrets(install_id=install.id, tenant_id=actor.tenant_id, created_at=now())
            session.add(row)
        row.expires_at = until
        put(row, sealed, now())
        _record(
            session, actor, registry, "secrets.set", now(), names=sorted(given), expires_at=None if until is None else until.isoformat()
        )
        return _summary(row, after)


async def remove_secret(
    db: Database, sealer: Sealer, *, actor: Actor, extension: str, key: str, now: Callable[[], datetime] = utc_now
) -> SecretsSummary:
    """Removes one secret; others stay. Raises RegistryError (`secret_not_found`, `ambiguous_extension`), ExtensionNotInstalled,
    SecretsUnreadable, SecretsKeyUnusable, VaultFailed.
    """
    async with db.transaction() as session:
        install, registry, row = await _locked(session, actor.tenant_id, extension)
        present = await _opened(sealer, row, actor.tenant_id)
        if row is None or key not in present:
            raise RegistryError(
                "secret_not_found", "The install has no secret of that name.", hint="`holdfast secrets list` shows the names."
            )
        after = {name: value for name, value in present.items() if name != key}
        _record(session, actor, registry, "secrets.removed", now(), names=[key])
        if not after:
            await session.delete(row)
            return _summary(None, {})
        put(row, await sealer.seal(after, tenant_id=actor.tenant_id, install_id=install.id), now())
        return _summary(row, after)


async def clear_secrets(
    db: Database, sealer: Sealer, *, actor: Actor, extension: str, now: Callable[[], datetime] = utc_now
) -> SecretsSummary:
    """Removes all secrets, also those that cannot be opened. Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`)."""
    async with db.transaction() as session:
        _install, registry, row = await _locked(session, actor.tenant_id, extension)
        if row is not None:
            try:
                names = sorted(await _opened(sealer, row, actor.tenant_id))
            except (SecretsUnreadable, VaultFailed):
                names = None  # clearing is how an administrator recovers from secrets that cannot be opened
            await session.delete(row)
            _record(session, actor, registry, "secrets.cleared", now(), names=names)
    return _summary(None, {})


def put(row: TenantExtensionInstallSecrets, sealed: Sealed, now: datetime) -> None:
    """Writes sealed secrets into their row, under a new version."""
    row.ciphertext = sealed.ciphertext
    row.algorithm = sealed.algorithm
    row.transit_key = sealed.transit_key
    row.transit_mount = sealed.transit_mount
    row.version = new_id()
    row.updated_at = now


def sealed_in(row: TenantExtensionInstallSecrets) -> Sealed:
    """What is sealed in a row."""
    return Sealed(ciphertext=row.ciphertext, algorithm=row.algorithm, transit_key=row.transit_key, transit_mount=row.transit_mount)


def _check_expiry(expires_at: datetime | UnsetType | None, now: datetime) -> None:
    if not isinstance(expires_at, datetime):
        return
    if expires_at.tzinfo is None:
        raise RegistryError("secrets_refused", "The expiry has no time zone.", hint="Write it like 2031-12-31T00:00:00Z.")
    if expires_at <= now:
        raise RegistryError(
            "secrets_refused", "The secrets would have expired already.", hint="Pass a time in the future, such as 2031-12-31T00:00:00Z."
        )


async def _locked(
    session: AsyncSession, tenant_id: str, extension: str
) -> tuple[TenantExtensionInstall, ExtensionRegistry, TenantExtensionInstallSecrets | None]:
    """The install and its secrets. The lock on the install makes concurrent writers wait, also when there are no secrets to lock yet."""
    install, registry, _version = await require_install(session, tenant_id, extension, lock=True)
    row = await session.scalar(
        select(TenantExtensionInstallSecrets).where(TenantExtensionInstallSecrets.install_id == install.id).with_for_update()
    )
    return install, registry, row


async def _opened(sealer: Sealer, row: TenantExtensionInstallSecrets | None, tenant_id: str) -> dict[str, str]:
    if row is None:
        return {}
    if row.tenant_id != tenant_id:
        # The install was moved in the database; its secrets were given by, and sealed for, the tenant that had it.
        raise SecretsUnreadable(
            "The secrets of this install belong to the tenant that had it before.",
            hint="Clear the secrets and set them again, or give the install back to that tenant.",
        )
    return await sealer.open(sealed_in(row), tenant_id=row.tenant_id, install_id=row.install_id)


def _summary(row: TenantExtensionInstallSecrets | None, values: Mapping[str, str]) -> SecretsSummary:
    if row is None:
        return SecretsSummary(keys=[])
    return SecretsSummary(
        keys=sorted(values), version=row.version, algorithm=row.algorithm, key_id=row.transit_key, expires_at=row.expires_at
    )


def _record(session: AsyncSession, actor: Actor, registry: ExtensionRegistry, event: str, now: datetime, **details: Any) -> None:
    record_audit(session, actor, event, resource_id=registry.id, resource_name=slug(registry.publisher, registry.name), now=now, **details)
