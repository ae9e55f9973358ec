"""The registry of a running platform, which does the work. It imports neither database nor engine nor HTTP client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from holdfast.client.location.connection import PlatformConnection
from holdfast.client.progress import WorkProgress
from holdfast.contract.extension_events import EventDetails, EventInfo, EventPage
from holdfast.platform.lock_file import page_of
from holdfast.registry.installs.results import Grants, InstallDetails, Installed, InstallSummary, Uninstalled, Upgraded
from holdfast.registry.publishing.results import Publication, Published, VersionSummary
from holdfast.registry.quotas.results import InstallQuotas
from holdfast.registry.secrets.results import SecretsSummary

T = TypeVar("T")


class PlatformRegistry:
    """The `Registry` of one tenant of a running platform; None is the development tenant. `strict` asks for the rules of production."""

    def __init__(self, connection: PlatformConnection, tenant: str | None, *, strict: bool = False) -> None:
        self._connection = connection
        self._tenant = tenant
        self._strict = strict

    def page_of(self, registry_id: str) -> str:
        return page_of(self._connection.description.console, registry_id)

    async def publish(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Published:
        progress("Publishing")
        with progress.waiting("Checking and compiling"):
            return await self._call("publish", Published, archive=_path(archive), signature=signature)

    async def publication(self, extension: str, version: str | None) -> Publication:
        return await self._call("publication", Publication, extension=extension, version=version)

    async def versions(self, extension: str) -> list[VersionSummary]:
        return await self._call("versions", list[VersionSummary], extension=extension)

    async def yank(self, extension: str, version: str, *, reason: str | None) -> None:
        await self._call("yank", type(None), extension=extension, version=version, reason=reason)

    async def unyank(self, extension: str, version: str) -> None:
        await self._call("unyank", type(None), extension=extension, version=version)

    async def installs(self) -> list[InstallSummary]:
        return await self._call("installs", list[InstallSummary])

    async def details(self, extension: str) -> InstallDetails:
        return await self._call("details", InstallDetails, extension=extension)

    async def quotas(self, extension: str | None) -> list[InstallQuotas]:
        return await self._call("quotas", list[InstallQuotas], extension=extension)

    async def set_quotas(self, extension: str, changes: dict[str, int | None]) -> list[InstallQuotas]:
        return await self._call("set_quotas", list[InstallQuotas], extension=extension, changes=changes)

    async def events(self, extension: str | None, *, status: str | None, limit: int, cursor: str | None) -> EventPage:
        return await self._call("events", EventPage, extension=extension, status=status, limit=limit, cursor=cursor)

    async def event(self, event_id: str) -> EventDetails:
        return await self._call("event", EventDetails, event_id=event_id)

    async def retry_event(self, event_id: str) -> EventInfo:
        return await self._call("retry_event", EventInfo, event_id=event_id)

    async def drop_event(self, event_id: str) -> EventInfo:
        return await self._call("drop_event", EventInfo, event_id=event_id)

    async def install_archive(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Installed:
        return await self._call("install_archive", Installed, archive=_path(archive), signature=signature)

    async def install(
        self, extension: str, version: str | None, *, capabilities: Sequence[str] | None = None, egress: Sequence[str] | None = None
    ) -> Installed:
        return await self._call("install", Installed, extension=extension, version=version, capabilities=capabilities, egress=egress)

    async def upgrade(self, extension: str, version: str | None, *, consent: bool, disable_missing_schedules: bool) -> Upgraded:
        options = {"consent": consent, "disable_missing_schedules": disable_missing_schedules}
        return await self._call("upgrade", Upgraded, extension=extension, version=version, **options)

    async def rollback(self, extension: str, *, disable_missing_schedules: bool) -> Upgraded:
        return await self._call("rollback", Upgraded, extension=extension, disable_missing_schedules=disable_missing_schedules)

    async def uninstall(self, extension: str) -> Uninstalled:
        return await self._call("uninstall", Uninstalled, extension=extension)

    async def set_enabled(self, extension: str, *, enabled: bool) -> None:
        await self._call("set_enabled", type(None), extension=extension, enabled=enabled)

    async def grants(self, extension: str) -> Grants:
        return await self._call("grants", Grants, extension=extension)

    async def grant(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return await self._call("grant", Grants, extension=extension, capabilities=capabilities, egress=egress)

    async def revoke(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return await self._call("revoke", Grants, extension=extension, capabilities=capabilities, egress=egress)

    async def config(self, extension: str) -> dict[str, Any]:
        return await self._call("config", dict[str, Any], extension=extension)

    async def change_config(self, extension: str, *, values: dict[str, Any], unset: Sequence[str]) -> dict[str, Any]:
        return await self._call("change_config", dict[str, Any], extension=extension, values=values, unset=unset)

    async def secrets(self, extension: str) -> SecretsSummary:
        return await self._call("secrets", SecretsSummary, extension=extension)

    async def set_secrets(
        self, extension: str, values: dict[str, str], *, expires_at: datetime | UnsetType | None = UNSET
    ) -> SecretsSummary:
        given = {} if expires_at is UNSET else {"expires_at": expires_at}
        return await self._call("set_secrets", SecretsSummary, extension=extension, values=values, **given)

    async def remove_secret(self, extension: str, key: str) -> SecretsSummary:
        return await self._call("remove_secret", SecretsSummary, extension=extension, key=key)

    async def clear_secrets(self, extension: str) -> SecretsSummary:
        return await self._call("clear_secrets", SecretsSummary, extension=extension)

    async def _call(self, operation: str, kind: type[T], **arguments: Any) -> T:
        return await self._connection.call(f"registry.{operation}", kind, arguments, tenant=self._tenant, strict=self._strict)


def _path(archive: Path) -> str:
    # The platform has another working folder.
    return str(archive.absolute())
