"""The registry of a data folder: its services, called in this process. The platform need not be running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import UNSET, UnsetType

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.client.component_check import ComponentCheck
from holdfast.client.data_folder import open_records, require_tenant
from holdfast.client.progress import WorkProgress
from holdfast.contract.extension_events import EventDetails, EventInfo, EventPage
from holdfast.platform.lock_file import extension_url
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.collaborators import Collaborators, ignore_runnable
from holdfast.registry.installs.results import Grants, InstallDetails, Installed, InstallSummary, Uninstalled, Upgraded
from holdfast.registry.lifecycle.service import InstallService
from holdfast.registry.publishing.inspection import CheckComponent
from holdfast.registry.publishing.results import Publication, Published, VersionSummary
from holdfast.registry.publishing.service import PublishingService
from holdfast.registry.quotas.kinds import QuotaLimits
from holdfast.registry.quotas.overrides import set_quotas
from holdfast.registry.quotas.report import read_quotas
from holdfast.registry.quotas.results import InstallQuotas
from holdfast.registry.secrets.results import SecretsSummary
from holdfast.registry.secrets.sealing import Sealer
from holdfast.registry.secrets.service import SecretService
from holdfast.schedules.events.administration import drop_event, list_events, read_event, retry_event
from holdfast.settings import Settings
from holdfast.storage.limits import StorageLimits


class LocalRegistry:
    """The `Registry` of one tenant of a data folder."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        store: BundleStore,
        tenant_id: str,
        *,
        check_component: CheckComponent | None = None,
        on_runnable: Callable[[str, str], None] = ignore_runnable,
    ) -> None:
        """`check_component` is used instead of an engine of this process; `on_runnable` is as in `Collaborators`."""
        collaborators = Collaborators(
            db=db,
            store=store,
            policy=TrustPolicy.from_settings(settings),
            domain_root=settings.ext_domain_root,
            storage_grace=settings.storage_grace,
            on_runnable=on_runnable,
        )
        self._settings = settings
        self._db = db
        self._tenant = tenant_id
        self._actor = local_actor(tenant_id)
        self._installs = InstallService(collaborators)
        self._publishing = PublishingService(collaborators)
        self._own_check = ComponentCheck(settings)
        self._check = check_component or self._own_check

    @cached_property
    def _sealer(self) -> Sealer:
        # Created on first use: most commands need no encryption key.
        return Sealer.from_settings(self._settings)

    @property
    def _secrets(self) -> SecretService:
        return SecretService(self._db, self._sealer)

    def page_of(self, registry_id: str) -> str:
        return extension_url(self._settings.data_dir, registry_id)

    async def publish(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Published:
        progress("Publishing")
        return await self._publishing.publish(archive, actor=self._actor, signature=signature, check_component=self._check_with(progress))

    async def publication(self, extension: str, version: str | None) -> Publication:
        return await self._publishing.read_publication(tenant_id=self._tenant, extension=extension, version=version)

    async def versions(self, extension: str) -> list[VersionSummary]:
        return await self._publishing.list_versions(tenant_id=self._tenant, extension=extension)

    async def yank(self, extension: str, version: str, *, reason: str | None) -> None:
        await self._publishing.yank(actor=self._actor, extension=extension, version=version, reason=reason)

    async def unyank(self, extension: str, version: str) -> None:
        await self._publishing.unyank(actor=self._actor, extension=extension, version=version)

    async def installs(self) -> list[InstallSummary]:
        return await self._installs.list(tenant_id=self._tenant)

    async def details(self, extension: str) -> InstallDetails:
        return await self._installs.details(tenant_id=self._tenant, extension=extension)

    async def quotas(self, extension: str | None) -> list[InstallQuotas]:
        limits = QuotaLimits.from_settings(self._settings, storage_bytes=StorageLimits().total_bytes)
        return await read_quotas(self._db, limits, tenant_id=self._tenant, extension=extension, now=utc_now())

    async def set_quotas(self, extension: str, changes: dict[str, int | None]) -> list[InstallQuotas]:
        await set_quotas(self._db, actor=self._actor, extension=extension, changes=changes, highest=None)
        return await self.quotas(extension)

    async def events(self, extension: str | None, *, status: str | None, limit: int, cursor: str | None) -> EventPage:
        return await list_events(self._db, self._tenant, extension, status=status, limit=limit, cursor=cursor)

    async def event(self, event_id: str) -> EventDetails:
        return await read_event(self._db, self._tenant, event_id)

    async def retry_event(self, event_id: str) -> EventInfo:
        return await retry_event(self._db, actor=self._actor, event_id=event_id)

    async def drop_event(self, event_id: str) -> EventInfo:
        return await drop_event(self._db, actor=self._actor, event_id=event_id)

    async def install_archive(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Installed:
        return await self._installs.install_archive(
            archive,
            actor=self._actor,
            signature=signature,
            check_component=self._check_with(progress),
            mutable_versions=self._settings.environment == "development",
        )

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
        return await self._installs.read_grants(tenant_id=self._tenant, extension=extension)

    async def grant(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return await self._installs.grant(actor=self._actor, extension=extension, capabilities=capabilities, egress=egress)

    async def revoke(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return await self._installs.revoke(actor=self._actor, extension=extension, capabilities=capabilities, egress=egress)

    async def config(self, extension: str) -> dict[str, Any]:
        return await self._installs.read_config(tenant_id=self._tenant, extension=extension)

    async def change_config(self, extension: str, *, values: dict[str, Any], unset: Sequence[str]) -> dict[str, Any]:
        return await self._installs.patch_config(actor=self._actor, extension=extension, values=values, unset=unset)

    async def secrets(self, extension: str) -> SecretsSummary:
        return await self._secrets.list(tenant_id=self._tenant, extension=extension)

    async def set_secrets(
        self, extension: str, values: dict[str, str], *, expires_at: datetime | UnsetType | None = UNSET
    ) -> SecretsSummary:
        return await self._secrets.set(actor=self._actor, extension=extension, values=values, expires_at=expires_at)

    async def remove_secret(self, extension: str, key: str) -> SecretsSummary:
        return await self._secrets.remove(actor=self._actor, extension=extension, key=key)

    async def clear_secrets(self, extension: str) -> SecretsSummary:
        return await self._secrets.clear(actor=self._actor, extension=extension)

    def _check_with(self, progress: WorkProgress) -> CheckComponent:
        async def check(component: Path) -> None:
            with progress.waiting("Checking and compiling"):
                await self._check(component)

        return check

    async def close(self) -> None:
        """Closes the engine and the connection to Vault, if they were opened."""
        await self._own_check.close()
        if "_sealer" in vars(self):
            await self._sealer.close()


@asynccontextmanager
async def open_local(settings: Settings, tenant: str | None) -> AsyncIterator[LocalRegistry]:
    """The registry of a data folder for one command and tenant (None: the development tenant). Raises AccountError (`tenant_unknown`)."""
    async with open_records(settings, uses_development_tenant=tenant is None) as db:
        registry = LocalRegistry(settings, db, open_store(settings), await require_tenant(db, tenant))
        try:
            yield registry
        finally:
            await registry.close()
