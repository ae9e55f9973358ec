"""The registry of a data folder: its functions, called in this process. A platform that runs on the folder need not be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import UNSET, UnsetType

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.cli.terminal.progress import WorkProgress
from holdfast.client.database import open_records
from holdfast.client.dev_installer import ComponentCheck, Installer
from holdfast.client.target import Target
from holdfast.client.tenant_choice import chosen_tenant
from holdfast.logs import configure_logs
from holdfast.platform.lock_file import extension_url
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.installs.details import InstallDetails
from holdfast.registry.installs.dev_install import CheckComponent
from holdfast.registry.installs.grants import Grants
from holdfast.registry.installs.listing import InstallSummary
from holdfast.registry.installs.results import Installed, Uninstalled, Upgraded
from holdfast.registry.installs.service import InstallService
from holdfast.registry.publishing.publish import Published
from holdfast.registry.publishing.requirements import Publication
from holdfast.registry.publishing.service import PublishingService
from holdfast.registry.publishing.versions import VersionSummary
from holdfast.registry.secrets import administration as secrets
from holdfast.registry.secrets.administration import SecretsSummary
from holdfast.registry.secrets.sealing import Sealer
from holdfast.settings import Settings, load_settings


class LocalRegistry:
    """The `Registry` of one tenant of a data folder."""

    def __init__(self, settings: Settings, db: Database, store: BundleStore, tenant_id: str) -> None:
        self._settings = settings
        self._db = db
        self._store = store
        self._tenant_id = tenant_id
        self._actor = local_actor(tenant_id)
        self._check = ComponentCheck(settings)
        collaborators = Collaborators(
            db=db,
            store=store,
            policy=TrustPolicy.from_settings(settings),
            domain_root=settings.ext_domain_root,
            storage_grace=settings.storage_grace,
        )
        self._installs = InstallService(collaborators)
        self._publishing = PublishingService(collaborators)

    @cached_property
    def _sealer(self) -> Sealer:
        # Made when it is needed: other commands ask for no key of secrets.
        return Sealer.from_settings(self._settings)

    def page_of(self, registry_id: str) -> str:
        return extension_url(self._settings.data_dir, registry_id)

    async def publish(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Published:
        progress("Publishing")
        return await self._publishing.publish(
            archive, actor=self._actor, signature=signature, check_component=self._check_telling(progress)
        )

    async def publication(self, extension: str, version: str | None) -> Publication:
        return await self._publishing.read_publication(tenant_id=self._tenant_id, extension=extension, version=version)

    async def versions(self, extension: str) -> list[VersionSummary]:
        return await self._publishing.list_versions(tenant_id=self._tenant_id, extension=extension)

    async def yank(self, extension: str, version: str, *, reason: str | None) -> None:
        await self._publishing.yank(actor=self._actor, extension=extension, version=version, reason=reason)

    async def unyank(self, extension: str, version: str) -> None:
        await self._publishing.unyank(actor=self._actor, extension=extension, version=version)

    async def installs(self) -> list[InstallSummary]:
        return await self._installs.list(tenant_id=self._tenant_id)

    async def details(self, extension: str) -> InstallDetails:
        return await self._installs.details(tenant_id=self._tenant_id, extension=extension)

    async def install_source(self, source: Path, progress: WorkProgress) -> Installed:
        installer = Installer(self._settings, self._db, self._store, self._check_telling(progress), tenant_id=self._tenant_id)
        return await installer.install(source, progress)

    async def install(
        self, extension: str, version: str | None, *, capabilities: Sequence[str] | None = None, egress: Sequence[str] | None = None
    ) -> Installed:
        return await self._installs.install(
            actor=self._actor,
            extension=extension,
            version=version,
            capabilities=None if capabilities is None else list(capabilities),
            egress=None if egress is None else list(egress),
        )

    async def upgrade(self, extension: str, version: str | None, *, consent: bool, disable_missing_schedules: bool) -> Upgraded:
        return await self._installs.upgrade(
            actor=self._actor,
            extension=extension,
            version=version,
            consent=consent,
            disable_missing_schedules=disable_missing_schedules,
        )

    async def rollback(self, extension: str, *, disable_missing_schedules: bool) -> Upgraded:
        return await self._installs.rollback(actor=self._actor, extension=extension, disable_missing_schedules=disable_missing_schedules)

    async def uninstall(self, extension: str) -> Uninstalled:
        return await self._installs.uninstall(actor=self._actor, extension=extension)

    async def set_enabled(self, extension: str, *, enabled: bool) -> None:
        await self._installs.set_enabled(actor=self._actor, extension=extension, enabled=enabled)

    async def grants(self, extension: str) -> Grants:
        return await self._installs.read_grants(tenant_id=self._tenant_id, extension=extension)

    async def grant(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return await self._installs.grant(actor=self._actor, extension=extension, capabilities=capabilities, egress=egress)

    async def revoke(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return await self._installs.revoke(actor=self._actor, extension=extension, capabilities=capabilities, egress=egress)

    async def config(self, extension: str) -> dict[str, Any]:
        return await self._installs.read_config(tenant_id=self._tenant_id, extension=extension)

    async def change_config(self, extension: str, *, values: dict[str, Any], unset: Sequence[str]) -> dict[str, Any]:
        return await self._installs.patch_config(actor=self._actor, extension=extension, values=values, unset=unset)

    async def secrets(self, extension: str) -> SecretsSummary:
        return await secrets.list_secrets(self._db, self._sealer, tenant_id=self._tenant_id, extension=extension)

    async def set_secrets(
        self, extension: str, values: dict[str, str], *, expires_at: datetime | UnsetType | None = UNSET
    ) -> SecretsSummary:
        return await secrets.set_secrets(
            self._db, self._sealer, actor=self._actor, extension=extension, values=values, expires_at=expires_at
        )

    async def remove_secret(self, extension: str, key: str) -> SecretsSummary:
        return await secrets.remove_secret(self._db, self._sealer, actor=self._actor, extension=extension, key=key)

    async def clear_secrets(self, extension: str) -> SecretsSummary:
        return await secrets.clear_secrets(self._db, self._sealer, actor=self._actor, extension=extension)

    def _check_telling(self, progress: WorkProgress) -> CheckComponent:
        async def check(component: Path) -> None:
            with progress.waiting("Checking and compiling"):
                await self._check(component)

        return check

    async def close(self) -> None:
        """Closes what was opened on the way: engine and Vault."""
        await self._check.close()
        if "_sealer" in vars(self):
            await self._sealer.close()


@asynccontextmanager
async def open_local(target: Target) -> AsyncIterator[LocalRegistry]:
    """The registry of a data folder for one command, and the tenant that was named; else the development tenant's.

    Raises SettingInvalid, TenantUnknown.
    """
    settings = load_settings(data_dir=target.data_dir)
    configure_logs(settings.model_copy(update={"log_level": "warning"}))
    async with open_records(settings) as db:
        registry = LocalRegistry(settings, db, open_store(settings), await chosen_tenant(db, target.tenant))
        try:
            yield registry
        finally:
            await registry.close()
