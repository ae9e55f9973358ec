"""What commands do with the registry, wherever it is: `local` does it on a data folder, `http` on a server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import UNSET, UnsetType

if TYPE_CHECKING:  # `holdfast list` imports this module; on a data folder it needs none of these types at run time
    from holdfast.client.progress import WorkProgress
    from holdfast.contract.extension_events import EventDetails, EventInfo, EventPage
    from holdfast.registry.installs.results import Grants, InstallDetails, Installed, InstallSummary, Uninstalled, Upgraded
    from holdfast.registry.publishing.results import Publication, Published, VersionSummary
    from holdfast.registry.quotas.results import InstallQuotas
    from holdfast.registry.secrets.results import SecretsSummary


class InstallList(Protocol):
    """The list of a tenant's installs, which `holdfast list` can read without the rest of the registry."""

    def page_of(self, registry_id: str) -> str:
        """The address of an extension's page in the console."""
        ...

    async def installs(self) -> list[InstallSummary]:
        """All installs, including disabled ones."""
        ...


class Registry(InstallList, Protocol):
    """The installs of one tenant, and the published versions.

    `extension` is the id of an install or of the registry, `publisher.name` in any letter case, or a bare name that is unique.

    Every method raises HoldfastError: the error of the registry, or an error of the connection to the server.
    """

    async def publish(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Published:
        """Publishes a bundle. `signature` is the content of its `.minisig`, if it has one."""
        ...

    async def publication(self, extension: str, version: str | None) -> Publication:
        """The rights that a version requests: this version, the newest of `X.Y.*`, or (None) the newest."""
        ...

    async def versions(self, extension: str) -> list[VersionSummary]:
        """The published versions, newest first."""
        ...

    async def yank(self, extension: str, version: str, *, reason: str | None) -> None:
        """Excludes a version from new installs."""
        ...

    async def unyank(self, extension: str, version: str) -> None:
        """Allows new installs of a yanked version again."""
        ...

    async def details(self, extension: str) -> InstallDetails:
        """The details of one install, without the values of settings and secrets."""
        ...

    async def quotas(self, extension: str | None) -> list[InstallQuotas]:
        """What one install, or (None) each of them, has used today."""
        ...

    async def set_quotas(self, extension: str, changes: dict[str, int | None]) -> list[InstallQuotas]:
        """Gives an install limits of its own, by quota: None removes one, 0 means no limit. Returns its quotas."""
        ...

    async def events(self, extension: str | None, *, status: str | None, limit: int, cursor: str | None) -> EventPage:
        """Events of one install, or (None) of all, the newest first."""
        ...

    async def event(self, event_id: str) -> EventDetails:
        """One event with its data."""
        ...

    async def retry_event(self, event_id: str) -> EventInfo:
        """Delivers a dead letter again, out of order."""
        ...

    async def drop_event(self, event_id: str) -> EventInfo:
        """Gives up an event that waits, or a dead letter."""
        ...

    async def install_archive(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Installed:
        """Installs an author's own bundle with all the rights it requests. A server publishes it first."""
        ...

    async def install(
        self, extension: str, version: str | None, *, capabilities: Sequence[str] | None = None, egress: Sequence[str] | None = None
    ) -> Installed:
        """Installs a published version with these rights; None grants all requested ones."""
        ...

    async def upgrade(self, extension: str, version: str | None, *, consent: bool, disable_missing_schedules: bool) -> Upgraded:
        """Moves an install to another version. Raises RegistryError (`CONSENT_REQUIRED`) and SchedulesMissing, among others."""
        ...

    async def rollback(self, extension: str, *, disable_missing_schedules: bool) -> Upgraded:
        """Returns an install to its previous version."""
        ...

    async def uninstall(self, extension: str) -> Uninstalled:
        """Removes an install and its data."""
        ...

    async def set_enabled(self, extension: str, *, enabled: bool) -> None:
        """Enables or disables an install."""
        ...

    async def grants(self, extension: str) -> Grants:
        """The requested and the granted rights of an install."""
        ...

    async def grant(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        """Grants these rights in addition."""
        ...

    async def revoke(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        """Revokes these rights."""
        ...

    async def config(self, extension: str) -> dict[str, Any]:
        """The settings of an install."""
        ...

    async def change_config(self, extension: str, *, values: dict[str, Any], unset: Sequence[str]) -> dict[str, Any]:
        """Sets some settings and removes others. Returns all settings."""
        ...

    async def secrets(self, extension: str) -> SecretsSummary:
        """The names of an install's secrets."""
        ...

    async def set_secrets(
        self, extension: str, values: dict[str, str], *, expires_at: datetime | UnsetType | None = UNSET
    ) -> SecretsSummary:
        """Sets some secrets. UNSET leaves their expiry as it is, None removes it."""
        ...

    async def remove_secret(self, extension: str, key: str) -> SecretsSummary:
        """Removes one secret."""
        ...

    async def clear_secrets(self, extension: str) -> SecretsSummary:
        """Removes all secrets."""
        ...
